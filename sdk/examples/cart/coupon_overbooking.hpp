#pragma once
#include "coupon.hpp"

// The same decision for a shop that rather gives a coupon too many than lets its customers wait for each other: that others apply the coupon
// at the same time does not make the decision stale.
struct ApplyCouponGenerously {
  std::string user_id, coupon_id;

  auto states() const { return ApplyCoupon{user_id, coupon_id}.states(); }
  auto decide(const Cart& cart, const CouponOnCart& on_cart, const Coupon& coupon) const {
    return ApplyCoupon{user_id, coupon_id}.decide(cart, on_cart, coupon);
  }
  auto guard(const Cart& cart, const CouponOnCart& on_cart, const Coupon& coupon) const {
    return std::tuple{cart, on_cart, dcb::without<CouponApplied>(coupon)};
  }
};
