// cart CONNINFO STORE: shops a little in a store that exists.
#include "cart_items.hpp"
#include "coupon.hpp"

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: cart CONNINFO STORE\n", 2;

  dcb::store<ShopEvent> store{argv[1], argv[2]};
  dcb::decision_maker maker{store};
  const auto user = dcb::uuid::random().to_string();
  const auto coupon = dcb::uuid::random().to_string();

  const bool prepared = maker.make(CreateUser{user, "Ann"}) && maker.make(AddItem{user, "tea", 2}) && maker.make(UpdateItem{user, "tea", 3}) &&
                        maker.make(EmitCoupon{coupon, 1});
  if (!prepared) return std::cerr << "refused\n", 1;

  if (auto made = maker.make(ApplyCoupon{user, coupon})) std::cout << "coupon applied at position " << made.position() << '\n';
  if (auto made = maker.make(ApplyCoupon{user, coupon}); !made) std::cout << "not a second time: " << dcb::to_json(made.error()) << '\n';

  CartItems carts;
  store.load(carts);
  for (const auto& [item, quantity] : carts.by_user[user]) std::cout << item << " x " << quantity << '\n';

  if (auto made = maker.make(CheckoutCart{user})) std::cout << "checked out at position " << made.position() << '\n';
}
