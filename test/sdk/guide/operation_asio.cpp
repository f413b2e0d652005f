// The C++ of docs/guide/operation-cpp.md on Asio, where that is there and the compiler has its coroutines.
#if __has_include(<asio.hpp>) && defined(__cpp_impl_coroutine)

#include <dcb/asio.hpp>
#include <dcb/dcb.hpp>

#include <gtest/gtest.h>

namespace {

struct CouponApplied {
  dcb::id<> coupon_id;
};
using ShopEvent = std::variant<CouponApplied>;
struct Coupon {
  dcb::id<> coupon_id;
  bool applied = false;
  void apply(const CouponApplied&) { applied = true; }
};
struct ApplyCoupon {
  std::string coupon_id;
  auto states() const { return Coupon{coupon_id}; }
  dcb::decided<ShopEvent, std::string> decide(const Coupon& coupon) const {
    if (coupon.applied) return std::string{"gone"};
    return CouponApplied{coupon_id};
  }
};

asio::awaitable<void> shop_with(dcb::async_decision_maker<ShopEvent> maker, std::string coupon, int& applied) {
  const ApplyCoupon decision{coupon};
  const auto made = co_await maker.async_make(decision);
  if (made) ++applied;
}

TEST(guide_operation, asio) {
  dcb::memory_store<ShopEvent> store;
  int applied = 0;
  asio::io_context context;
  for (int i = 0; i < 3; ++i)
    asio::co_spawn(context, shop_with(dcb::async_decision_maker<ShopEvent>{dcb::decision_maker{store}}, "c1", applied), asio::detached);
  context.run();
  EXPECT_EQ(applied, 1);
}

}  // namespace

#endif
