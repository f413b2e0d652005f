#include "account.hpp"

Account replay(const dcb::event_store<ShopEvent>& store, std::int64_t after) {
  Account account;
  std::int64_t expected = 0;
  for (const auto& [position, event, tags, metadata, id, recorded_at] : store.read()) {
    account.gap_free = account.gap_free && position == ++expected;
    if (position > after) {
      ++account.events;
      std::visit([&]<class E>(const E&) { ++account.by_type[std::string{dcb::event_name<E>()}]; }, event);
    }
    if (const auto* emitted = std::get_if<CouponEmitted>(&event)) account.coupons[emitted->coupon_id].apply(*emitted);
    if (const auto* applied = std::get_if<CouponApplied>(&event)) {
      auto& coupon = account.coupons[applied->coupon_id];
      coupon.apply(*applied);
      ++account.given[applied->coupon_id];
      account.overdrawn = account.overdrawn || coupon.left < 0;
    }
  }
  return account;
}
