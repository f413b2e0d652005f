#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
struct Weighed { dcb::id<double> weight; };
auto use(dcb::store<std::variant<Weighed>>& store) { return store.append(Weighed{1.5}); }
