// Processes that come to a standstill or die in the middle of a batch, with the transaction open: nobody else is delayed, another one takes over, and
// nothing is lost or done twice. These tests fork before they have threads. STANDSTILL_SECONDS says for how long a stopped process stays stopped after it
// was replaced (0).
#include "runner_support.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>

namespace {

using namespace trouble;

class runner_standstill : public runner_in_trouble {
 protected:
  // Another process that runs the ledger, and sends itself the signal once it has written the effect of an event, but not yet committed.
  pid_t consumer_that_gets(int signal, std::int64_t at) {
    const auto child = fork();
    if (child != 0) return child;
    try {
      silent watch;
      dcb::store<Event> store{"", name, named("child")};
      dcb::runner<Event> runner{store, {.consumer = "child-" + std::to_string(getpid()), .lease = 1s, .look_again = 100ms, .watch = &watch}};
      bool done = false;
      runner.add(Ledger{.insert = insert(), .after = [&](const dcb::meta& m) {
                          if (m.position == at && !std::exchange(done, true)) raise(signal);
                        }, .count = count()});
      std::stop_source never;
      runner.run(never.get_token());
    } catch (...) {
    }
    _exit(1);
  }

  void expect_takeover(pid_t child, dcb::store<Event>& store) {
    silent watch;
    dcb::runner<Event> runner{store, {.consumer = "successor", .lease = 1s, .look_again = 100ms, .watch = &watch}};
    runner.add(Ledger{.insert = insert(), .count = count()});
    std::jthread running{[&](std::stop_token stop) { runner.run(stop); }};
    for (int i = 0; i < 20; ++i) store.append(std::vector<Event>{Paid{"ann", i}}, {.call = {.timeout = 30s}});
    ASSERT_TRUE(dcb::wait_until(store, "ledger", store.head(), 120s)) << "nobody took over";
    EXPECT_EQ(admin.reactions().status("ledger").at(0).consumer, "successor");
    if (child == 0) return;
    const char* const wanted = std::getenv("STANDSTILL_SECONDS");
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{wanted ? std::atoi(wanted) : 0};
    for (int i = 0; std::chrono::steady_clock::now() < until; ++i)
      ASSERT_TRUE(dcb::wait_until(store, "ledger", store.append(std::vector<Event>{Paid{"ann", i}}, {.call = {.timeout = 30s}}), 30s)) << "somebody is delayed";
    // It believes that all is as it was.
    kill(child, SIGCONT);
    for (int i = 0; i < 20; ++i) store.append(Paid{"ann", i});
    ASSERT_TRUE(dcb::wait_until(store, "ledger", store.head(), 120s));
    // And takes over in turn.
    running.request_stop();
    running.join();
    store.append(Paid{"ann", 0});
    ASSERT_TRUE(dcb::wait_until(store, "ledger", store.head(), 120s)) << "the one that was stopped does not work any more";
  }
};

TEST_F(runner_standstill, of_a_stopped_process_delays_nobody) {
  dcb::store<Event> store{"", name, named("writer")};
  store.append(Paid{"ann", 1}, Paid{"ann", 2}, Paid{"ann", 3});
  const auto child = consumer_that_gets(SIGSTOP, 2);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  ASSERT_TRUE(effects("ledger").empty()) << "its transaction should be open";
  expect_takeover(child, store);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  expect_exactly_once("ledger", payments(admin));
  EXPECT_EQ(ask("SELECT payments FROM " + name + ".total").at(0).at(0), std::to_string(payments(admin).size()));
}

TEST_F(runner_standstill, of_a_killed_process_is_the_end_of_its_transaction_only) {
  dcb::store<Event> store{"", name, named("writer")};
  store.append(Paid{"ann", 1}, Paid{"ann", 2}, Paid{"ann", 3});
  const auto child = consumer_that_gets(SIGKILL, 2);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  expect_takeover(0, store);
  expect_exactly_once("ledger", payments(admin));
  EXPECT_EQ(ask("SELECT payments FROM " + name + ".total").at(0).at(0), std::to_string(payments(admin).size()));
}

TEST_F(runner_standstill, of_one_of_three_processes_lets_another_one_work) {
  dcb::store<Event> store{"", name, named("writer")};
  store.append(Paid{"ann", 1});
  const std::vector children{consumer_that_gets(SIGKILL, 5), consumer_that_gets(SIGKILL, 9), consumer_that_gets(SIGKILL, 1'000'000)};
  await([&] { return effects("ledger").size() == 1; });
  for (int i = 2; i <= 40; ++i) store.append(Paid{"ann", i});
  ASSERT_TRUE(dcb::wait_until(store, "ledger", store.head(), 120s));
  for (const auto child : children) {
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
  }
  expect_exactly_once("ledger", payments(admin));
  EXPECT_EQ(ask("SELECT payments FROM " + name + ".total").at(0).at(0), std::to_string(payments(admin).size()));
}

}  // namespace
