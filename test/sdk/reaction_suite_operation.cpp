// Runners that run: woken by appends, stopped in good order, several beside each other.
#include "reaction_suite.hpp"

#include <atomic>
#include <functional>
#include <set>
#include <stdexcept>
#include <thread>

namespace {

using namespace reaction;
using namespace std::chrono_literals;

struct Notes {
  std::string name = "notes";
  std::string insert;
  dcb::failure_policy on_failure = dcb::failure_policy::park_after(2);
  std::function<void(const dcb::meta&)> before{};

  void handle(dcb::transaction& in, const Paid&, const dcb::meta& m) const {
    if (before) before(m);
    in.exec(insert, name, m.position);
  }
};

struct Later {
  static constexpr auto name = "later";
  auto when(const Opened& e, const dcb::meta& m) const { return dcb::at(m.recorded_at + 20ms, Paid{e.account_id, 1}); }
};

// Runs a runner in a thread of its own.
class running {
 public:
  explicit running(dcb::raw_runner& runner) {
    runner.create();
    thread_ = std::jthread{[&runner](std::stop_token stop) { runner.run(stop); }};
  }
  void stop() {
    thread_.request_stop();
    thread_.join();
  }

 private:
  std::jthread thread_;
};

class operation : public reaction_test {
 protected:
  Notes notes(std::string name = "notes") const { return {.name = std::move(name), .insert = insert()}; }
  dcb::runner_options quick() { return {.lease = 1s, .watch = &told}; }

  template <class Condition>
  void await(Condition&& condition) {
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "it never came true";
      std::this_thread::sleep_for(2ms);
    }
  }
  positions all_upto(std::int64_t last) {
    positions all;
    for (std::int64_t i = 1; i <= last; ++i) all.push_back(i);
    return all;
  }
};

TEST_P(operation, is_woken_by_appends_and_can_be_waited_for) {
  dcb::runner<Event> runner{store, {.look_again = 24h, .watch = &told}};
  runner.add(notes());
  running now{runner};
  std::int64_t head = 0;
  // Each append comes while the runner finds that there is nothing more.
  for (int i = 0; i < 60; ++i) {
    head = store.append(Paid{"ann", i});
    ASSERT_TRUE(runner.wait_until(head, 60s)) << "it was not woken";
    if (i % 20 != 0) continue;
    ASSERT_EQ(effects("notes").size(), static_cast<std::size_t>(head)) << "who waited has to see the effect";
  }
  EXPECT_TRUE(dcb::wait_until(store, "notes", head, 60s));
  EXPECT_FALSE(dcb::wait_until(store, "notes", head + 1, 10ms));
  now.stop();
  EXPECT_EQ(effects("notes"), all_upto(head));
  EXPECT_EQ(status("notes").consumer, std::nullopt) << "given back at the end";
}

// An append that comes after it found nothing, and before it went to sleep.
TEST_P(operation, is_woken_by_what_comes_while_it_finds_nothing) {
  struct Newer : Notes {
    std::string replaces = "former";
    std::function<void()> meanwhile;
    void swap(dcb::transaction&) const { meanwhile(); }
  };
  log->reactions().create({.name = "former"});
  Newer newer;
  newer.name = "newer";
  newer.insert = insert();
  newer.meanwhile = [&] {
    const auto position = store.append(Paid{"ann", 1});
    // The news have gone round once the other one has handled it.
    EXPECT_TRUE(dcb::wait_until(store, "notes", position, 60s));
  };
  dcb::runner<Event> runner{store, {.look_again = 24h, .watch = &told}};
  runner.add(notes()).add(newer);
  running now{runner};
  await([&] { return told.look([](auto& t) { return !t.swaps.empty(); }); });
  EXPECT_TRUE(dcb::wait_until(store, "newer", 1, 20s)) << "it was not woken";
}

TEST_P(operation, finishes_its_batch_when_it_is_stopped) {
  std::atomic<bool> begun = false, go_on = false;
  auto slow = notes();
  slow.before = [&](const dcb::meta&) {
    begun = true;
    while (!go_on) std::this_thread::sleep_for(1ms);
  };
  store.append(Paid{"ann", 1}, Paid{"ann", 2});
  dcb::runner<Event> runner{store, watched()};
  runner.add(slow);
  std::jthread thread{[&](std::stop_token stop) { runner.run(stop); }};
  await([&] { return begun.load(); });
  thread.request_stop();
  go_on = true;
  thread.join();
  EXPECT_EQ(effects("notes"), (positions{1, 2}));
  EXPECT_EQ(status("notes").position, 2);
  EXPECT_TRUE(told.failures.empty());
}

TEST_P(operation, renews_its_lease_while_a_batch_takes_long) {
  std::atomic<bool> begun = false, go_on = false;
  auto slow = notes();
  slow.before = [&](const dcb::meta& m) {
    begun = true;
    // Statements in between keep the transaction from being idle for longer than the lease.
    while (!go_on && m.position == 1) std::this_thread::sleep_for(1ms);
  };
  store.append(Paid{"ann", 1});
  dcb::runner<Event> runner{store, {.consumer = "slow", .lease = 5s, .watch = &told}};
  runner.add(slow);
  running now{runner};
  await([&] { return begun.load(); });
  // Two leases of claiming by another one, on the store's own clock.
  const auto until = std::chrono::steady_clock::now() + 4s;
  while (std::chrono::steady_clock::now() < until) {
    if (!log->reactions().claim("notes", "greedy", 5s).empty()) {
      ADD_FAILURE() << "it was taken over";
      break;
    }
    std::this_thread::sleep_for(20ms);
  }
  go_on = true;
  ASSERT_TRUE(dcb::wait_until(store, "notes", 1, 60s));
  now.stop();
  EXPECT_EQ(effects("notes"), (positions{1}));
  EXPECT_TRUE(told.losses.empty());
}

TEST_P(operation, of_three_one_works_and_another_takes_over) {
  reaction::told first_told, second_told, third_told;
  dcb::runner<Event> first{store, {.consumer = "1", .lease = 1s, .watch = &first_told}};
  dcb::runner<Event> second{store, {.consumer = "2", .lease = 1s, .watch = &second_told}};
  dcb::runner<Event> third{store, {.consumer = "3", .lease = 1s, .watch = &third_told}};
  for (auto* each : {&first, &second, &third}) each->add(notes());
  store.append(Paid{"ann", 0});
  {
    running one{first};
    await([&] { return effects("notes").size() == 1; });
    running two{second}, three{third};
    auto head = store.append(Paid{"ann", 1}, Paid{"ann", 2});
    ASSERT_TRUE(dcb::wait_until(store, "notes", head, 60s));
    EXPECT_TRUE(second_told.look([](auto& t) { return t.batches.empty(); }));
    EXPECT_TRUE(third_told.look([](auto& t) { return t.batches.empty(); }));
    one.stop();
    head = store.append(Paid{"ann", 3});
    ASSERT_TRUE(dcb::wait_until(store, "notes", head, 60s));
    // They are told after the commit.
    await([&] { return !second_told.look([](auto& t) { return t.batches.empty(); }) || !third_told.look([](auto& t) { return t.batches.empty(); }); });
  }
  EXPECT_EQ(effects("notes"), all_upto(4));
}

TEST_P(operation, goes_on_after_pause_and_rewind_from_elsewhere) {
  dcb::runner<Event> runner{store, {.lease = 250ms, .look_again = 50ms, .watch = &told}};
  runner.add(notes());
  running now{runner};
  store.append(Paid{"ann", 1});
  ASSERT_TRUE(runner.wait_until(1, 60s));
  log->reactions().pause("notes");
  await([&] { return told.look([](auto& t) { return !t.losses.empty(); }); });
  store.append(Paid{"ann", 2});
  log->reactions().resume("notes");
  ASSERT_TRUE(runner.wait_until(2, 60s));
  log->reactions().rewind("notes", 1);
  await([&] { return effects("notes").size() == 3; });
  EXPECT_EQ(effects("notes"), (positions{1, 2, 2}));
}

TEST_P(operation, says_when_its_subscription_is_gone) {
  dcb::runner<Event> runner{store, {.lease = 250ms, .look_again = 50ms, .watch = &told}};
  runner.add(notes());
  running now{runner};
  store.append(Paid{"ann", 1});
  ASSERT_TRUE(runner.wait_until(1, 60s));
  log->reactions().drop("notes");
  await([&] { return told.look([](auto& t) { return !t.stops.empty(); }); });
}

TEST_P(operation, a_thousand_subscriptions_share_what_one_has) {
  dcb::runner<Event> runner{store, {.workers = 3, .watch = &told}};
  for (int i = 0; i < 1000; ++i) {
    struct OfOne : Notes {
      std::string account;
      dcb::event_query query() const { return dcb::query(dcb::tag("account_id", account)); }
    };
    OfOne one;
    one.name = "of-" + std::to_string(i);
    one.insert = insert();
    one.account = "account-" + std::to_string(i);
    runner.add(one);
  }
  running now{runner};
  std::int64_t head = 0;
  for (const int i : {0, 500, 999, 500}) head = store.append(Paid{"account-" + std::to_string(i), i});
  ASSERT_TRUE(dcb::wait_until(store, "of-500", head, 120s));
  await([&] { return effects("of-0").size() == 1 && effects("of-999").size() == 1; });
  EXPECT_EQ(effects("of-500"), (positions{2, 4}));
  now.stop();
  EXPECT_TRUE(told.failures.empty());
}

TEST_P(operation, carries_out_what_is_due) {
  dcb::runner<Event> runner{store, {.run_due = 5ms, .watch = &told}};
  runner.add(Later{}).add(notes());
  running now{runner};
  store.append(Opened{"ann"});
  await([&] { return effects("notes") == positions{2}; });
  EXPECT_GE(log->reactions().due().at(0).due, dcb::timestamp{});
}

TEST_P(operation, tells_how_far_behind_it_is) {
  auto failing = notes();
  failing.on_failure = dcb::failure_policy::retry_forever();
  failing.before = [](const dcb::meta& m) {
    if (m.position == 2) throw std::runtime_error{"not today"};
  };
  store.append(Paid{"ann", 1}, Paid{"ann", 2}, Paid{"ann", 3});
  dcb::runner<Event> runner{store, {.lease = 250ms, .report_status = true, .watch = &told}};
  runner.add(failing);
  running now{runner};
  await([&] { return told.look([](auto& t) { return t.lags.contains("notes") && t.lags["notes"] == 2; }); });
}

TEST_P(operation, runs_only_with_something_to_run) {
  dcb::runner<Event> runner{store};
  EXPECT_EQ(refusal([&] { runner.run({}); }), "22023");
}

INSTANTIATE_TEST_SUITE_P(store, operation, testing::Values(memory_logs(), server_logs(10)), name_of);

}  // namespace
