// Coroutines on Asio: many calls in flight on few connections and one thread.

#include "raw_store_support.hpp"
#include "shop.hpp"

#include <dcb/asio.hpp>

#include <asio/experimental/awaitable_operators.hpp>

#include <atomic>
#include <fstream>
#include <set>

namespace {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using shop::Event;

class asio_store : public support::raw_store_test {
 protected:
  dcb::store<Event> open_shop(std::size_t connections) const {
    return {"", name, {.pool = {.max_connections = connections}, .application_name = name}};
  }
  static int threads() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
      if (word == "Threads:") return status >> word, std::stoi(word);
    return -1;
  }
};

// Fails the test with what a coroutine throws.
const auto no_failure = [](std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
};

TEST_F(asio_store, thousand_decisions_in_flight_on_sixteen_connections) {
  constexpr int decisions = 1000, accounts = 250;
  auto store = open_shop(16);
  std::vector<Event> opened;
  for (int i = 0; i < accounts; ++i) {
    opened.push_back(shop::Opened{"account-" + std::to_string(i)});
    opened.push_back(shop::Paid{"account-" + std::to_string(i), 2});
  }
  store.append(std::span<const Event>{opened});
  const int threads_before = threads();

  asio::io_context context;
  const dcb::async_decision_maker<Event> maker{dcb::decision_maker<Event>{store, {.attempts = 1000}}};
  int in_flight = 0, most = 0, most_threads = 0, spent = 0, too_poor = 0;
  // Four on each account, which has enough for two.
  const auto spend = [&](int i) -> asio::awaitable<void> {
    most = std::max(most, ++in_flight);
    const shop::Spend decision{"account-" + std::to_string(i % accounts), "shop-" + std::to_string(i), 1};
    const auto made = co_await maker.async_make(decision);
    --in_flight;
    most_threads = std::max(most_threads, threads());
    ++(made ? spent : too_poor);
  };
  for (int i = 0; i < decisions; ++i) asio::co_spawn(context, spend(i), no_failure);
  context.run();

  EXPECT_EQ(most, decisions);
  EXPECT_EQ(spent, 2 * accounts);
  EXPECT_EQ(too_poor, decisions - 2 * accounts);
  EXPECT_EQ(store.head(), 4 * accounts);
  EXPECT_LE(std::stoi(count_backends()), 16);
  EXPECT_EQ(most_threads, threads_before) << "a thread was made";
}

TEST_F(asio_store, calls_answer_what_the_blocking_ones_do) {
  auto store = open_shop(2);
  asio::io_context context;
  const dcb::async_store<Event> shop{store};
  bool done = false;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        // Aggregates stand before the co_await: g++ 12 destroys such temporaries of an awaiting expression twice.
        const shop::Opened opened{"ann"};
        const shop::Paid five{"ann", 5};
        EXPECT_EQ(co_await shop.async_append(opened, five), 2);
        const std::vector<Event> paid{shop::Paid{"ann", 1}};
        const dcb::append_condition stale{dcb::event_query::all(), 1}, good{dcb::event_query::all(), 2};
        bool refused = false;
        try {
          co_await shop.async_append_if(paid, stale);
        } catch (const dcb::conflict& e) {
          refused = e.position() == 2;
        }
        EXPECT_TRUE(refused);
        EXPECT_EQ(co_await shop.async_append_if(paid, good), 3);
        EXPECT_EQ(co_await shop.async_head(), 3);
        EXPECT_EQ((co_await shop.async_read()).size(), 3u);
        int seen = 0;
        const dcb::read_options later{.after = 1};
        EXPECT_EQ(co_await shop.async_read(dcb::event_query::all(), later, [&](const auto&) { ++seen; }), 3);
        EXPECT_EQ(seen, 2);
        const shop::Account ann{"ann"};
        const auto [account, position] = co_await shop.async_load(ann);
        EXPECT_EQ(account.cents, 6);
        EXPECT_EQ(position, 3);
        co_await dcb::async_call([&] {
          auto transaction = store.log().begin();
          transaction.exec("SELECT 1");
          transaction.commit();
        });
        done = true;
      },
      no_failure);
  context.run();
  EXPECT_TRUE(done);
}

TEST_F(asio_store, timer_that_is_faster_cancels_the_call) {
  auto store = open_shop(1);
  support::session holder;
  holder.ask("BEGIN");
  holder.ask("SELECT dcb.append('" + name + "', ARRAY[dcb.event('Held')])");
  asio::io_context context;
  const dcb::async_store<Event> shop{store};
  std::size_t first = 9;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        asio::steady_timer timer{context, 100ms};
        const shop::Opened opened{"ann"};
        const auto answer = co_await (shop.async_append(opened) || timer.async_wait(asio::use_awaitable));
        first = answer.index();
      },
      no_failure);
  context.run();
  EXPECT_EQ(first, 1u);
  holder.ask("ROLLBACK");
  EXPECT_EQ(store.head(), 0) << "was appended after all";
  EXPECT_EQ(count_backends(), "1") << "the connection was lost";
}

TEST_F(asio_store, context_that_goes_away_gives_its_calls_up) {
  auto store = open_shop(2);
  support::session holder;
  holder.ask("BEGIN");
  holder.ask("SELECT dcb.append('" + name + "', ARRAY[dcb.event('Held')])");
  {
    asio::io_context context;
    const dcb::async_store<Event> shop{store};
    for (int i = 0; i < 6; ++i)  // two wait for the lock, the others for a connection
      asio::co_spawn(
          context,
          [&]() -> asio::awaitable<void> {
            const shop::Opened opened{"ann"};
            co_await shop.async_append(opened);
          },
          asio::detached);
    while (admin->ask("SELECT count(*) " + backends() + " AND wait_event_type IN ('Lock', 'Extension')") != "2") context.run_for(10ms);
  }
  admin->ask("SELECT count(pg_terminate_backend(pid)) " + backends());
  holder.ask("ROLLBACK");
  admin->await("count(*) = 0 " + backends());
  EXPECT_EQ(store.head({.timeout = 60s}), 0) << "the places in the pool were lost";
}

TEST_F(asio_store, context_may_be_run_by_several_threads) {
  auto store = open_shop(4);
  store.append(shop::Opened{"ann"}, shop::Paid{"ann", 1000});
  asio::io_context context;
  const dcb::async_decision_maker<Event> maker{dcb::decision_maker<Event>{store, {.attempts = 1000}}};
  std::atomic<int> spent = 0;
  for (int i = 0; i < 100; ++i)
    asio::co_spawn(
        context,
        [&, i]() -> asio::awaitable<void> {
          const shop::Spend decision{"ann", "shop-" + std::to_string(i), 1};
          const auto made = co_await maker.async_make(decision);
          spent += bool(made);
        },
        no_failure);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { context.run(); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(spent, 100);
  shop::Account account{"ann"};
  store.load(account);
  EXPECT_EQ(account.cents, 900);
}

TEST_F(asio_store, callbacks_and_futures_too) {
  auto store = open_shop(1);
  asio::io_context context;
  std::int64_t head = -1;
  bool called = false;
  dcb::async_run(
      context.get_executor(), [&](std::stop_token) { head = store.head(); }, [&](std::exception_ptr failure) { called = !failure; });
  auto future = dcb::async_run(
      context.get_executor(), [&](std::stop_token) { throw dcb::conflict("too late"); }, asio::use_future);
  context.run();
  EXPECT_EQ(head, 0);
  EXPECT_TRUE(called);
  EXPECT_THROW(future.get(), dcb::conflict);
}

}  // namespace
