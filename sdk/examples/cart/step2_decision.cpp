// Step 2: a decision reads the state that it needs and answers events, or the reason why not.
#include "cart.hpp"

#include <iostream>

template <class Made>
void report(const Made& made) {
  if (made) std::cout << "accepted, " << made.events().size() << " event(s), now at position " << made.position() << '\n';
  else std::cout << "refused: " << dcb::to_json(made.error()) << '\n';
}

int main() {
  dcb::memory_store<CartEvent> store;
  dcb::decision_maker maker{store};

  report(maker.make(CheckoutCart{"ann"}));
  report(maker.make(CreateUser{"ann", "Ann"}));
  report(maker.make(AddItem{"ann", "tea", 2}));
  report(maker.make(UpdateItem{"ann", "tea", 2}));
  report(maker.make(CheckoutCart{"ann"}));
}
