#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
struct Elsewhere { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct View {
  void handle(dcb::transaction&, const ItemAdded&) const {}
};
auto use(const dcb::event_store<Event>& store) { dcb::runner{store}.add(View{}); }
