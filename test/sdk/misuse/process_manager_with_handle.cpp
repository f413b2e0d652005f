#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
struct Elsewhere { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Manager {
  static constexpr auto name = "manager";
  auto when(const ItemAdded& e) const { return ItemRemoved{e.cart_id}; }
  void handle(dcb::transaction&, const ItemRemoved&) const {}
};
auto use(const dcb::event_store<Event>& store) { dcb::runner{store}.add(Manager{}); }
