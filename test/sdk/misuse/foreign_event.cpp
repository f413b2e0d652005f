#include <dcb/dcb.hpp>

struct ItemAdded { dcb::id<> cart_id; unsigned quantity; };
struct ItemRemoved { dcb::id<> cart_id; };
using Event = std::variant<ItemAdded, ItemRemoved>;
struct Cart {
  dcb::id<> cart_id;
  unsigned items = 0;
  void apply(const ItemAdded& e) { items += e.quantity; }
};
struct Renamed { dcb::id<> cart_id; };
struct Rename {
  auto states() const { return Cart{"c1"}; }
  dcb::decided<std::variant<ItemAdded, Renamed>, int> decide(const Cart&) const { return Renamed{"c1"}; }
};
auto use(dcb::store<Event>& store) { return dcb::decision_maker{store}.make(Rename{}); }
