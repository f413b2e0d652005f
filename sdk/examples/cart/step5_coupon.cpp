// Step 5: a new feature. coupon.hpp came with it; no file of the steps before was changed.
#include "coupon.hpp"

#include <iostream>

int main() {
  dcb::memory_store<ShopEvent> store;
  store.append(UserCreated{"ann", "Ann"}, ItemAdded{"ann", "tea", 2});  // a cart from before there were coupons

  dcb::decision_maker maker{store};
  if (!maker.make(EmitCoupon{"WELCOME", 1})) return 1;
  if (auto made = maker.make(ApplyCoupon{"ann", "WELCOME"})) std::cout << "applied at position " << made.position() << '\n';
  if (auto made = maker.make(ApplyCoupon{"ann", "WELCOME"}); !made) std::cout << "refused: " << dcb::to_json(made.error()) << '\n';
  if (auto made = maker.make(CheckoutCart{"ann"})) std::cout << "checked out at position " << made.position() << '\n';
}
