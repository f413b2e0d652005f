#pragma once
#include "cart.hpp"

#include <optional>

struct CouponEmitted { dcb::id<> coupon_id; unsigned quantity; };
struct CouponApplied { dcb::id<> coupon_id, user_id; };

using ShopEvent = dcb::events<CartEvent, CouponEmitted, CouponApplied>;

struct Coupon {
  dcb::id<> coupon_id;
  int left = 0;

  void apply(const CouponEmitted& e) { left += static_cast<int>(e.quantity); }
  void apply(const CouponApplied&)   { left -= 1; }
};

// The coupon on a user's cart, until checkout.
struct CouponOnCart {
  dcb::id<> user_id;
  std::optional<std::string> coupon_id{};

  void apply(const CouponApplied& e) { coupon_id = e.coupon_id; }
  void apply(const CartCheckedOut&)  { coupon_id.reset(); }
};

enum class CouponError { cart_is_empty, coupon_already_applied, coupon_not_available };
using CouponDecision = dcb::decided<ShopEvent, CouponError>;

struct EmitCoupon {
  std::string coupon_id;
  unsigned quantity;

  CouponDecision decide() const { return CouponEmitted{coupon_id, quantity}; }
};

struct ApplyCoupon {
  std::string user_id, coupon_id;

  auto states() const { return std::tuple{Cart{user_id}, CouponOnCart{user_id}, Coupon{coupon_id}}; }
  CouponDecision decide(const Cart& cart, const CouponOnCart& on_cart, const Coupon& coupon) const {
    if (cart.items.empty()) return CouponError::cart_is_empty;
    if (on_cart.coupon_id) return CouponError::coupon_already_applied;
    if (coupon.left <= 0) return CouponError::coupon_not_available;
    return CouponApplied{coupon_id, user_id};
  }
};
