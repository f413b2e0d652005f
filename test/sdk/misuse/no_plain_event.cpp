#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
class Hidden { int cents = 0; public: explicit Hidden(int c) : cents(c) {} };
auto use(dcb::store<std::variant<ItemAdded, Hidden>>& store) { return store.append(ItemAdded{"c1", 1}); }
