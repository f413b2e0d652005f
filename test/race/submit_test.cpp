// CALL dcb.submit under load. Where the extension is preloaded, sessions append for each other; nothing of one session may show in another's append:
// neither its errors, nor its settings, nor its database, nor its end. Where it is not preloaded, all of this is to hold as well.

#include "session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>

namespace {

using race::answer;
using race::session;

constexpr int submitters = 12;

class submit : public testing::Test {
 protected:
  // What was acknowledged, by position.
  void acknowledge(std::int64_t position, const std::string& event) {
    const std::lock_guard<std::mutex> lock(mutex_);
    EXPECT_TRUE(acknowledged_.emplace(position, event).second) << "position " << position << " was handed out twice";
  }

  static std::map<std::int64_t, std::string> stored(session& s, const std::string& store) {
    std::map<std::int64_t, std::string> found;
    for (const auto& row : s.must("SELECT position, type FROM dcb.read($1)", {store}).rows) {
      found.emplace(std::stoll(row[0]), row[1]);
      EXPECT_EQ(std::stoll(row[0]), static_cast<std::int64_t>(found.size())) << "a gap";
    }
    return found;
  }

  race::temporary_store store_;
  std::mutex mutex_;
  std::map<std::int64_t, std::string> acknowledged_;
};

// Good submits beside ones that fail in every way, of sessions with all kinds of settings: each gets its own outcome.
TEST_F(submit, keeps_outcomes_apart) {
  session setup;
  setup.must("CREATE UNIQUE INDEX ON \"" + store_.name() + "\".event (id)");  // a user's own, so that an insertion can fail
  setup.must("SELECT dcb.append($1, ARRAY[dcb.event('First', tags => '{taken}', id => md5('taken')::uuid)], append_id => md5('used')::uuid)",
             {store_.name()});
  acknowledge(1, "First");
  const int rounds = race::rounds();
  static const char* const settings[] = {"SET default_transaction_isolation = 'serializable'",
                                         "SET default_transaction_isolation = 'repeatable read'",
                                         "SET synchronous_commit = off",
                                         "SET search_path = ''",
                                         "SET TimeZone = 'Asia/Tokyo'",
                                         "SELECT 1"};
  race::in_parallel(submitters, [&](session& s, int i) {
    std::mt19937 random(i);
    s.must(settings[i % std::size(settings)]);
    for (int round = 0; round < rounds; ++round) {
      const std::string event = "E" + std::to_string(i) + "-" + std::to_string(round);
      // What is wrong with it, and what it is to answer.
      struct {
        const char* arguments;
        const char* outcome;
      } static const kinds[] = {
          {"($1, ARRAY[dcb.event($2)])", ""},
          {"($1, ARRAY[dcb.event($2, tags => ARRAY['t:' || $2])], dcb.query(tags => ARRAY['t:' || $2]))", ""},
          {"($1, ARRAY[dcb.event($2, payload => convert_to(repeat(md5($2), 1000), 'UTF8'))])", ""},
          {"($1, ARRAY[dcb.event($2)], append_id => md5($2)::uuid)", ""},
          {"($1, ARRAY[dcb.event($2)], dcb.query(tags => '{taken}'))", "DCB01"},
          {"($1, ARRAY[dcb.event($2)], dcb.all(), 1000000000)", "DCB09"},
          {"($1, ARRAY[dcb.event($2)], append_id => md5('used')::uuid)", "DCB07"},
          {"($1, ARRAY[dcb.event($2), dcb.event('')])", "DCB03"},
          {"($1, ARRAY[dcb.event($2, id => md5('taken')::uuid)])", "23505"},
      };
      const auto& kind = kinds[random() % std::size(kinds)];
      const answer got = s.run(std::string("CALL dcb.submit") + kind.arguments, {store_.name(), event});
      EXPECT_EQ(got.sqlstate, kind.outcome) << kind.arguments << ": " << got.message;
      if (got.ok()) acknowledge(got.number(), event);
    }
  });
  EXPECT_EQ(stored(setup, store_.name()), acknowledged_);
}

// Two databases made from one template have tables of equal object ids.
TEST_F(submit, keeps_databases_apart) {
  session here;
  const std::string other = store_.name();  // a database named like the store
  std::optional<answer> created;
  for (int tries = 0; tries < 100 && !(created && created->ok()); ++tries) {
    session outside("dbname=postgres");
    const std::string mine = here.must("SELECT current_database()").value();
    here = session("dbname=postgres");  // a template must have no sessions
    created = outside.run("CREATE DATABASE \"" + other + "\" TEMPLATE \"" + mine + "\"");
    here = session();
  }
  ASSERT_TRUE(created->ok()) << created->message;
  std::map<std::int64_t, std::string> acknowledged[2];
  race::in_parallel(submitters, [&](session& s, int i) {
    if (i % 2 == 1) s = session("dbname=" + other);
    for (int round = 0; round < race::rounds(); ++round) {
      const std::string event = (i % 2 == 1 ? "There" : "Here") + std::to_string(i) + "-" + std::to_string(round);
      const auto got = s.must("CALL dcb.submit($1, ARRAY[dcb.event($2)])", {store_.name(), event});
      const std::lock_guard<std::mutex> lock(mutex_);
      acknowledged[i % 2].emplace(got.number(), event);
    }
  });
  EXPECT_EQ(stored(here, store_.name()), acknowledged[0]);
  {
    session there("dbname=" + other);
    EXPECT_EQ(stored(there, store_.name()), acknowledged[1]);
  }
  session("dbname=postgres").must("DROP DATABASE \"" + other + "\" WITH (FORCE)");
}

// A submit that is cancelled or times out has either answered or not happened, and so has an append.
class submit_cancelled : public submit, public testing::WithParamInterface<const char*> {};

TEST_P(submit_cancelled, means_not_stored) {
  std::map<std::string, std::string> cancelled;  // how, by event
  race::in_parallel(submitters, [&](session& s, int i) {
    std::mt19937 random(i);
    for (int round = 0; round < race::rounds(); ++round) {
      const std::string event = "E" + std::to_string(i) + "-" + std::to_string(round);
      std::thread canceller;
      if (random() % 2 == 0)
        s.must("SET statement_timeout = " + std::to_string(1 + random() % 4));
      else
        canceller = std::thread([&s, wait = random() % 2000] {
          std::this_thread::sleep_for(std::chrono::microseconds(wait));
          s.cancel();
        });
      const answer got = s.run(std::string(GetParam()) + "($1, ARRAY[dcb.event($2)])", {store_.name(), event});
      if (canceller.joinable()) canceller.join();
      if (got.ok()) acknowledge(got.number(), event);
      if (!got.ok()) {
        EXPECT_EQ(got.sqlstate, "57014") << got.message;
        const std::lock_guard<std::mutex> lock(mutex_);
        cancelled.emplace(event, got.message);
      }
      while (!s.run("SET statement_timeout = 0").ok()) continue;  // a late cancel hits this
    }
  });
  session s;
  std::map<std::string, int> nevertheless;
  for (const auto& [position, event] : stored(s, store_.name()))
    if (const auto found = cancelled.find(event); found != cancelled.end())
      ++nevertheless[found->second];
    else
      EXPECT_EQ(acknowledged_[position], event);
  for (const auto& [how, times] : nevertheless) ADD_FAILURE() << times << " stored in spite of: " << how;
  EXPECT_FALSE(cancelled.empty()) << "nothing was cancelled: this shows nothing";
}

INSTANTIATE_TEST_SUITE_P(race, submit_cancelled, testing::Values("CALL dcb.submit", "SELECT dcb.append"),
                         [](const auto& info) { return std::string(info.index == 0 ? "submit" : "append"); });

// Sessions that are terminated at any moment, perhaps while they append for others.
TEST_F(submit, survives_terminated_sessions) {
  std::atomic<bool> done{false};
  std::atomic<int> terminated{0};
  std::map<std::string, bool> in_doubt;
  std::thread terminator([&, s = session()]() mutable {
    while (!done) {
      terminated += static_cast<int>(s.must("SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL%' "
                                            "AND state = 'active' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) AS x")
                                         .number());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  race::in_parallel(submitters, [&](session& s, int i) {
    for (int round = 0; round < race::rounds(); ++round) {
      const std::string event = "E" + std::to_string(i) + "-" + std::to_string(round);
      const answer got = s.run("CALL dcb.submit($1, ARRAY[dcb.event($2)])", {store_.name(), event});
      if (got.ok()) {
        acknowledge(got.number(), event);
      } else {
        EXPECT_TRUE(got.sqlstate == "57P01" || got.sqlstate == "08006") << got.sqlstate << " " << got.message;
        const std::lock_guard<std::mutex> lock(mutex_);
        in_doubt.emplace(event, true);
      }
      if (s.lost()) s = session();
    }
  });
  done = true;
  terminator.join();
  session s;
  for (const auto& [position, event] : stored(s, store_.name()))
    if (!acknowledged_.contains(position))
      EXPECT_TRUE(in_doubt.contains(event)) << event << " is stored but was refused";
    else
      EXPECT_EQ(acknowledged_[position], event);
  for (const auto& [position, event] : acknowledged_)
    EXPECT_LE(position, s.must("SELECT dcb.head($1)", {store_.name()}).number()) << event << " is lost";
  EXPECT_GT(terminated, 0) << "nothing was terminated: this shows nothing";
}

}  // namespace
