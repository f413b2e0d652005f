// The process that uses the SDK: what malloc has handed out and not got back, in all of its threads, after so many calls.

#include "shop.hpp"
#include "steady.hpp"

#include <malloc.h>

#include <atomic>
#include <future>
#include <thread>

namespace {

using memory::operations;
using shop::Event;
using namespace std::chrono_literals;

std::int64_t allocated() { return static_cast<std::int64_t>(mallinfo2().uordblks); }

struct Payments {
  std::string name = "payments";
  std::atomic<std::int64_t>* seen;
  void handle(dcb::transaction& in, const shop::Paid& e) const {
    in.exec("SELECT $1::bigint", e.cents);
    ++*seen;
  }
};
struct silent final : dcb::runner_observer {};

class sdk : public testing::Test {
 protected:
  void expect_steady(const std::function<void()>& round) { memory::expect_steady({{"this process", allocated}}, round); }

  memory::counted_store name_;
  dcb::store<Event> store_{"", name_.name(), {.pool = {.max_connections = 8}}};
  dcb::decision_maker<Event> maker_{store_};
};

TEST_F(sdk, calls) {
  const dcb::event_query query = dcb::query_item{.tags = {"account_id:a"}};
  auto& log = store_.log();
  expect_steady([&] {
    for (int i = 0; i < operations(); ++i) {
      store_.append(shop::Opened{"a"});
      EXPECT_THROW(log.append({}), dcb::error);
      EXPECT_THROW(log.append(dcb::event_schema<Event>::encode(std::vector<Event>{shop::Opened{"a"}}), dcb::append_condition{query, 0}), dcb::error);
      int seen = 0;
      log.read(query, {.max_count = 20, .backwards = true}, [&](const dcb::recorded_event&) { return ++seen < 15; });
      memory::done.read += seen;
      log.head(), log.exists(query), log.last(query);
      auto in = log.begin();
      in.exec("SELECT generate_series(1, 20)");
      if (i % 2 == 0) in.commit();
    }
    memory::done.errors += 2 * operations();
  });
}

TEST_F(sdk, decisions) {
  int customer = 0;
  expect_steady([&] {
    for (int i = 0; i < operations(); ++i) {
      const std::string account = "customer-" + std::to_string(++customer);
      EXPECT_TRUE(maker_.make(shop::Open{account}));
      EXPECT_TRUE(maker_.make(shop::Pay{account, 1}));
      EXPECT_TRUE(maker_.make(shop::Spend{account, "shop-" + account, 1}));
      EXPECT_FALSE(maker_.make(shop::Spend{"nobody", "shop", 1}));
    }
  });
}

TEST_F(sdk, of_threads_that_share_a_pool) {
  expect_steady([&] {
    std::vector<std::future<void>> threads;
    for (int t = 0; t < 8; ++t)
      threads.push_back(std::async(std::launch::async, [&, t] {
        for (int i = 0; i < operations() / 8; ++i) {
          const auto at = store_.append(shop::Paid{"account-" + std::to_string(t), i});
          store_.log().count(dcb::query<shop::Paid>(), at - 1);  // of the few since: the whole store would take longer with every round
        }
      }));
    for (auto& each : threads) each.get();
  });
}

TEST_F(sdk, runner) {
  std::atomic<std::int64_t> seen{0}, paid{0};
  silent watch;
  dcb::runner<Event> runner{store_, {.look_again = 100ms, .watch = &watch}};
  runner.add(Payments{.seen = &seen});
  runner.create();
  std::jthread running{[&](std::stop_token stop) { runner.run(stop); }};
  // What the runner's threads happen to hold at the end of a round varies by some kilobytes: a round has to be long enough to outweigh that.
  const int events = 5 * operations();
  expect_steady([&] {
    for (int i = 0; i < events; ++i) store_.append(shop::Paid{"a", i});
    paid += events;
    ASSERT_TRUE(runner.wait_until(store_.log().head(), 5min));
  });
  running.request_stop();
  running.join();
  EXPECT_EQ(seen, paid);
  memory::done.read += seen;
}

}  // namespace
