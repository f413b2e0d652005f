// The C++ of docs/guide/operation-cpp.md, apart from that on Asio.
#include <dcb/dcb.hpp>
#include <dcb/operation.hpp>

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct ItemAdded {
  dcb::id<> user_id, item_id;
  unsigned quantity;
};
using ShopEvent = std::variant<ItemAdded>;

dcb::store<ShopEvent> open_shop(std::shared_ptr<dcb::observer> metrics) {
  return {"host=db1,db2 dbname=shop", "shop",
          {.pool = {.max_connections = 16, .acquire_timeout = 2s, .max_age = 30min},
           .reader_conninfo = "host=db2,db1 dbname=shop",
           .watch = std::move(metrics)}};
}

struct metrics : dcb::observer {
  std::atomic<int> calls = 0, failures = 0, connections = 0;
  void connection_opened(const dcb::connection_report&) noexcept override { ++connections; }
  void connection_closed(const dcb::connection_report&) noexcept override { --connections; }
  void call_done(const dcb::call_report& call) noexcept override {
    ++calls;
    if (call.failure) ++failures;
  }
};

[[maybe_unused]] void log_to_stderr() {
  const auto log = std::make_shared<dcb::logging_observer>([](std::string_view line) { std::clog << line << '\n'; });
  const auto shop = open_shop(log);
}

[[maybe_unused]] std::int64_t bounded(const dcb::event_store<ShopEvent>& shop, std::stop_token stop) {
  return shop.append(std::vector<ShopEvent>{ItemAdded{"ann", "tea", 2}},
                     {.call = {.append_id = dcb::uuid::random(), .timeout = 500ms, .stop = stop}});
}

std::string without_exceptions(const dcb::event_store<ShopEvent>& shop) {
  const auto answer = shop.try_append(ItemAdded{"ann", "tea", 2});
  if (answer) return "stored at " + std::to_string(*answer);
  if (answer.error_as<dcb::conflict>()) return "somebody was faster";
  return answer.error().in_doubt() ? "unknown" : answer.error().what();
}

// In the folder of the guide only: how many carts there are does not have to be exact.
[[maybe_unused]] std::int64_t for_the_dashboard(const dcb::event_store<ShopEvent>& shop) {
  return shop.count(dcb::query<ItemAdded>(), 0, {.may_lag = true});
}

// An event loop that knows one operation.
void drive(std::function<void()> work) {
  std::atomic<bool> woken = false;
  dcb::operation op{std::move(work), [&] { woken = true; }};
  while (!op.on_ready()) {
    const auto& wanted = op.wanted();
    pollfd waited{wanted.socket, short((wanted.readable ? POLLIN : 0) | (wanted.writable ? POLLOUT : 0)), 0};
    while (!woken.exchange(false) && poll(&waited, 1, 10) == 0 && !(wanted.until && std::chrono::steady_clock::now() >= *wanted.until)) {}
  }
}

TEST(guide_operation, observers_and_results_and_operations) {
  EXPECT_EQ(without_exceptions(dcb::memory_store<ShopEvent>{}), "stored at 1");
  const auto seen = std::make_shared<metrics>();
  dcb::store<ShopEvent> nowhere{"host=/nonexistent", "shop", {.watch = seen}};
  dcb::error_info info;
  drive([&] {
    const auto answer = nowhere.try_head();
    info.retryable = !answer && answer.error().retryable();
  });
  EXPECT_TRUE(info.retryable);
  EXPECT_EQ(seen->calls, 1);
  EXPECT_EQ(seen->failures, 1);
  EXPECT_EQ(seen->connections, 0);
}

}  // namespace
