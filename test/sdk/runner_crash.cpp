// The server dies and recovers, again and again, while eight writers append and two runners work: the runners go on by themselves, every payment that
// is stored has its effect once and in order, and a replay gives the same. Only on a throw-away server as scripts/with-cluster makes it.
#include "runner_support.hpp"

#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

namespace {

using namespace trouble;

class runner_crash : public runner_in_trouble {
 protected:
  // What the server does not answer now, it answers later.
  template <class Question>
  auto patiently(Question&& question) {
    for (const auto until = std::chrono::steady_clock::now() + 120s;; std::this_thread::sleep_for(10ms)) try {
        return question();
      } catch (const dcb::error&) {
        if (std::chrono::steady_clock::now() > until) throw;
      }
  }
};

// A server that crashes says so to every session and closes the connection; the next statement may fail while it is sent.
TEST_F(runner_crash, is_a_lost_connection_for_who_sends_next) {
  const char* const host = std::getenv("PGHOST");
  ASSERT_NE(host, nullptr);
  if (!std::filesystem::exists(std::filesystem::path(host) / "data" / "postmaster.pid")) GTEST_SKIP() << "this server is not a throw-away one";
  dcb::store<Event> store{"", name, named("sender")};
  auto in = store.log().begin();
  const auto pid = [&] { return ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'sender'"); };
  const auto victim = ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
  ASSERT_FALSE(pid().empty());
  ASSERT_EQ(kill(std::stoi(victim.at(0).at(0).value()), SIGKILL), 0) << "may not kill the server's processes";
  await([&] { return patiently(pid).empty(); });
  EXPECT_THROW(in.append(dcb::event_schema<Event>::encode(std::vector<Event>{Opened{"late"}})), dcb::connection_error);
}

TEST_F(runner_crash, of_the_server_is_survived_by_runners) {
  const char* const host = std::getenv("PGHOST");
  ASSERT_NE(host, nullptr);
  if (!std::filesystem::exists(std::filesystem::path(host) / "data" / "postmaster.pid")) GTEST_SKIP() << "this server is not a throw-away one";
  constexpr int crashes = 3;
  std::atomic<bool> enough = false;
  std::atomic<int> appended = 0;
  dcb::store<Event> first_store{"", name, named("first")}, second_store{"", name, named("second")}, reading{"", name, named("reader")};
  silent watch;
  dcb::runner<Event> first{first_store, {.lease = 1s, .look_again = 100ms, .watch = &watch}}, second{second_store, {.lease = 1s, .look_again = 100ms, .watch = &watch}};
  for (auto* each : {&first, &second}) each->add(Ledger{.insert = insert()}).add(PartedLedger{{.name = "parted", .insert = insert()}});
  first.create();
  {
    std::jthread one{[&](std::stop_token stop) { first.run(stop); }}, other{[&](std::stop_token stop) { second.run(stop); }};
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 8; ++writer)
      writers.emplace_back([&, writer] {
        dcb::store<Event> store{"", name, named("writer")};
        while (!enough) try {
            store.append(Paid{"account-" + std::to_string(writer), ++appended});
            std::this_thread::sleep_for(2ms);
          } catch (const dcb::error&) {
            std::this_thread::sleep_for(10ms);
          }
      });
    for (int crash = 0; crash < crashes; ++crash) {
      const auto before = patiently([&] { return ask("SELECT count(*) FROM " + name + ".effect").at(0).at(0).value(); });
      await([&] { return std::stoll(patiently([&] { return ask("SELECT count(*) FROM " + name + ".effect").at(0).at(0).value(); })) > std::stoll(before) + 100; });
      if (HasFatalFailure()) break;
      const auto started = [&] { return ask("SELECT pg_postmaster_start_time()::text || (SELECT timeline_id FROM pg_control_checkpoint()) || (SELECT checkpoint_lsn FROM pg_control_checkpoint())"); };
      const auto victim = patiently([&] { return ask("SELECT pid FROM pg_stat_activity WHERE application_name IN ('first', 'second') ORDER BY random() LIMIT 1"); });
      if (victim.empty()) continue;
      const auto was = patiently(started);
      ASSERT_EQ(kill(std::stoi(victim.at(0).at(0).value()), SIGKILL), 0) << "may not kill the server's processes";
      await([&] { return patiently(started) != was; });  // recovery ends with a checkpoint
    }
    enough = true;
    writers.clear();
    const auto head = patiently([&] { return reading.head(); });
    for (const auto* const subscription : {"ledger", "parted"})
      EXPECT_TRUE(patiently([&] { return dcb::wait_until(reading, subscription, head, 120s); })) << subscription << " did not go on";
  }
  const auto wanted = payments(admin);
  EXPECT_GT(wanted.size(), 100u * crashes / 2) << "that was no test";
  expect_exactly_once("ledger", wanted);
  expect_exactly_once_by_account("parted", wanted);
  dcb::runner<Event> replay{reading};
  replay.add(Ledger{.name = "replay", .insert = insert()});
  replay.run_once();
  expect_exactly_once("replay", wanted);
}

}  // namespace
