#pragma once
#include "events.hpp"

#include <map>

// The read model: what is in whose cart. It has no ids, so it sees the events of all users.
struct CartItems {
  std::map<std::string, std::map<std::string, unsigned>> by_user{};

  void apply(const ItemAdded& e)      { by_user[e.user_id][e.item_id] += e.quantity; }
  void apply(const ItemRemoved& e)    { by_user[e.user_id].erase(e.item_id); }
  void apply(const ItemUpdated& e)    { by_user[e.user_id][e.item_id] = e.new_quantity; }
  void apply(const CartCheckedOut& e) { by_user.erase(e.user_id); }
};
