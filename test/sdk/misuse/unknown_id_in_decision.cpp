#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
struct AddItem {
  std::string cart_id;
  auto states() const { return Cart{cart_id}; }
  dcb::decided<Event, int> decide(const Cart&) const { return ItemAdded{cart_id, 1}; }
};
auto use(dcb::store<Event>& store) { return dcb::decision_maker{store}.make(AddItem{"c1"}); }
