#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
struct Carts {
  std::vector<dcb::id<>> cart_id;
  void apply(const ItemAdded&) {}
};
auto use(dcb::store<Event>& store) { Carts carts{{"c1", "c2"}}; return store.load(carts); }
