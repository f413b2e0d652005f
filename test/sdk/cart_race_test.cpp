// What the cart has to hold when many decide at once: 10 coupons and 200 customers, on as many connections (if the server has them), 20 times.
#include "coupon_overbooking.hpp"
#include "store_factories.hpp"

#include <atomic>
#include <latch>
#include <set>
#include <thread>

namespace {

constexpr int coupons = 10;
constexpr int customers = 200;
constexpr int rounds = 20;

struct result {
  int applied = 0, refused = 0, conflicts = 0, errors = 0;
};

std::string customer(int round, int n) { return "user-" + std::to_string(round) + '-' + std::to_string(n); }

// Checks what the log itself says of a round.
int given(const dcb::event_store<ShopEvent>& store, const std::string& coupon_id) {
  std::set<std::string> users;
  int count = 0;
  for (const auto& recorded : store.read(dcb::query<CouponApplied>(dcb::tag("coupon_id", coupon_id)))) {
    ++count;
    EXPECT_TRUE(users.insert(std::get<CouponApplied>(recorded.event).user_id).second) << "one customer has the coupon twice";
  }
  return count;
}

void check_positions(const dcb::event_store<ShopEvent>& store) {
  std::int64_t expected = 0;
  for (const auto& recorded : store.read()) EXPECT_EQ(recorded.position, ++expected);
  EXPECT_EQ(expected, store.head());
}

class cart_race : public testing::TestWithParam<log_factory> {
 protected:
  template <class Apply>
  result race(const std::string& coupon_id, int round, const dcb::conflict_strategy& strategy = dcb::retry{}) {
    std::vector<ShopEvent> before{CouponEmitted{coupon_id, coupons}};
    for (int n = 0; n < customers; ++n) before.push_back(ItemAdded{customer(round, n), "tea", 1});
    store.append(before);

    std::latch barrier{customers};
    std::atomic<int> applied = 0, refused = 0, conflicts = 0, errors = 0;
    std::vector<std::jthread> threads;
    for (int n = 0; n < customers; ++n) {
      threads.emplace_back([&, n] {
        barrier.arrive_and_wait();
        try {
          const auto made = maker.with(strategy).make(Apply{customer(round, n), coupon_id});
          ++(made ? applied : refused);
          conflicts += made.conflicts();
        } catch (const std::exception& failure) {
          ++errors;
          ADD_FAILURE() << failure.what();
        }
      });
    }
    threads.clear();
    return {applied, refused, conflicts, errors};
  }

  std::unique_ptr<dcb::event_log> log = GetParam().make();
  typed_log<ShopEvent> store{*log};
  dcb::decision_maker<ShopEvent> maker{store};
};

TEST_P(cart_race, exactly_as_many_coupons_as_there_are) {
  int conflicts = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto coupon_id = "exact-" + std::to_string(round);
    const auto outcome = race<ApplyCoupon>(coupon_id, round);
    EXPECT_EQ(outcome.applied, coupons);
    EXPECT_EQ(outcome.refused, customers - coupons);
    EXPECT_EQ(outcome.errors, 0);
    EXPECT_EQ(given(store, coupon_id), coupons);
    conflicts += outcome.conflicts;
  }
  EXPECT_GT(conflicts, 0) << "nobody met anybody: this was no race";
  check_positions(store);
}

TEST_P(cart_race, in_line_for_the_coupon_nobody_conflicts) {
  for (int round = 0; round < rounds; ++round) {
    const auto coupon_id = "in-line-" + std::to_string(round);
    const auto outcome = race<ApplyCoupon>(coupon_id, round, dcb::wait_in_line{.at_most = std::chrono::seconds{60}, .tags = {dcb::tag("coupon_id", coupon_id)}});
    EXPECT_EQ(outcome.applied, coupons);
    EXPECT_EQ(outcome.refused, customers - coupons);
    EXPECT_EQ(outcome.conflicts, 0);
    EXPECT_EQ(outcome.errors, 0);
    EXPECT_EQ(given(store, coupon_id), coupons);
  }
  check_positions(store);
}

TEST_P(cart_race, relaxed_guard_never_conflicts) {
  for (int round = 0; round < rounds; ++round) {
    const auto coupon_id = "generous-" + std::to_string(round);
    const auto outcome = race<ApplyCouponGenerously>(coupon_id, round);
    EXPECT_GE(outcome.applied, coupons);
    EXPECT_EQ(outcome.applied + outcome.refused, customers);
    EXPECT_EQ(outcome.conflicts, 0);
    EXPECT_EQ(outcome.errors, 0);
    EXPECT_EQ(given(store, coupon_id), outcome.applied);
  }
  check_positions(store);
}

INSTANTIATE_TEST_SUITE_P(store, cart_race, testing::Values(memory_logs(), server_logs(customers)), name_of);

}  // namespace
