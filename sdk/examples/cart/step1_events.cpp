// Step 1: events are plain structs, and a store keeps them in one order.
#include "events.hpp"

#include <iostream>

int main() {
  dcb::memory_store<CartEvent> store;
  store.append(UserCreated{"ann", "Ann"}, ItemAdded{"ann", "tea", 2}, ItemAdded{"bob", "mug", 1});

  for (const auto& recorded : store.read(dcb::query<ItemAdded>(dcb::tag("user_id", "ann")))) {
    const auto& added = std::get<ItemAdded>(recorded.event);
    std::cout << "position " << recorded.position << ": " << added.quantity << " x " << added.item_id << '\n';
  }
}
