#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
template <class T> struct Changed { dcb::id<> cart_id; T to; };
auto use(dcb::store<std::variant<Changed<int>>>& store) { return store.append(Changed<int>{"c1", 1}); }
