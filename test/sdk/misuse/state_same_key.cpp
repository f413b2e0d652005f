#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
struct Numbered {
  dcb::id<std::int64_t> cart_id;
  void apply(const ItemAdded&) {}
};
auto use(dcb::store<Event>& store) { Numbered cart{7}; return store.load(cart); }
