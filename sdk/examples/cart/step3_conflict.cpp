// Step 3: many decide at once. Run it with CONNINFO and STORE to do it on a server.
#include "cart.hpp"

#include <atomic>
#include <iostream>
#include <latch>
#include <thread>
#include <vector>

void race(const dcb::event_store<CartEvent>& store) {
  dcb::decision_maker maker{store};
  const auto user = dcb::uuid::random().to_string();
  if (!maker.make(CreateUser{user, "Ann"}) || !maker.make(AddItem{user, "tea", 1})) return;

  std::atomic<int> checked_out = 0, refused = 0, conflicts = 0;
  std::latch start{8};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      const auto made = maker.make(CheckoutCart{user});
      ++(made ? checked_out : refused);
      conflicts += made.conflicts();
    });
  }
  threads.clear();
  std::cout << checked_out << " checked out, " << refused << " found the cart empty, " << conflicts << " decided anew after a conflict\n";
}

int main(int argc, char** argv) {
  if (argc == 3) race(dcb::store<CartEvent>{argv[1], argv[2]});
  else race(dcb::memory_store<CartEvent>{});
}
