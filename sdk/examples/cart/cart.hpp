#pragma once
#include "events.hpp"

#include <map>

// What a decision about a user's cart has to know.
struct Cart {
  dcb::id<> user_id;
  bool user_exists = false;
  std::map<std::string, unsigned> items{};

  void apply(const UserCreated&)    { user_exists = true; }
  void apply(const ItemAdded& e)    { items[e.item_id] += e.quantity; }
  void apply(const ItemRemoved& e)  { items.erase(e.item_id); }
  void apply(const ItemUpdated& e)  { items[e.item_id] = e.new_quantity; }
  void apply(const CartCheckedOut&) { items.clear(); }
};

enum class CartError { user_exists, no_such_user, no_such_item, no_quantity, cart_is_empty };
using CartDecision = dcb::decided<CartEvent, CartError>;

struct CreateUser {
  std::string user_id, name;

  auto states() const { return Cart{user_id}; }
  CartDecision decide(const Cart& cart) const {
    if (cart.user_exists) return CartError::user_exists;
    return UserCreated{user_id, name};
  }
};

struct AddItem {
  std::string user_id, item_id;
  unsigned quantity;

  auto states() const { return Cart{user_id}; }
  CartDecision decide(const Cart& cart) const {
    if (!cart.user_exists) return CartError::no_such_user;
    if (quantity == 0) return CartError::no_quantity;
    return ItemAdded{user_id, item_id, quantity};
  }
};

struct RemoveItem {
  std::string user_id, item_id;

  auto states() const { return Cart{user_id}; }
  CartDecision decide(const Cart& cart) const {
    if (!cart.items.contains(item_id)) return CartError::no_such_item;
    return ItemRemoved{user_id, item_id};
  }
};

struct UpdateItem {
  std::string user_id, item_id;
  unsigned quantity;

  auto states() const { return Cart{user_id}; }
  CartDecision decide(const Cart& cart) const {
    if (!cart.items.contains(item_id)) return CartError::no_such_item;
    if (quantity == 0) return CartError::no_quantity;
    if (cart.items.at(item_id) == quantity) return dcb::nothing;
    return ItemUpdated{user_id, item_id, quantity};
  }
};

struct CheckoutCart {
  std::string user_id;

  auto states() const { return Cart{user_id}; }
  CartDecision decide(const Cart& cart) const {
    if (cart.items.empty()) return CartError::cart_is_empty;
    return CartCheckedOut{user_id};
  }
};
