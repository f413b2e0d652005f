// A store whose tags change while it is in use.

#include "session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

namespace {

using race::answer;
using race::session;

class evolution : public testing::Test {
 protected:
  // A number of writer's own, by any way to append; the tags, if any, come from a rule.
  void append(session& s, int writer, std::mt19937& random) {
    const std::string event = "dcb.event('A', jsonb_build_object('id', " + std::to_string(writer) + "))";
    const std::string condition = random() % 2 == 0 ? ", dcb.query(tags => ARRAY['never'])" : "";
    switch (random() % 8) {
      case 0: s.must("SELECT dcb.append($1, ARRAY[" + event + "]" + condition + ")", {store_.name()}); break;
      case 1:
        s.must("BEGIN");
        s.must("SELECT dcb.append_at_commit($1, ARRAY[" + event + "]" + condition + ")", {store_.name()});
        s.must("COMMIT");
        break;
      case 2: s.must("CALL dcb.submit_many($1, ARRAY[dcb.command(ARRAY[" + event + "]" + condition + "), dcb.command(ARRAY[" + event + "])])", {store_.name()}); break;
      default: s.must("CALL dcb.submit($1, ARRAY[" + event + "]" + condition + ")", {store_.name()});
    }
  }

  race::temporary_store store_;
};

// Rules come and go while many append. A change is a cut through the log, marked by an event in the same transaction: what was appended before it
// follows the old rules, what comes after it the new ones.
TEST_F(evolution, rules_cut_the_log) {
  constexpr int writers = 8;
  const int changes = race::rounds(60);
  std::atomic<bool> done = false;
  race::in_parallel(writers + 1, [&](session& s, int number) {
    std::mt19937 random(number);
    if (number < writers) {
      while (!done) append(s, number, random);
      return;
    }
    for (int change = 0; change < changes; ++change) {
      race::pause(random, 20000);
      s.must("BEGIN");
      s.must(change % 2 == 0 ? "SELECT dcb.tag_rule($1, 'A', 'id', '$.id')" : "SELECT dcb.drop_tag_rule($1, 'A', 'id')", {store_.name()});
      s.must("SELECT dcb.append($1, ARRAY[dcb.event('Changed')])", {store_.name()});
      s.must("COMMIT");
    }
    done = true;
  });

  const answer log = session().must("SELECT position, type, tags = ARRAY['id:' || (data->>'id')], tags = '{}' FROM dcb.read($1)", {store_.name()});
  bool rule = false;
  int followed = 0;
  for (const auto& row : log.rows) {
    if (row[1] == "Changed")
      rule = !rule;
    else
      ASSERT_EQ(row[rule ? 2 : 3], "t") << "other rules than those at its time, at " << row[0];
    followed += rule;
  }
  EXPECT_GT(followed, changes) << "the race was none";
  EXPECT_EQ(session().must("SELECT count(*) FROM dcb.verify($1)", {store_.name()}).number(), 0);
}

// Old events get further tags, by several sessions that are cancelled now and then, while decisions count the events of their boundaries, readers
// read and VACUUM clears away. No decision misses an event or sees one twice, no reader either, and each event gets each tag once.
TEST_F(evolution, retag_beside_decisions) {
  constexpr int writers = 4, retaggers = 2, boundaries = 3;
  const int decisions = race::rounds(150);
  std::atomic<int> writing = writers;
  std::mutex mutex;
  std::vector<std::string> names;
  race::in_parallel(writers + retaggers + 3, [&](session& s, int number) {
    std::mt19937 random(number);
    if (number < writers) {
      for (int made = 0; made < decisions;) {
        const std::string boundary = std::to_string(random() % boundaries);
        const answer read = s.must(
            "SELECT count(position), greatest(dcb.watermark($1), max(position)) FROM dcb.read($1, dcb.query(tags => ARRAY['b:' || $2]))", {store_.name(), boundary});
        const answer appended = s.run(
            "CALL dcb.submit($1, ARRAY[dcb.event('A', jsonb_build_object('id', $2::text, 'n', $3::int), ARRAY['b:' || $2])], dcb.query(tags => ARRAY['b:' || $2]), $4)",
            {store_.name(), boundary, read.rows[0][0], read.rows[0][1]});
        if (appended.ok())
          ++made;
        else
          ASSERT_EQ(appended.sqlstate, "DCB01") << appended.message;
      }
      --writing;
    } else if (number < writers + retaggers) {
      for (int round = 0; writing > 0; ++round) {
        const std::string name = "r" + std::to_string(number) + "_" + std::to_string(round);
        answer called;
        do {
          called = s.run("CALL dcb.retag($1, dcb.query(types => ARRAY['A']), $2, '$.id', 20)", {store_.name(), name});
          ASSERT_TRUE(called.ok() || called.sqlstate == "57014") << called.message;
        } while (!called.ok());
        const std::lock_guard<std::mutex> lock(mutex);
        names.push_back(name);
      }
    } else if (number == writers + retaggers) {
      while (writing > 0) {
        race::pause(random, 50000);
        s.must("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL dcb.retag%' AND state = 'active' ORDER BY random() LIMIT 1");
      }
    } else if (number == writers + retaggers + 1) {
      while (writing > 0) {
        race::pause(random, 30000);
        s.must("VACUUM " + store_.name() + ".event");
      }
    } else {
      while (writing > 0) {
        const answer counts = s.must(
            "SELECT dcb.head($1), (SELECT count(*) FROM dcb.read($1)), (SELECT sum(dcb.count($1, dcb.query(types => ARRAY['A'], tags => ARRAY['b:' || b]))) FROM "
            "generate_series(0, 2) AS b)",
            {store_.name()});
        ASSERT_EQ(counts.number(0), counts.number(1)) << "an event missed or read twice";
        ASSERT_EQ(counts.number(0), counts.number(2)) << "an event missed or read twice by its tag";
        ASSERT_EQ(s.must("SELECT count(*) FROM dcb.verify($1)", {store_.name()}).number(), 0);
      }
    }
  });

  session s;
  EXPECT_EQ(s.must("SELECT count(*) FROM (SELECT (data->>'n')::int AS n, row_number() OVER (PARTITION BY data->>'id' ORDER BY position) - 1 AS number FROM dcb.read($1)) AS e "
                   "WHERE n <> number",
                   {store_.name()})
                .number(),
            0)
      << "a decision that missed an event";
  EXPECT_EQ(s.must("SELECT count(*) FROM dcb.verify($1)", {store_.name()}).number(), 0);
  EXPECT_GT(names.size(), 0u);
  for (const auto& name : names)
    for (int b = 0; b < boundaries; ++b)
      EXPECT_EQ(s.must("SELECT count(*) FROM dcb.read($1, dcb.query(tags => ARRAY['b:' || $3]), upto => (SELECT max(goal) FROM dcb.retags($1) WHERE name = $2)) "
                       "WHERE NOT tags @> ARRAY[$2 || ':' || $3]",
                       {store_.name(), name, std::to_string(b)})
                    .number(),
                0)
          << "an event without tag " << name;
  EXPECT_EQ(s.must("SELECT sum(cardinality(tags) - 1) - (SELECT sum(changed) FROM dcb.retags($1)) FROM dcb.read($1)", {store_.name()}).number(), 0);
}

}  // namespace
