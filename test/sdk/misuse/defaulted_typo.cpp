#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
struct Wrapped { dcb::id<> cart_id; bool ribbon = false; static constexpr std::string_view defaulted[] = {"ribon"}; };
auto use(const Wrapped& event) { return dcb::to_json(event); }
