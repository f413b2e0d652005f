// The decisions of the cart, tested without a database.
#include "cart_items.hpp"
#include "coupon.hpp"

#include <dcb/testing.hpp>

#include <gtest/gtest.h>

TEST(cart, user_is_created_once) {
  dcb::given().when(CreateUser{"ann", "Ann"}).then(UserCreated{"ann", "Ann"});
  dcb::given(UserCreated{"ann", "Ann"}).when(CreateUser{"ann", "Anna"}).then_error(CartError::user_exists);
  dcb::given(UserCreated{"bob", "Bob"}).when(CreateUser{"ann", "Ann"}).then(UserCreated{"ann", "Ann"});
}

TEST(cart, items_are_added_for_users_only) {
  dcb::given(UserCreated{"ann", "Ann"}).when(AddItem{"ann", "tea", 2}).then(ItemAdded{"ann", "tea", 2});
  dcb::given(UserCreated{"bob", "Bob"}).when(AddItem{"ann", "tea", 2}).then_error(CartError::no_such_user);
  dcb::given(UserCreated{"ann", "Ann"}).when(AddItem{"ann", "tea", 0}).then_error(CartError::no_quantity);
}

TEST(cart, items_are_removed_once) {
  dcb::given(ItemAdded{"ann", "tea", 2}).when(RemoveItem{"ann", "tea"}).then(ItemRemoved{"ann", "tea"});
  dcb::given(ItemAdded{"ann", "tea", 2}, ItemRemoved{"ann", "tea"}).when(RemoveItem{"ann", "tea"}).then_error(CartError::no_such_item);
  dcb::given(ItemAdded{"bob", "tea", 2}).when(RemoveItem{"ann", "tea"}).then_error(CartError::no_such_item);
}

TEST(cart, update_changes_the_quantity) {
  dcb::given(ItemAdded{"ann", "tea", 2}).when(UpdateItem{"ann", "tea", 3}).then(ItemUpdated{"ann", "tea", 3});
  dcb::given(ItemAdded{"ann", "tea", 2}).when(UpdateItem{"ann", "tea", 2}).then_nothing();
  dcb::given(ItemAdded{"ann", "tea", 2}).when(UpdateItem{"ann", "mug", 2}).then_error(CartError::no_such_item);
  dcb::given(ItemAdded{"ann", "tea", 2}).when(UpdateItem{"ann", "tea", 0}).then_error(CartError::no_quantity);
}

TEST(cart, checkout_empties_the_cart) {
  dcb::given(ItemAdded{"ann", "tea", 2}).when(CheckoutCart{"ann"}).then(CartCheckedOut{"ann"});
  dcb::given(ItemAdded{"ann", "tea", 2}, CartCheckedOut{"ann"}).when(CheckoutCart{"ann"}).then_error(CartError::cart_is_empty);
}

TEST(coupon, is_accepted_by_a_cart_from_before_there_were_coupons) {
  dcb::given(UserCreated{"ann", "Ann"}, ItemAdded{"ann", "tea", 2}, CouponEmitted{"SPRING", 1})
      .when(ApplyCoupon{"ann", "SPRING"})
      .then(CouponApplied{"SPRING", "ann"});
}

TEST(coupon, is_refused) {
  dcb::given(CouponEmitted{"SPRING", 1}).when(ApplyCoupon{"ann", "SPRING"}).then_error(CouponError::cart_is_empty);
  dcb::given(ItemAdded{"ann", "tea", 2}).when(ApplyCoupon{"ann", "SPRING"}).then_error(CouponError::coupon_not_available);
  dcb::given(ItemAdded{"ann", "tea", 2}, CouponEmitted{"SPRING", 1}, CouponApplied{"SPRING", "bob"})
      .when(ApplyCoupon{"ann", "SPRING"})
      .then_error(CouponError::coupon_not_available);
  dcb::given(ItemAdded{"ann", "tea", 2}, CouponEmitted{"SPRING", 2}, CouponApplied{"SPRING", "ann"})
      .when(ApplyCoupon{"ann", "SPRING"})
      .then_error(CouponError::coupon_already_applied);
}

TEST(coupon, may_be_used_again_after_checkout) {
  dcb::given(ItemAdded{"ann", "tea", 2}, CouponEmitted{"SPRING", 2}, CouponApplied{"SPRING", "ann"}, CartCheckedOut{"ann"}, ItemAdded{"ann", "mug", 1})
      .when(ApplyCoupon{"ann", "SPRING"})
      .then(CouponApplied{"SPRING", "ann"});
}

TEST(coupon, decisions_of_the_first_steps_go_on) {
  dcb::given(UserCreated{"ann", "Ann"}, CouponEmitted{"SPRING", 1}).when(AddItem{"ann", "tea", 1}).then(ItemAdded{"ann", "tea", 1});
}

TEST(read_model, cart_items_by_user) {
  dcb::memory_store<ShopEvent> store;
  store.append(ItemAdded{"ann", "tea", 2}, ItemAdded{"bob", "mug", 1}, ItemAdded{"ann", "tea", 1}, ItemUpdated{"bob", "mug", 4});
  CartItems carts;
  auto position = store.load(carts);
  EXPECT_EQ(carts.by_user["ann"]["tea"], 3u);
  EXPECT_EQ(carts.by_user["bob"]["mug"], 4u);

  store.append(ItemRemoved{"ann", "tea"}, CartCheckedOut{"bob"});
  position = store.load(carts, position);
  EXPECT_TRUE(carts.by_user["ann"].empty());
  EXPECT_FALSE(carts.by_user.contains("bob"));
  EXPECT_EQ(position, 6);
}
