// Cancelled, timed out or terminated at every step of every way to append: what is answered is true, nobody else's append is harmed, nothing is left
// behind, and appends go on. A signal is sent straight to the server's process, which is on this machine, so that its moment can be chosen to some
// microseconds; a statement_timeout comes in whole milliseconds and meets appends that wait for each other.

#include "ledger.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <functional>

namespace {

using callers::ledger;
using race::answer;
using race::session;
using clock_type = std::chrono::steady_clock;

enum class by { cancel, terminate, timeout };

// How long to wait before the signal: in steps over the duration of what it is to hit, a little beyond its end.
class sweep {
 public:
  sweep(std::mt19937& random, std::chrono::nanoseconds span, int steps) : span_(span * 5 / 4), steps_(steps), step_(random() % steps) {}
  std::chrono::nanoseconds next() { return span_ * (step_ = (step_ + 1) % steps_) / steps_; }

 private:
  std::chrono::nanoseconds span_;
  int steps_;
  int step_;
};

// One statement with the signal sent while it runs. Without a signal the answer as it comes.
answer run_disturbed(session& s, int signal, std::chrono::nanoseconds after, const std::string& sql, const std::vector<std::string>& parameters) {
  const auto begin = clock_type::now();
  s.send(sql, parameters);
  if (signal != 0) {
    while (clock_type::now() - begin < after) std::this_thread::yield();
    kill(s.backend(), signal);
  }
  return s.receive();
}

// A signal that came too late hits what comes next; that is over after this.
void settle(session& s) {
  while (!s.lost() && !s.run("SELECT 1").ok()) continue;
  if (s.lost()) s = session();
  if (s.in_transaction()) s.must("ROLLBACK");
}

// A way to append: statements, the last of which decides; $1 is the store, $2, $3 ... the events.
struct way {
  const char* name;
  std::vector<std::string> statements;
  int events = 1;
  bool tells_position = true;
  friend void PrintTo(const way& w, std::ostream* out) { *out << w.name; }
};

const way ways[] = {
    {"append", {"SELECT dcb.append($1, ARRAY[dcb.event($2)])"}},
    {"append_two", {"SELECT dcb.append($1, ARRAY[dcb.event($2), dcb.event($3, payload => convert_to(repeat(md5($3), 300), 'UTF8'))])"}, 2, false},
    {"append_id", {"SELECT dcb.append($1, ARRAY[dcb.event($2, tags => ARRAY['t:' || $2])], dcb.query(tags => ARRAY['t:' || $2]), append_id => md5($2)::uuid)"}},
    {"transaction", {"BEGIN", "SELECT dcb.append($1, ARRAY[dcb.event($2, tags => '{own}')])", "INSERT INTO own SELECT $2::text WHERE $1::text <> ''", "COMMIT"}, 1, false},
    {"at_commit", {"BEGIN", "SELECT dcb.append_at_commit($1, ARRAY[dcb.event($2)])", "COMMIT"}, 1, false},
    {"at_commit_alone", {"SELECT dcb.append_at_commit($1, ARRAY[dcb.event($2)])"}, 1, false},
    {"submit", {"CALL dcb.submit($1, ARRAY[dcb.event($2)])"}},
    {"submit_condition", {"CALL dcb.submit($1, ARRAY[dcb.event($2, tags => ARRAY['t:' || $2])], dcb.query(tags => ARRAY['t:' || $2]), append_id => md5($2)::uuid)"}},
    {"submit_json", {"CALL dcb.submit($1, jsonb_build_array(jsonb_build_object('type', $2::text)))"}},
    {"submit_large", {"CALL dcb.submit($1, ARRAY[dcb.event($2, payload => convert_to(repeat(md5($2), 1000), 'UTF8'))])"}},
    {"submit_many",
     {"CALL dcb.submit_many($1, ARRAY[dcb.command(ARRAY[dcb.event($2)]), dcb.command(ARRAY[dcb.event($3)], append_id => md5($3)::uuid), "
      "dcb.command(ARRAY[dcb.event($4)], dcb.query(tags => '{never}'))])"},
     3,
     false},
};

class interrupt : public testing::Test {
 protected:
  interrupt() { session().must("CREATE TABLE IF NOT EXISTS own (event text)"); }

  // Asks for new events in that way, and notes what was answered. The signal meets the statement number `at`.
  answer ask(session& s, const way& w, int signal = 0, std::size_t at = 0, std::chrono::nanoseconds after = {}) {
    std::vector<std::string> parameters{store_.name()};
    for (int i = 0; i < w.events; ++i) parameters.push_back(ledger_.fresh());
    answer got;
    for (std::size_t i = 0; i < w.statements.size(); ++i) {
      const std::string& sql = w.statements[i];
      got = run_disturbed(s, i == at ? signal : 0, after, sql, sql.find('$') == std::string::npos ? std::vector<std::string>{} : parameters);
      if (!got.ok()) break;
    }
    EXPECT_TRUE(got.ok() || got.sqlstate == "57014" || got.sqlstate == "57P01" || got.sqlstate == "08006") << w.name << ": " << got.sqlstate << " " << got.message;
    for (int i = 0; i < w.events; ++i) ledger_.told(got, parameters[i + 1], got.ok() && w.tells_position ? got.number() : 0);
    if (!s.lost() && s.in_transaction()) s.run("ROLLBACK");
    return got;
  }

  // As long as it takes when nothing disturbs it, the slower half left out.
  std::chrono::nanoseconds usual(session& s, const way& w) {
    std::vector<std::chrono::nanoseconds> taken;
    for (int i = 0; i < 15; ++i) {
      const auto begin = clock_type::now();
      ask(s, w);
      taken.push_back((clock_type::now() - begin) / static_cast<int>(w.statements.size()));
    }
    std::sort(taken.begin(), taken.end());
    return taken[taken.size() / 2];
  }

  // Nobody leads in vain, nobody's place in the queue is taken: those who were there and those who come append at once.
  void goes_on(std::vector<session>& sessions) {
    for (int i = 0; i < 10; ++i) sessions.emplace_back();
    for (auto& s : sessions) {
      settle(s);
      s.must("SET statement_timeout = '60s'");
      EXPECT_TRUE(ask(s, ways[6]).ok()) << "appends do not go on";
      s.must("RESET statement_timeout");
    }
  }

  void check() {
    ledger_.check(store_.name());
    session s;
    EXPECT_EQ(s.must("SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND mode = 'ExclusiveLock' AND database <> 0").number(), 0) << "a lock stayed behind";
    EXPECT_EQ(s.must("SELECT count(*) FROM own FULL JOIN (SELECT type AS event FROM dcb.read($1, dcb.query(tags => '{own}'))) AS e USING (event) "
                     "WHERE own IS NULL OR e IS NULL", {store_.name()}).number(), 0) << "an event without its row, or a row without its event";
    s.must("DROP TABLE own");
  }

  race::temporary_store store_;
  ledger ledger_;
};

// Step by step. Beside one who appends all the time, so that there is a wait to be hit too: alone, an append is over before it looks at its signals.
class interrupt_step : public interrupt, public testing::WithParamInterface<way> {};

TEST_P(interrupt_step, is_answered_truly) {
  const way& w = GetParam();
  std::mt19937 random(callers::seed());
  std::vector<session> sessions(1);
  session& s = sessions[0];
  std::atomic<bool> done{false};
  std::thread beside([&] {
    for (session b; !done;) EXPECT_TRUE(ask(b, ways[3]).ok()) << "the one beside it was harmed";
  });
  const auto span = usual(s, w);
  const int steps = race::rounds(80);
  for (const int signal : {SIGINT, SIGTERM}) {
    sweep moments(random, span, steps);
    for (int step = 0; step < (signal == SIGINT ? steps : steps / 3); ++step) {
      ask(s, w, signal, random() % w.statements.size(), moments.next());
      settle(s);
    }
  }
  done = true;
  beside.join();
  EXPECT_GT(ledger_.refused() + ledger_.in_doubt(), 0) << "nothing was hit: this shows nothing";
  goes_on(sessions);
  check();
}

INSTANTIATE_TEST_SUITE_P(callers, interrupt_step, testing::ValuesIn(ways), [](const auto& info) { return std::string(info.param.name); });

// In a crowd, every second session disturbed in its way at its moment, the others never: they must not notice.
class interrupt_crowd : public interrupt, public testing::WithParamInterface<by> {};

TEST_P(interrupt_crowd, harms_nobody_else) {
  constexpr int crowd = 16;
  const int rounds = race::rounds(60);
  const unsigned seed = callers::seed();
  std::vector<session> sessions(crowd);
  std::vector<std::thread> threads;
  for (int i = 0; i < crowd; ++i)
    threads.emplace_back([&, i] {
      std::mt19937 random(seed + i);
      session& s = sessions[i];
      sweep moments(random, std::chrono::milliseconds(8), 97);
      for (int round = 0; round < rounds; ++round) try {
          const way& w = random() % 2 == 0 ? ways[6 + random() % 2] : ways[random() % std::size(ways)];
          if (i % 2 == 0) {
            const answer got = ask(s, w);
            EXPECT_TRUE(got.ok()) << w.name << ", which nobody disturbed: " << got.sqlstate << " " << got.message;
            continue;
          }
          if (GetParam() == by::timeout) {
            s.must("SET statement_timeout = " + std::to_string(1 + random() % 6));
            ask(s, w);
            settle(s);
            while (!s.run("SET statement_timeout = 0").ok()) continue;
          } else {
            ask(s, w, GetParam() == by::cancel ? SIGINT : SIGTERM, random() % w.statements.size(), moments.next());
            settle(s);
          }
        } catch (const std::exception& e) {
          ADD_FAILURE() << "session " << i << ": " << e.what();
        }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_GT(ledger_.refused() + ledger_.in_doubt(), 0) << "nothing was disturbed: this shows nothing";
  goes_on(sessions);
  check();
}

INSTANTIATE_TEST_SUITE_P(callers, interrupt_crowd, testing::Values(by::cancel, by::terminate, by::timeout),
                         [](const auto& info) { return std::string(info.param == by::cancel ? "cancel" : info.param == by::terminate ? "terminate" : "timeout"); });

// Readers, consumers and waiters: a right answer or the error, and the session goes on.
TEST_F(interrupt, of_readers_and_waiters) {
  session s;
  std::mt19937 random(callers::seed());
  s.must("SELECT dcb.append($1, array_agg(dcb.event('A' || i, tags => ARRAY['t:' || i % 7]))) FROM generate_series(1, 300) AS i", {store_.name()});
  s.must("SELECT dcb.create_subscription($1, 's', dcb.query(tags => '{t:1}'))", {store_.name()});
  const std::string token = "(SELECT token FROM \"" + store_.name() + "\".checkpoint)";
  s.must("SELECT dcb.claim($1, 's', 'me', '1 day')", {store_.name()});
  struct {
    const char* name;
    std::string statement;
    std::string answered;
  } const statements[] = {{"read", "SELECT count(*) FROM dcb.read($1)", "300"},
                          {"read by tag", "SELECT count(*) FROM dcb.read($1, dcb.query(tags => '{t:1}'))", "43"},
                          {"backwards", "SELECT max(position) FROM dcb.read($1, backwards => true)", "300"},
                          {"as a function", "SELECT count(*) FROM (SELECT dcb.read($1)) AS x", "300"},
                          {"verify", "SELECT count(*) FROM dcb.verify($1)", "0"},
                          {"poll", "SELECT count(type) FROM dcb.poll($1, 's', " + token + ")", "43"},
                          {"claim", "SELECT count(*) FROM dcb.claim($1, 's', 'me', '1 day')", "1"},
                          {"wait", "CALL dcb.wait_for_query($1, dcb.query(types => '{Never}'), 0, '3 ms')", "f"},
                          {"wait for events", "CALL dcb.wait_for_events($1, 's', '3 ms')", "t"},
                          {"wait for", "CALL dcb.wait_for($1, 301, '3 ms')", "f"}};
  int disturbed = 0;
  for (const auto& each : statements) {
    const auto begin = clock_type::now();
    EXPECT_EQ(s.must(each.statement, {store_.name()}).value(), each.answered) << each.name;
    const auto span = clock_type::now() - begin;
    for (const int signal : {SIGINT, SIGTERM}) {
      sweep moments(random, span, race::rounds(80));
      for (int step = 0; step < race::rounds(signal == SIGINT ? 80 : 15); ++step) {
        const answer got = run_disturbed(s, signal, moments.next(), each.statement, {store_.name()});
        EXPECT_TRUE(got.ok() ? got.value() == each.answered : got.sqlstate == (signal == SIGINT ? "57014" : "57P01") || s.lost())
            << each.name << ": " << got.sqlstate << " " << got.message;
        disturbed += !got.ok();
        settle(s);
      }
    }
  }
  EXPECT_GT(disturbed, 0);
  const auto nobody_waits = [&] { return s.must(race::nobody_waits).value() == "t"; };
  for (const auto deadline = clock_type::now() + std::chrono::seconds(60); !nobody_waits() && clock_type::now() < deadline;) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(nobody_waits()) << "a waiter stayed behind";
  s.must("DROP TABLE IF EXISTS own");
}

}  // namespace
