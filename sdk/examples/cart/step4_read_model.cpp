// Step 4: a read model is fed with the events of all, and catches up from where it was.
#include "cart.hpp"
#include "cart_items.hpp"

#include <iostream>

int main() {
  dcb::memory_store<CartEvent> store;
  store.append(UserCreated{"ann", "Ann"}, ItemAdded{"ann", "tea", 2}, UserCreated{"bob", "Bob"}, ItemAdded{"bob", "mug", 1});

  CartItems carts;
  auto position = store.load(carts);
  std::cout << "at position " << position << ": " << dcb::to_json(carts.by_user) << '\n';

  store.append(ItemUpdated{"ann", "tea", 3}, CartCheckedOut{"bob"});
  position = store.load(carts, position);
  std::cout << "at position " << position << ": " << dcb::to_json(carts.by_user) << '\n';
}
