#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
struct Weighed { dcb::id<std::int64_t> cart_id; };
auto use(dcb::store<std::variant<ItemAdded, Weighed>>& store) { return store.append(Weighed{1}); }
