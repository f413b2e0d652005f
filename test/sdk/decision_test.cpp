// What decision_maker does with a log that fails; what it does with one that works is in the shared suite.
#include "forwarding_log.hpp"
#include "shop.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace {

using namespace shop;

// A log in memory whose next calls fail as told.
class failing_log final : private dcb::log_holder<dcb::raw_memory_store>, public forwarding_log {
 public:
  failing_log() : forwarding_log(held) {}

  std::deque<dcb::error> failures{};  // of the next appends
  int appends = 0, loads = 0;

  std::int64_t append(std::span<const dcb::new_event> events, const std::optional<dcb::append_condition>& condition,
                      const dcb::call_options& call) override {
    ++appends;
    if (!failures.empty()) {
      const auto failure = failures.front();
      failures.pop_front();
      throw failure;
    }
    return forwarding_log::append(events, condition, call);
  }
  std::int64_t load(std::span<const dcb::load_part> parts, dcb::load_sink& sink, const dcb::call_options& call) override {
    ++loads;
    return forwarding_log::load(parts, sink, call);
  }
};

struct failing_store : dcb::event_store<Event> {
  explicit failing_store(failing_log& log) : dcb::event_store<Event>(log) {}
};

class decision : public testing::Test {
 protected:
  failing_log log{};
  failing_store store{log};
  dcb::decision_maker<Event> maker{store, {.attempts = 3, .first_wait = std::chrono::milliseconds{0}}};
};

TEST_F(decision, retries_what_is_retryable) {
  log.failures = {dcb::error{"serialization failure", {.sqlstate = "40001", .retryable = true}}, dcb::error{"lost", {.retryable = true}}};
  const auto made = maker.make(Open{"a"});
  EXPECT_TRUE(made);
  EXPECT_EQ(made.attempts(), 3);
  EXPECT_EQ(made.conflicts(), 0);
}

TEST_F(decision, gives_up_after_its_attempts) {
  log.failures.assign(9, dcb::error{"serialization failure", {.sqlstate = "40001", .retryable = true}});
  EXPECT_THROW((void)maker.make(Open{"a"}), dcb::error);
  EXPECT_EQ(log.appends, 3);
}

TEST_F(decision, other_errors_pass_at_once) {
  log.failures = {dcb::error{"permission denied", {.sqlstate = "42501"}}};
  EXPECT_THROW((void)maker.make(Open{"a"}), dcb::error);
  EXPECT_EQ(log.appends, 1);
}

TEST_F(decision, in_doubt_is_never_repeated_blindly) {
  log.failures = {dcb::error{"lost", {.retryable = true, .in_doubt = true}}};
  EXPECT_THROW((void)maker.make(Open{"a"}), dcb::error);
  EXPECT_EQ(log.appends, 1);
}

TEST_F(decision, all_states_are_read_at_once) {
  store.append(Opened{"a"}, Paid{"a", 5});
  EXPECT_TRUE(maker.make(Spend{"a", "s", 1}));
  EXPECT_EQ(log.loads, 1);
}

TEST_F(decision, without_states_nothing_is_read) {
  EXPECT_TRUE(maker.make(Open{"a"}));
  EXPECT_EQ(log.loads, 0);
}

TEST_F(decision, narrower_decisions_and_states_fit_a_wider_store) {
  using Wide = dcb::events<std::variant<int>, Event>;
  static_assert(dcb::contains_all<Wide, Event> && !dcb::contains_all<Event, Wide>);
}

}  // namespace
