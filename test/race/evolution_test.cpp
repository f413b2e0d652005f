// A store whose tags change while it is in use.

#include "session.hpp"

#include <gtest/gtest.h>

#include <atomic>

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

}  // namespace
