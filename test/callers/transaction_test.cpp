// Appends within transactions of every shape: nested savepoints rolled back and released, errors after the append, two-phase commit.

#include "ledger.hpp"

#include <gtest/gtest.h>

namespace {

using callers::ledger;
using race::answer;
using race::session;

class transaction : public testing::Test {
 protected:
  transaction() { s_.must("CREATE TABLE \"" + store_.name() + "\".own (event text)"); }
  std::string own() const { return "\"" + store_.name() + "\".own"; }
  answer append(session& s, const std::string& event, const std::string& rest = "") {
    return s.run("SELECT dcb.append($1, ARRAY[dcb.event($2)]" + rest + ")", {store_.name(), event});
  }
  std::string stored() { return s_.must("SELECT coalesce(string_agg(type, ',' ORDER BY position), '') FROM dcb.read($1)", {store_.name()}).value(); }
  // Nobody holds the append lock.
  void expect_free() {
    session other;
    other.must("SET lock_timeout = '10s'");
    other.must("BEGIN");
    EXPECT_TRUE(append(other, "Free").ok());
    other.must("ROLLBACK");
  }

  race::temporary_store store_;
  session s_;
};

// Random transactions of several sessions, against what a stack of savepoints says is left: events and the transaction's own rows alike.
TEST_F(transaction, of_random_savepoints) {
  ledger ledger;
  const unsigned seed = callers::seed();
  race::in_parallel(6, [&](session& s, int i) {
    std::mt19937 random(seed + i);
    for (int round = 0; round < race::rounds(40); ++round) {
      std::vector<std::vector<std::string>> levels(1);  // what each open savepoint has appended
      std::vector<std::string> gone;
      bool may_prepare = true;
      auto roll_back_to = [&](std::size_t level) {
        s.must("ROLLBACK TO s" + std::to_string(level));
        for (std::size_t l = level; l < levels.size(); ++l) gone.insert(gone.end(), levels[l].begin(), levels[l].end());
        levels.resize(level + 1);
        levels[level].clear();
      };
      s.must(round % 3 == 0 ? "BEGIN ISOLATION LEVEL REPEATABLE READ" : "BEGIN");
      for (int step = 0; step < 14; ++step) {
        const std::string event = ledger.fresh();
        bool appended = true;
        switch (random() % 8) {
          case 0:
            s.must("SAVEPOINT s" + std::to_string(levels.size()));
            levels.emplace_back();
            appended = false;
            break;
          case 1:
            if (levels.size() > 1) roll_back_to(1 + random() % (levels.size() - 1));
            appended = false;
            break;
          case 2:
            if (levels.size() > 1) {
              const std::size_t level = 1 + random() % (levels.size() - 1);
              s.must("RELEASE s" + std::to_string(level));
              for (std::size_t l = level; l < levels.size(); ++l) levels[level - 1].insert(levels[level - 1].end(), levels[l].begin(), levels[l].end());
              levels.resize(level);
            }
            appended = false;
            break;
          case 3:  // an append that fails, or an error after it
            if (levels.size() > 1) {
              EXPECT_FALSE((random() % 2 == 0 ? append(s, event, ", dcb.query(types => ARRAY[$2], except_types => ARRAY['none']), 1000000000")
                                             : s.run("SELECT dcb.append($1, ARRAY[dcb.event($2)]), 1 / ($1 = '')::int", {store_.name(), event}))
                               .ok());
              roll_back_to(levels.size() - 1);
            }
            appended = false;
            break;
          case 4: s.must("SELECT dcb.append_at_commit($1, ARRAY[dcb.event($2)])", {store_.name(), event}); break;
          default: s.must("SELECT dcb.append($1, ARRAY[dcb.event($2)])", {store_.name(), event});
        }
        if (!appended) continue;
        s.must("INSERT INTO " + own() + " VALUES ($1)", {event});
        levels.back().push_back(event);
      }
      for (std::size_t l = 0; l < levels.size(); ++l) may_prepare = may_prepare && levels[l].empty();
      const auto end = random() % 4;
      answer got;
      if (end == 0) {
        s.must("ROLLBACK");
      } else if (end == 1) {
        const std::string name = store_.name() + std::to_string(i);
        got = s.run("PREPARE TRANSACTION '" + name + "'");
        EXPECT_EQ(got.sqlstate, may_prepare ? "" : "DCB08") << got.message;
        if (got.ok()) s.must("COMMIT PREPARED '" + name + "'");
        if (s.in_transaction()) s.must("ROLLBACK");
      } else {
        got = s.run("COMMIT");
        EXPECT_TRUE(got.ok()) << got.message;
      }
      answer refused;
      refused.sqlstate = "rolled back";
      for (const auto& event : gone) ledger.told(refused, event);
      for (const auto& level : levels)
        for (const auto& event : level) ledger.told(end == 0 ? refused : got, event);
    }
  });
  EXPECT_GT(ledger.acknowledged(), 0);
  EXPECT_GT(ledger.refused(), 0);
  ledger.check(store_.name());
  EXPECT_EQ(s_.must("SELECT count(*) FROM " + own() + " AS o FULL JOIN \"" + store_.name() + "\".event AS e ON e.type = o.event WHERE o IS NULL OR e IS NULL").number(), 0);
  expect_free();
}

// What fails after the append takes the append along: in the statement, later in the transaction, and at its commit.
TEST_F(transaction, fails_after_the_append) {
  s_.must("CREATE TABLE \"" + store_.name() + "\".late (x int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
  const std::string twice = "INSERT INTO \"" + store_.name() + "\".late VALUES (1), (1)";
  const std::vector<std::vector<std::string>> endings = {{"SELECT dcb.append($1, ARRAY[dcb.event('A')]), 1 / ($1 = '')::int"},
                                                         {"BEGIN", "SELECT dcb.append($1, ARRAY[dcb.event('A')])", "SELECT 1 / 0"},
                                                         {"BEGIN", "SELECT dcb.append_at_commit($1, ARRAY[dcb.event('A')])", "SELECT 1 / 0"},
                                                         {"BEGIN", "SELECT dcb.append($1, ARRAY[dcb.event('A')])", twice, "COMMIT"},
                                                         {"BEGIN", "SELECT dcb.append_at_commit($1, ARRAY[dcb.event('A')])", twice, "COMMIT"},
                                                         {"BEGIN", "SELECT dcb.append($1, ARRAY[dcb.event('A')])", "SELECT dcb.append_at_commit($1, ARRAY[dcb.event('B')], dcb.all())", "COMMIT"},
                                                         {"BEGIN", "SELECT dcb.append_at_commit($1, ARRAY[dcb.event('B')])", "SELECT dcb.append_at_commit($1, ARRAY[dcb.event('C')], dcb.all())", "COMMIT"}};
  for (const auto& ending : endings) {
    answer got;
    for (const auto& statement : ending) got = statement.find("$1") == std::string::npos ? s_.run(statement) : s_.run(statement, {store_.name()});
    EXPECT_FALSE(got.ok()) << ending.back();
    if (s_.in_transaction()) s_.must("ROLLBACK");
    EXPECT_EQ(stored(), "") << ending.back();
    expect_free();
  }
}

// A transaction that has put an append off cannot be prepared; one that took it back can, and a prepared one of others is in nobody's way.
TEST_F(transaction, in_two_phases) {
  const std::string name = store_.name();
  s_.must("BEGIN");
  s_.must("INSERT INTO " + own() + " VALUES ('x')");
  s_.must("SAVEPOINT a");
  s_.must("SELECT dcb.append_at_commit($1, ARRAY[dcb.event('Gone')])", {name});
  s_.must("ROLLBACK TO a");
  s_.must("PREPARE TRANSACTION '" + name + "'");
  EXPECT_TRUE(append(s_, "Beside").ok());
  EXPECT_TRUE(s_.must("CALL dcb.submit($1, ARRAY[dcb.event('Beside2')], dcb.query(types => '{Gone}'))", {name}).ok());
  s_.must("COMMIT PREPARED '" + name + "'");
  for (const char* way : {"append", "append_at_commit"})
    for (const bool nested : {false, true}) {
      s_.must("BEGIN");
      if (nested) s_.must("SAVEPOINT a");
      s_.must(std::string("SELECT dcb.") + way + "($1, ARRAY[dcb.event('Refused')])", {name});
      if (nested) s_.must("RELEASE a");
      EXPECT_EQ(s_.run("PREPARE TRANSACTION '" + name + "'").sqlstate, "DCB08") << way;
      EXPECT_FALSE(s_.in_transaction());
      expect_free();
    }
  EXPECT_EQ(stored(), "Beside,Beside2");
  EXPECT_EQ(s_.must("SELECT count(*) FROM pg_prepared_xacts WHERE gid = $1", {name}).number(), 0);
}

}  // namespace
