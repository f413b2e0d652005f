// Much of it: a log that is projected anew beside the version at work, and a thousand subscriptions of one runner. REBUILD_EVENTS says how long the
// log is (20,000).
#include "runner_support.hpp"

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>

namespace {

using namespace trouble;

std::int64_t wanted_events() {
  const char* const wanted = std::getenv("REBUILD_EVENTS");
  return wanted ? std::atoll(wanted) : 20'000;
}

// Payments by account, in a table of its own; who wants to know reads the view `balance`.
struct Balances {
  std::string name;
  std::string upsert;
  int batch_size = 1'000;

  void handle(dcb::transaction& in, const Paid& e) const { in.exec(upsert, e.account_id, e.cents); }
};
struct Rebuilt : Balances {
  std::string replaces;
  std::string view;
  void swap(dcb::transaction& in) const { in.exec(view); }
};

struct progress final : dcb::runner_observer {
  void rebuilding(const dcb::rebuild_report& r) noexcept override {
    const std::scoped_lock lock{mutex};
    ++reports;
    last = r;
    std::cout << "position " << r.position << " of " << r.head << ", " << r.events << " events, " << static_cast<std::int64_t>(r.per_second) << " per second\n";
  }
  void swapped(const dcb::reaction_place&, std::string_view, std::int64_t) noexcept override { done = true; }
  std::mutex mutex;
  int reports = 0;
  dcb::rebuild_report last{};  // but for its texts
  std::atomic<bool> done = false;
};

class runner_size : public runner_in_trouble {
 protected:
  std::string upsert(const std::string& table) const {
    return "INSERT INTO " + name + "." + table + " VALUES ($1, 1, $2) ON CONFLICT (account) DO UPDATE SET payments = " + table +
           ".payments + 1, cents = " + table + ".cents + excluded.cents";
  }
  std::string view_of(const std::string& table) const { return "CREATE OR REPLACE VIEW " + name + ".balance AS SELECT * FROM " + name + "." + table; }

  std::int64_t number(const std::string& sql) { return std::stoll(ask(sql).at(0).at(0).value()); }
};

TEST_F(runner_size, rebuild_is_never_seen_in_part) {
  const auto events = wanted_events();
  for (const auto* const table : {"first", "second"})
    ask("CREATE TABLE " + name + "." + table + " (account text PRIMARY KEY, payments bigint NOT NULL, cents bigint NOT NULL)");
  ask(view_of("first"));
  for (std::int64_t made = 0; made < events; made += 10'000)
    ask("SELECT dcb.append('" + name + "', array_agg(dcb.event('Paid', jsonb_build_object('account_id', 'a' || n % 100, 'cents', n), ARRAY['account_id:a' || n % 100]))) "
        "FROM generate_series(" + std::to_string(made + 1) + ", " + std::to_string(std::min(made + 10'000, events)) + ") AS n");

  silent watch;
  dcb::store<Event> live_store{"", name, named("live")}, new_store{"", name, named("rebuild")}, writing{"", name, named("writer")};
  dcb::runner<Event> live{live_store, {.look_again = 100ms, .watch = &watch}};
  live.add(Balances{.name = "balances", .upsert = upsert("first")});
  live.run_once();
  ASSERT_EQ(number("SELECT sum(payments) FROM " + name + ".balance"), events);

  std::atomic<bool> read_enough = false, written_enough = false;
  std::int64_t reads = 0, written = 0, of_the_first = 0;
  progress told;
  {
    std::jthread at_work{[&](std::stop_token stop) { live.run(stop); }};
    std::jthread writer{[&] {
      for (; !written_enough; ++written) {
        writing.append(Paid{"a" + std::to_string(written % 100), 1});
        std::this_thread::sleep_for(2ms);
      }
    }};
    std::jthread reader{[&] {
      dcb::raw_store reading{"", name, named("reader")};
      std::int64_t seen = events;
      for (; !read_enough; ++reads) {
        auto in = reading.begin();
        const auto now = std::stoll(in.exec("SELECT coalesce(sum(payments), 0) FROM " + name + ".balance").at(0).at(0).value());
        EXPECT_GE(now, seen) << "a reader saw a part only";
        seen = std::max<std::int64_t>(seen, now);
      }
    }};
    dcb::runner<Event> rebuild{new_store, {.watch = &told}};
    Rebuilt rebuilt;
    rebuilt.name = "balances-2";
    rebuilt.upsert = upsert("second");
    rebuilt.replaces = "balances";
    rebuilt.view = view_of("second");
    rebuild.add(rebuilt);
    {
      std::jthread building{[&](std::stop_token stop) { rebuild.run(stop); }};
      const auto until = std::chrono::steady_clock::now() + 120s + std::chrono::milliseconds{events};
      while (!told.done && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
      EXPECT_TRUE(told.done) << "it never took its place";
      of_the_first = number("SELECT sum(payments) FROM " + name + ".first");
      const auto head = writing.append(Paid{"a0", 1});
      EXPECT_TRUE(dcb::wait_until(writing, "balances-2", head, 120s));
      written_enough = true;
      writer.join();
      EXPECT_TRUE(dcb::wait_until(writing, "balances-2", writing.head(), 120s));
    }
    read_enough = true;
  }
  EXPECT_GT(reads, 10) << "nobody looked: this shows nothing";
  EXPECT_GT(of_the_first, events) << "the former version did not go on meanwhile: this shows nothing";
  EXPECT_EQ(number("SELECT sum(payments) FROM " + name + ".first"), of_the_first) << "it went on after it was replaced";
  EXPECT_EQ(number("SELECT sum(payments) FROM " + name + ".balance"), events + written + 1);
  EXPECT_EQ(number("SELECT sum(cents) FROM " + name + ".balance"), events * (events + 1) / 2 + written + 1);
  EXPECT_GE(told.reports, 1);
  EXPECT_GE(told.last.events, events) << "the last report is that of the whole";
  EXPECT_GT(told.last.per_second, 0);
  EXPECT_GE(told.last.head, told.last.position);
  std::cout << events << " events rebuilt beside " << written << " appends and " << reads << " reads, " << told.reports << " reports\n";
}

std::int64_t resident_kilobytes() {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  while (status >> word)
    if (word == "VmRSS:") break;
  std::int64_t kilobytes = 0;
  status >> kilobytes;
  return kilobytes;
}

TEST_F(runner_size, thousand_subscriptions_are_bounded) {
  struct OfOne : Ledger {
    std::string account;
    dcb::event_query query() const { return dcb::query<Paid>(dcb::tag("account_id", account)); }
  };
  constexpr int subscriptions = 1'000;
  const auto account = [](int i) { return "account-" + std::to_string(i); };
  silent watch;
  dcb::store<Event> store{"", name, named("thousand")}, writing{"", name, named("writer")};
  const auto before = resident_kilobytes();
  dcb::runner<Event> runner{store, {.workers = 3, .look_again = 500ms, .watch = &watch}};
  for (int i = 0; i < subscriptions; ++i) {
    OfOne one;
    one.name = "of-" + std::to_string(i);
    one.insert = insert();
    one.account = account(i);
    runner.add(one);
  }
  std::int64_t most_connections = 0, after_the_first = 0, after_all = 0;
  {
    std::jthread running{[&](std::stop_token stop) { runner.run(stop); }};
    for (int round = 1; round <= 3; ++round) {
      std::vector<Event> payments;
      for (int i = 0; i < subscriptions; ++i) payments.push_back(Paid{account(i), round});
      writing.append(payments);
      const auto done = [&] { return number("SELECT count(*) FROM " + name + ".effect") == std::int64_t{subscriptions} * round; };
      await([&] {
        most_connections = std::max(most_connections, number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'thousand'"));
        return done();
      });
      if (HasFatalFailure()) return;
      (round == 1 ? after_the_first : after_all) = resident_kilobytes();
    }
    // And listed, by anybody.
    EXPECT_EQ(admin.reactions().status().size(), std::size_t{subscriptions});
    EXPECT_EQ(runner.status().size(), std::size_t{subscriptions});
    after_all = std::max(after_all, resident_kilobytes());
  }
  EXPECT_GT(most_connections, 0);
  EXPECT_LE(most_connections, 8) << "the pool's bound";
#ifndef __SANITIZE_ADDRESS__  // which does not give back what is freed
  EXPECT_LT(after_all - before, 32 * 1024) << "kB for a thousand subscriptions";
  EXPECT_LT(after_all - after_the_first, 8 * 1024) << "kB more with each round";
#endif
  EXPECT_EQ(number("SELECT count(DISTINCT subscription) FROM " + name + ".effect"), subscriptions);
  EXPECT_EQ(number("SELECT count(*) - count(DISTINCT position) FROM " + name + ".effect"), 0);
  std::cout << subscriptions << " subscriptions: " << most_connections << " connections, " << after_all - before << " kB, of which "
            << after_all - after_the_first << " kB came after the first round\n";
}

}  // namespace
