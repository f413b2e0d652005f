#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
auto use(dcb::store<Event>& store) { Cart cart{"c1"}; return store.load(cart); }
