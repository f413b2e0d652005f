// The C++ of docs/guide/decisions-cpp.md.
#include <dcb/dcb.hpp>
#include <dcb/testing.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

namespace guide_decisions {

struct CouponEmitted {
  dcb::id<> coupon_id;
  int quantity;
};
struct CouponApplied {
  dcb::id<> coupon_id, user_id;
};
struct UserRegistered {
  dcb::id<> user_id, name;
};
using Event = std::variant<CouponEmitted, CouponApplied, UserRegistered>;

struct Coupon {
  dcb::id<> coupon_id;
  int left = 0;
  void apply(const CouponEmitted& e) { left += e.quantity; }
  void apply(const CouponApplied&) { left -= 1; }
};

struct UsedCoupon {
  dcb::id<> coupon_id, user_id;
  bool used = false;
  void apply(const CouponApplied&) { used = true; }
};

enum class Refusal { not_available, used_before };
using Decided = dcb::decided<Event, Refusal>;

struct ApplyCoupon {
  std::string coupon_id, user_id;
  auto states() const { return std::tuple{Coupon{coupon_id}, UsedCoupon{coupon_id, user_id}}; }
  Decided decide(const Coupon& coupon, const UsedCoupon& before) const {
    if (before.used) return Refusal::used_before;
    if (coupon.left == 0) return Refusal::not_available;
    return CouponApplied{coupon_id, user_id};
  }
};

struct ApplyCouponGenerously : ApplyCoupon {
  auto guard(const Coupon& coupon, const UsedCoupon& before) const { return std::tuple{dcb::without<CouponApplied>(coupon), before}; }
};

struct Register {
  std::string user_id, name;
  Decided decide() const { return UserRegistered{user_id, name}; }
  auto guard() const { return dcb::query<UserRegistered>(dcb::tag("name", name)); }
};

struct Account {
  dcb::id<> coupon_id;
  std::int64_t applied = 0;
  static constexpr auto snapshot = dcb::every(100);
  void apply(const CouponApplied&) { ++applied; }
};

TEST(guide_decisions, making) {
  dcb::memory_store<Event> store;
  store.append(CouponEmitted{"c1", 2});
  dcb::decision_maker maker{store};
  const auto made = maker.make(ApplyCoupon{"c1", "ann"});
  if (made) {
    EXPECT_EQ(made.events().at(0).position, 2);
  } else {
    ADD_FAILURE() << dcb::error_text(made.error());
  }

  const auto bob = maker.make(Coupon{"c1"}, [](const Coupon& coupon) -> Decided {
    if (coupon.left == 0) return Refusal::not_available;
    return CouponApplied{"c1", "bob"};
  });
  EXPECT_TRUE(bob);

  const auto tried = maker.try_make(ApplyCoupon{"c1", "cem"});
  if (!tried) throw std::runtime_error{tried.error().what()};     // the store could not be asked
  if (!*tried) {
    EXPECT_EQ(tried->error(), Refusal::not_available);  // it was, and the answer is no
  }

  const std::vector<ApplyCoupon> all{{"c1", "dan"}, {"c1", "eva"}};
  for (const auto& each : maker.make_all<ApplyCoupon>(all)) EXPECT_EQ(each->error(), Refusal::not_available);

  EXPECT_TRUE(maker.make(Register{"u1", "ann"}));
  EXPECT_THROW((void)maker.make(Register{"u2", "ann"}), dcb::conflict);
}

TEST(guide_decisions, strategies) {
  dcb::memory_store<Event> store;
  store.append(CouponEmitted{"c1", 9});
  dcb::decision_maker maker{store, dcb::retry{.attempts = 10, .longest_wait = std::chrono::milliseconds{100}}};
  const auto in_line = maker.with(dcb::wait_in_line{.at_most = std::chrono::seconds{2}, .tags = {dcb::tag("coupon_id", "c1")}});
  EXPECT_TRUE(in_line.make(ApplyCoupon{"c1", "ann"}));
  EXPECT_TRUE(maker.with(dcb::retry::none()).make(ApplyCouponGenerously{{"c1", "bob"}}));
}

TEST(guide_decisions, aggregates) {
  dcb::memory_store<Event> store;
  store.append(CouponEmitted{"c1", 9});
  const auto coupon = dcb::query<>(dcb::tag("coupon_id", "c1"));
  const auto version = store.last(coupon).value_or(0);

  const std::vector<Event> changes{CouponApplied{"c1", "ann"}};
  store.append_if(changes, {coupon, version});
  EXPECT_THROW(store.append_if(changes, {coupon, version}), dcb::conflict);
}

TEST(guide_decisions, snapshots) {
  dcb::memory_store<Event> store;
  store.append(std::vector<Event>(250, CouponApplied{"c1", "ann"}));
  dcb::decision_maker maker{store};
  EXPECT_TRUE(maker.make(Account{"c1"}, [](const Account& account) -> Decided {
    EXPECT_EQ(account.applied, 250);
    return dcb::nothing;
  }));
}

class metrics : public dcb::observer {
 public:
  void decision_attempted(const dcb::decision_report& report) noexcept override {
    ++attempts;
    if (report.failure) ++failures;  // report.again tells whether it is tried again
    events_read += report.events_read;
  }
  std::atomic<std::int64_t> attempts = 0, failures = 0, events_read = 0;
};

TEST(guide_decisions, observer) {
  const auto watch = std::make_shared<metrics>();
  dcb::raw_memory_store log{watch};
  struct typed : dcb::event_store<Event> {
    explicit typed(dcb::event_log& log) : dcb::event_store<Event>(log) {}
  } store{log};
  store.append(CouponEmitted{"c1", 1});
  EXPECT_TRUE(dcb::decision_maker<Event>{store}.make(ApplyCoupon{"c1", "ann"}));
  EXPECT_EQ(watch->attempts, 1);
  EXPECT_EQ(watch->failures, 0);
  EXPECT_EQ(watch->events_read, 1);
}

TEST(guide_decisions, testing) {
  dcb::given(CouponEmitted{"c1", 1}).when(ApplyCoupon{"c1", "ann"}).then(CouponApplied{"c1", "ann"});
  dcb::given(CouponEmitted{"c1", 1}, CouponApplied{"c1", "bob"}).when(ApplyCoupon{"c1", "ann"}).then_error(Refusal::not_available);
  dcb::given().when(ApplyCoupon{"c1", "ann"}).then_error(Refusal::not_available);
}

}  // namespace guide_decisions
