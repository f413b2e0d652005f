// Waiting: nothing is missed, nothing is held, nothing is left behind. The same with and without the extension preloaded; only preloaded a waiter is
// woken, otherwise it looks by itself.

#include "session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>

namespace {

using race::answer;
using race::session;
using namespace std::chrono_literals;

// A waiter that nobody wakes looks after 5 seconds. One that is awake before has been woken.
constexpr auto woken_within = 4s;

class waiting : public testing::Test {
 protected:
  // A session that waits in a thread of its own; `call` may use $1 for the store.
  struct waiter {
    session s;
    std::future<answer> result;
    int backend = s.backend();

    answer get() { return result.get(); }
    bool over(std::chrono::seconds within = woken_within) { return result.wait_for(within) == std::future_status::ready; }
  };

  std::unique_ptr<waiter> start(const std::string& call, const std::string& settings = "SELECT 1") {
    auto w = std::make_unique<waiter>();
    w->s.must(settings);
    w->result = std::async(std::launch::async, [this, call, &s = w->s] { return s.run(call, {store_.name()}); });
    return w;
  }

  // Until it is true.
  void wait_until(const std::function<bool()>& condition) {
    for (const auto deadline = std::chrono::steady_clock::now() + 60s; !condition();) {
      if (std::chrono::steady_clock::now() > deadline) throw race::unexpected("never came true");
      std::this_thread::sleep_for(1ms);
    }
  }
  bool asks(const std::string& question, int backend) { return s_.must(question, {std::to_string(backend)}).value() == "t"; }
  void until_asleep(waiter& w) {
    wait_until([&] {
      if (w.over(0s)) throw race::unexpected("does not wait: " + w.get().message);
      return asks("SELECT wait_event_type = 'Extension' AND query LIKE 'CALL%' FROM pg_stat_activity WHERE pid = $1", w.backend);
    });
  }
  std::string look_of(const waiter& w) { return s_.must("SELECT xact_start FROM pg_stat_activity WHERE pid = $1", {std::to_string(w.backend)}).value(); }
  bool is_waiting(int backend) { return asks("SELECT EXISTS (SELECT FROM dcb.waiters() AS pid WHERE pid = $1)", backend); }
  void until_nobody_waits() {
    wait_until([&] { return s_.must(race::nobody_waits).value() == "t"; });
  }
  bool preloaded() { return s_.must("SHOW shared_preload_libraries").value() == "pg_dcb"; }

  answer run(const std::string& sql) { return s_.must(sql, {store_.name()}); }
  std::string token(const std::string& name, int partition = 0) {
    return s_.must("SELECT token FROM \"" + store_.name() + "\".checkpoint WHERE name = $1 AND partition = $2", {name, std::to_string(partition)}).value();
  }

  race::temporary_store store_;
  session s_;
};

// Every way to append wakes one who waits for a query, a subscription or a position.
struct way {
  const char* name;
  std::vector<std::string> statements;
};
class waiting_appended : public waiting, public testing::WithParamInterface<way> {};

TEST_P(waiting_appended, wakes) {
  run("SELECT dcb.create_subscription($1, 's', dcb.query(tags => '{wanted}'))");
  for (const char* call : {"CALL dcb.wait_for_query($1, dcb.query(types => '{Other,A}'), 0, '60 s')", "CALL dcb.wait_for_query($1, dcb.query(tags => '{wanted,also}'), 0, '60 s')",
                           "CALL dcb.wait_for_query($1, dcb.all(), 0, '60 s')", "CALL dcb.wait_for_events($1, 's', '60 s')", "CALL dcb.wait_for($1, 2, '60 s')"}) {
    auto w = start(call);
    until_asleep(*w);
    for (const auto& statement : GetParam().statements) statement.find("$1") == std::string::npos ? s_.must(statement) : run(statement);
    EXPECT_TRUE(w->over()) << call;
    EXPECT_EQ(w->get().value(), "t") << call;
    session().must("SELECT dcb.drop_store($1, true)", {store_.name()});
    run("SELECT dcb.create_store($1)");
    run("SELECT dcb.create_subscription($1, 's', dcb.query(tags => '{wanted}'))");
  }
}

const std::string events = "ARRAY[dcb.event('A', tags => '{wanted,also}'), dcb.event('B')]";
const way ways[] = {{"append", {"SELECT dcb.append($1, " + events + ")"}},
                    {"append_at_commit", {"SELECT dcb.append_at_commit($1, " + events + ")"}},
                    {"submit", {"CALL dcb.submit($1, " + events + ")"}},
                    {"submit_many", {"CALL dcb.submit_many($1, ARRAY[dcb.command(" + events + ")])"}},
                    {"transaction", {"BEGIN", "SELECT dcb.append($1, " + events + ")", "CREATE TEMP TABLE t AS SELECT 1", "COMMIT", "DROP TABLE t"}},
                    {"not_flushed", {"SET synchronous_commit = off", "CALL dcb.submit($1, " + events + ")", "RESET synchronous_commit"}}};
INSTANTIATE_TEST_SUITE_P(race, waiting_appended, testing::ValuesIn(ways), [](const auto& info) { return std::string(info.param.name); });

// Ping and pong, with pauses that let the one come at any moment of the other's. A query of many items looks for so long that much comes in the midst of it.
class waiting_rounds : public waiting, public testing::WithParamInterface<int> {};

TEST_P(waiting_rounds, miss_nothing) {
  const int rounds = race::rounds();
  const int items = GetParam();
  const std::string query =
      s_.must("SELECT dcb.any_of(VARIADIC array_agg(dcb.query(types => CASE WHEN i = 1 THEN ARRAY['Ball'] ELSE ARRAY['None' || i] END))) FROM generate_series(1, $1::int) AS i", {std::to_string(items)})
          .value();
  race::in_parallel(2, [&](session& s, int i) {
    std::mt19937 random(i);
    for (int round = 0; round < rounds; ++round) {
      if (round % 2 == i) {
        race::pause(random, 500 + items);
        s.must(random() % 2 == 0 ? "CALL dcb.submit($1, ARRAY[dcb.event('Ball')])" : "SELECT dcb.append($1, ARRAY[dcb.event('Ball')])", {store_.name()});
      } else {
        const auto began = std::chrono::steady_clock::now();
        EXPECT_EQ(s.must("CALL dcb.wait_for_query($1, $2, $3, '60 s')", {store_.name(), query, std::to_string(round)}).value(), "t");
        EXPECT_LT(std::chrono::steady_clock::now() - began, woken_within) << "round " << round;
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(race, waiting_rounds, testing::Values(1, 1000), [](const auto& info) { return "items_" + std::to_string(info.param); });

// Nobody waited when the events were appended; somebody does when they are committed.
TEST_F(waiting, comes_between_append_and_commit) {
  // A background worker that looks around ends soon; if one stays, this shows less.
  for (int tries = 0; tries < 200 && s_.must("SELECT count(*) FROM dcb.waiters()").number() > 0; ++tries) std::this_thread::sleep_for(10ms);
  s_.must("BEGIN");
  run("SELECT dcb.append($1, ARRAY[dcb.event('A', tags => '{a}')])");
  auto w = start("CALL dcb.wait_for_query($1, dcb.query(tags => '{a}'), 0, '60 s')");
  wait_until([&, other = std::make_shared<session>()] {
    return other->must("SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $1", {std::to_string(w->backend)}).value() == "t";
  });
  s_.must("COMMIT");
  EXPECT_TRUE(w->over());
}

// Who waits for something else is let alone. A look is a transaction.
TEST_F(waiting, is_not_disturbed_by_others) {
  if (!preloaded()) GTEST_SKIP() << "needs the extension preloaded";
  const race::temporary_store elsewhere;
  auto w = start("CALL dcb.wait_for_query($1, dcb.any_of(dcb.query(tags => '{wanted}'), dcb.query(types => '{Wanted}')), 0, '60 s')");
  bool undisturbed = false;
  for (int tries = 0; tries < 10 && !undisturbed; ++tries) {  // its own look may come in between
    wait_until([&] { return is_waiting(w->backend); });
    until_asleep(*w);
    const std::string before = look_of(*w);
    for (int i = 0; i < 20; ++i) run("SELECT dcb.append($1, ARRAY[dcb.event('A', tags => '{a,b,c}')])");
    s_.must("SELECT dcb.append($1, ARRAY[dcb.event('Wanted')])", {elsewhere.name()});
    undisturbed = look_of(*w) == before;
  }
  EXPECT_TRUE(undisturbed);
  run("SELECT dcb.append($1, ARRAY[dcb.event('A', tags => '{a,wanted}')])");
  EXPECT_TRUE(w->over());
}

// What was rolled back wakes nobody in vain, and is not found.
TEST_F(waiting, does_not_find_what_was_rolled_back) {
  auto w = start("CALL dcb.wait_for_query($1, dcb.all(), 0, '60 s')");
  until_asleep(*w);
  s_.must("BEGIN");
  run("SELECT dcb.append($1, ARRAY[dcb.event('A')])");
  s_.must("ROLLBACK");
  EXPECT_FALSE(w->over(1s));
  run("SELECT dcb.append($1, ARRAY[dcb.event('A')])");
  EXPECT_TRUE(w->over());
}

TEST_F(waiting, holds_neither_snapshot_nor_lock) {
  run("SELECT dcb.append($1, ARRAY[dcb.event('A')])");
  run("SELECT dcb.create_subscription($1, 's', partitions => 3, partition_by => 'a')");
  for (const char* isolation : {"read committed", "repeatable read", "serializable"})
    for (const char* call : {"CALL dcb.wait_for_query($1, dcb.all(), 1, '60 s')", "CALL dcb.wait_for_events($1, 's', '60 s', 2)", "CALL dcb.wait_for($1, 2, '60 s')",
                             "CALL dcb.wait_for($1, 1, '60 s', 's')"}) {
      auto w = start(call, std::string("SET default_transaction_isolation = '") + isolation + "'");
      until_asleep(*w);
      EXPECT_TRUE(asks("SELECT backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE pid = $1", w->backend)) << call;
      EXPECT_TRUE(asks("SELECT count(*) = 0 FROM pg_locks WHERE pid = $1 AND locktype <> 'virtualxid'", w->backend)) << call;
      w->s.cancel();
      EXPECT_EQ(w->get().sqlstate, "57014") << call;
    }
}

// Cancelled, timed out, terminated, or in error: the session goes on, if there still is one, and nobody stands in the list of waiters.
TEST_F(waiting, leaves_nothing_behind) {
  const char* const call = "CALL dcb.wait_for_query($1, dcb.all(), 0, '60 s')";
  auto cancelled = start(call);
  until_asleep(*cancelled);
  EXPECT_EQ(is_waiting(cancelled->backend), preloaded());
  cancelled->s.cancel();
  EXPECT_EQ(cancelled->get().sqlstate, "57014");
  EXPECT_EQ(cancelled->s.must("SELECT 1").value(), "1");

  auto late = start(call, "SET statement_timeout = '100ms'");
  EXPECT_EQ(late->get().sqlstate, "57014");

  auto terminated = start(call);
  until_asleep(*terminated);
  s_.must("SELECT pg_terminate_backend($1)", {std::to_string(terminated->backend)});
  EXPECT_FALSE(terminated->get().ok());
  EXPECT_TRUE(terminated->s.lost());

  auto satisfied = start(call);
  until_asleep(*satisfied);
  run("SELECT dcb.append($1, ARRAY[dcb.event('A')])");
  EXPECT_EQ(satisfied->get().value(), "t");

  auto in_vain = start("CALL dcb.wait_for_query($1, dcb.all(), 1, '100 ms')");
  EXPECT_EQ(in_vain->get().value(), "f");

  auto homeless = start("CALL dcb.wait_for_query($1, dcb.all(), 1, '60 s')");
  until_asleep(*homeless);
  session().must("SELECT dcb.drop_store($1, true)", {store_.name()});
  EXPECT_EQ(homeless->get().sqlstate, "DCB05");

  until_nobody_waits();
}

// Sessions that come, wait, and are terminated at any moment, while others append.
TEST_F(waiting, survives_terminated_sessions) {
  std::atomic<bool> done{false};
  std::thread appender([&, s = session()]() mutable {
    while (!done) s.must("CALL dcb.submit($1, ARRAY[dcb.event('A')])", {store_.name()});
  });
  race::in_parallel(6, [&](session& killer, int i) {
    std::mt19937 random(i);
    for (int round = 0; round < race::rounds(40); ++round) {
      auto w = start("CALL dcb.wait_for_query($1, dcb.query(types => '{Never}'), 0, '60 s')");
      race::pause(random, 4000);
      killer.must("SELECT pg_terminate_backend($1)", {std::to_string(w->backend)});
      EXPECT_FALSE(w->get().ok());
    }
  });
  done = true;
  appender.join();
  until_nobody_waits();
}

// Read your own writes: a subscription has dealt with a position once nothing at or before it is pending, in any of its partitions.
TEST_F(waiting, for_a_subscription) {
  run("SELECT dcb.create_subscription($1, 's', dcb.query(types => '{A}'), partitions => 4, partition_by => 'a')");
  run("SELECT dcb.append($1, array_agg(dcb.event(CASE WHEN i % 5 = 0 THEN 'Other' ELSE 'A' END, tags => ARRAY['a:' || i]) ORDER BY i)) FROM generate_series(1, 50) AS i");
  EXPECT_EQ(run("CALL dcb.wait_for($1, 0, '0', 's')").value(), "t") << "nothing to wait for";
  EXPECT_EQ(run("CALL dcb.wait_for($1, 50, '0')").value(), "t") << "the store has it";
  EXPECT_EQ(run("CALL dcb.wait_for($1, 51, '0')").value(), "f");
  EXPECT_EQ(run("CALL dcb.wait_for($1, 50, '0', 's')").value(), "f") << "the subscription has not";
  run("SELECT dcb.claim($1, 's', 'me')");
  auto w = start("CALL dcb.wait_for($1, 50, '60 s', 's')");
  for (int partition = 0; partition < 4; ++partition) {
    until_asleep(*w);
    // As far as its last event; what comes after that does not match.
    run("SELECT dcb.checkpoint($1, 's', " + token("s", partition) + ", max(position), " + std::to_string(partition) + ") FROM dcb.poll($1, 's', " +
        token("s", partition) + ", " + std::to_string(partition) + ") WHERE type IS NOT NULL");
  }
  EXPECT_TRUE(w->over());
  EXPECT_EQ(w->get().value(), "t");
  EXPECT_EQ(s_.run("CALL dcb.wait_for($1, 50, '0', 'none')", {store_.name()}).sqlstate, "DCB13");
}

// What an operator does to a subscription reaches those who wait for it.
TEST_F(waiting, for_an_operator) {
  run("SELECT dcb.append($1, ARRAY[dcb.event('A')])");
  run("SELECT dcb.create_subscription($1, 's')");
  run("SELECT dcb.pause($1, 's')");
  auto paused = start("CALL dcb.wait_for_events($1, 's', '60 s')");
  until_asleep(*paused);
  run("SELECT dcb.resume($1, 's')");
  EXPECT_TRUE(paused->over());
  EXPECT_EQ(paused->get().value(), "t");

  run("SELECT dcb.rewind($1, 's', 1)");
  auto at_the_end = start("CALL dcb.wait_for_events($1, 's', '60 s')");
  until_asleep(*at_the_end);
  run("SELECT dcb.rewind($1, 's', 0)");
  EXPECT_TRUE(at_the_end->over());
  EXPECT_EQ(at_the_end->get().value(), "t");

  auto dropped = start("CALL dcb.wait_for($1, 1, '60 s', 's')");
  until_asleep(*dropped);
  run("SELECT dcb.drop_subscription($1, 's')");
  EXPECT_TRUE(dropped->over());
  EXPECT_EQ(dropped->get().sqlstate, "DCB13");
}

// A partition waits for its own events only.
TEST_F(waiting, for_a_partition) {
  run("SELECT dcb.create_subscription($1, 's', partitions => 2, partition_by => 'a')");
  auto zero = start("CALL dcb.wait_for_events($1, 's', '60 s', 0)");
  auto one = start("CALL dcb.wait_for_events($1, 's', '60 s', 1)");
  until_asleep(*zero);
  until_asleep(*one);
  run("SELECT dcb.append($1, ARRAY[dcb.event('A', tags => ARRAY['a:' || i])]) FROM generate_series(1, 100) AS i WHERE dcb.partition_of(ARRAY['a:' || i], 'a', 2) = 1");
  EXPECT_TRUE(one->over());
  EXPECT_FALSE(zero->over(1s));
  run("SELECT dcb.append($1, ARRAY[dcb.event('Without')])");
  EXPECT_TRUE(zero->over());
}

// A procedure or a DO block that is no transaction block may call it, more than once.
TEST_F(waiting, in_a_procedure) {
  run("SELECT dcb.append($1, ARRAY[dcb.event('A'), dcb.event('B')])");
  s_.must("DO $$ DECLARE there boolean; BEGIN FOR i IN 1..3 LOOP CALL dcb.wait_for('" + store_.name() +
          "', i, '0', NULL, there); IF there <> (i < 3) THEN RAISE 'wrong about %', i; END IF; END LOOP; END $$");
  EXPECT_EQ(s_.run("DO $$ DECLARE there boolean; BEGIN CREATE TEMP TABLE t (); CALL dcb.wait_for('" + store_.name() + "', 1, '0', NULL, there); END $$").sqlstate, "25001")
      << "it would commit what was written before";
}

TEST_F(waiting, is_refused_in_a_transaction) {
  run("SELECT dcb.create_subscription($1, 's')");
  for (const char* call : {"CALL dcb.wait_for_query($1, dcb.all(), 0)", "CALL dcb.wait_for_events($1, 's')", "CALL dcb.wait_for($1, 1)"}) {
    s_.must("BEGIN");
    EXPECT_EQ(s_.run(call, {store_.name()}).sqlstate, "25001") << call;
    s_.must("ROLLBACK");
  }
  for (const char* call : {"CALL dcb.wait_for_query(NULL, dcb.all(), 0)", "CALL dcb.wait_for_query('nowhere', dcb.all(), 0, NULL)", "CALL dcb.wait_for_events(NULL, 's')", "CALL dcb.wait_for(NULL, 1)",
                           "CALL dcb.wait_for('nowhere', NULL)"})
    EXPECT_EQ(s_.run(call).sqlstate, "22004") << call;
  EXPECT_EQ(s_.run("CALL dcb.wait_for_query('nowhere', NULL, 0)").sqlstate, "DCB02");
  EXPECT_EQ(s_.run("CALL dcb.wait_for_query('nowhere', dcb.all(), -1)").sqlstate, "22023");
  EXPECT_EQ(s_.run("CALL dcb.wait_for_query('nowhere', dcb.all(), 0, '-1 s')").sqlstate, "22023");
  for (const char* call : {"CALL dcb.wait_for_query('nowhere', dcb.all(), 0)", "CALL dcb.wait_for_events('nowhere', 's')", "CALL dcb.wait_for('nowhere', 1)"})
    EXPECT_EQ(s_.run(call).sqlstate, "DCB05") << call;
}

}  // namespace
