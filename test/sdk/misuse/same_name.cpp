#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
namespace old { struct ItemAdded { dcb::id<> cart_id; }; }
auto use(dcb::store<std::variant<ItemAdded, old::ItemAdded>>& store) { return store.append(ItemAdded{"c1", 1}); }
