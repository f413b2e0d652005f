// Cursors: over reads while others and their own transaction append, and over appends.

#include "session.hpp"

#include <gtest/gtest.h>

#include <set>

namespace {

using race::answer;
using race::session;

class cursor : public testing::Test {
 protected:
  cursor() { run("SELECT dcb.append($1, array_agg(dcb.event('Old' || i, tags => ARRAY['t:' || i % 2]))) FROM generate_series(1, 10) AS i"); }
  answer run(const std::string& sql) { return s_.must(sql, {store_.name()}); }
  // Utility statements take no parameters.
  std::string literal(std::string sql) const {
    for (std::size_t at; (at = sql.find("$1")) != std::string::npos;) sql.replace(at, 2, "'" + store_.name() + "'");
    return sql;
  }
  std::string fetch(const std::string& what) {
    std::string list;
    for (const auto& row : s_.must("FETCH " + what).rows) list += (list.empty() ? "" : ",") + row[0];
    return list;
  }
  static std::string reads() { return "SELECT position FROM dcb.read($1)"; }

  race::temporary_store store_;
  session s_, other_;
};

// A cursor shows the log as it was when it was opened, in all isolation levels, whoever appends meanwhile.
TEST_F(cursor, shows_the_log_as_it_was) {
  int head = 10;
  for (const char* isolation : {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}) {
    std::string all;
    for (int i = 1; i <= head; ++i) all += (i > 1 ? "," : "") + std::to_string(i);
    s_.must(std::string("BEGIN ISOLATION LEVEL ") + isolation);
    s_.must(literal("DECLARE c SCROLL CURSOR FOR " + reads()));
    s_.must(literal("DECLARE back CURSOR FOR SELECT position FROM dcb.read($1, backwards => true)"));
    s_.must(literal("DECLARE as_function CURSOR FOR SELECT dcb.read($1)"));
    EXPECT_EQ(fetch("3 FROM c"), "1,2,3");
    EXPECT_EQ(fetch("2 FROM back"), std::to_string(head) + "," + std::to_string(head - 1));
    other_.must("CALL dcb.submit($1, ARRAY[dcb.event('Others')])", {store_.name()});
    run("SELECT dcb.append($1, ARRAY[dcb.event('Own'), dcb.event('Own')])");
    EXPECT_EQ(fetch("FORWARD ALL FROM c"), all.substr(6));
    EXPECT_EQ(fetch("BACKWARD 2 FROM c"), std::to_string(head) + "," + std::to_string(head - 1));
    EXPECT_EQ(fetch("FIRST FROM c"), "1");
    EXPECT_EQ(fetch("LAST FROM c"), std::to_string(head));
    EXPECT_EQ(fetch("ABSOLUTE 5 FROM c"), "5");
    EXPECT_EQ(s_.must("FETCH ALL FROM back").rows.size(), static_cast<std::size_t>(head - 2));
    // It is called with the first FETCH, after the own append, and has no hole before that either.
    EXPECT_EQ(s_.must("FETCH ALL FROM as_function").rows.size(), static_cast<std::size_t>(isolation[0] == 'R' && isolation[2] == 'A' ? head : head + 1));
    EXPECT_EQ(run("SELECT count(*) FROM dcb.read($1)").number(), head + 3) << "what is opened after the own append has no hole: " << isolation;
    s_.must("COMMIT");
    head += 3;
  }
}

// WITH HOLD: the rest is read at COMMIT, as of when the cursor was opened, also if that transaction has appended or puts appends off.
TEST_F(cursor, is_held_over_commits) {
  s_.must("BEGIN");
  s_.must(literal("DECLARE held SCROLL CURSOR WITH HOLD FOR " + reads()));
  EXPECT_EQ(fetch("2 FROM held"), "1,2");
  run("SELECT dcb.append($1, ARRAY[dcb.event('Own')])");
  run("SELECT dcb.append_at_commit($1, ARRAY[dcb.event('Later')])");
  s_.must("COMMIT");
  run("CALL dcb.submit($1, ARRAY[dcb.event('After')])");
  EXPECT_EQ(fetch("ALL FROM held"), "3,4,5,6,7,8,9,10");
  EXPECT_EQ(fetch("FIRST FROM held"), "1");
  s_.must("CLOSE held");
  // One that appends as it is read does so at the commit, at the latest.
  s_.must("BEGIN");
  s_.must(literal("DECLARE appends NO SCROLL CURSOR WITH HOLD FOR SELECT dcb.append($1, ARRAY[dcb.event('Held' || i)]) FROM generate_series(1, 3) AS i"));
  EXPECT_EQ(fetch("1 FROM appends"), "14");
  run("SELECT dcb.append_at_commit($1, ARRAY[dcb.event('Last')])");
  s_.must("COMMIT");
  EXPECT_EQ(fetch("ALL FROM appends"), "15,16");
  EXPECT_EQ(run("SELECT type FROM dcb.read($1, backwards => true, max_count => 1)").value(), "Last");
}

// A cursor over appends, and savepoints around its FETCHes: each append stands and falls with the savepoint that it was made in, and the append lock with it.
TEST_F(cursor, of_appends_keeps_the_lock_as_long_as_their_rows) {
  for (const bool fails : {false, true}) {
    const std::int64_t head = run("SELECT dcb.head($1)").number();
    s_.must("BEGIN");
    s_.must(literal("DECLARE c CURSOR FOR SELECT dcb.append($1, ARRAY[dcb.event('C' || i)], CASE WHEN i = 3 THEN dcb.all() END) FROM generate_series(1, 3) AS i"));
    EXPECT_EQ(fetch("1 FROM c"), std::to_string(head + 1));
    s_.must("SAVEPOINT a");
    EXPECT_EQ(fetch("1 FROM c"), std::to_string(head + 2));
    if (fails) {
      EXPECT_EQ(s_.run("FETCH 1 FROM c").sqlstate, "DCB01");
    }
    s_.must("ROLLBACK TO a");
    // The first is still to be committed or not, so nobody may pass.
    ASSERT_EQ(run("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'object' AND mode = 'ExclusiveLock' AND granted AND $1 <> ''").number(), 1)
        << "the append lock is gone before the transaction";
    other_.must("SET lock_timeout = '50ms'");
    EXPECT_EQ(other_.run("CALL dcb.submit($1, ARRAY[dcb.event('Passes')])", {store_.name()}).sqlstate, "55P03");
    EXPECT_EQ(run("SELECT dcb.head($1)").number(), head + 1);
    s_.must("COMMIT");
    other_.must("RESET lock_timeout");
    EXPECT_EQ(other_.must("CALL dcb.submit($1, ARRAY[dcb.event('Next')])", {store_.name()}).number(), head + 2);
  }
  // Opened and read within the savepoint that is rolled back: the lock goes too.
  s_.must("BEGIN");
  s_.must("SAVEPOINT a");
  s_.must(literal("DECLARE c CURSOR FOR SELECT dcb.append($1, ARRAY[dcb.event('C')])"));
  fetch("1 FROM c");
  s_.must("ROLLBACK TO a");
  other_.must("SET lock_timeout = '10s'");
  EXPECT_TRUE(other_.run("CALL dcb.submit($1, ARRAY[dcb.event('Passes')])", {store_.name()}).ok());
  s_.must("COMMIT");
  // Closed in the transaction's midst: the lock stays.
  s_.must("BEGIN");
  s_.must(literal("DECLARE c CURSOR FOR SELECT dcb.append($1, ARRAY[dcb.event('C')])"));
  fetch("1 FROM c");
  s_.must("CLOSE c");
  other_.must("SET lock_timeout = '50ms'");
  EXPECT_EQ(other_.run("CALL dcb.submit($1, ARRAY[dcb.event('Passes')])", {store_.name()}).sqlstate, "55P03");
  s_.must("COMMIT");
  EXPECT_EQ(run("SELECT count(*) FROM dcb.verify($1)").number(), 0);
}

}  // namespace
