// Position order is the order of becoming visible. Writers append with random pauses, rollbacks and savepoints; readers go on from the last
// position they saw, and must see 1, 2, 3, … without a hole, with recorded_at never going back. What writers were told is what is stored.

#include "session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

namespace {

using race::answer;
using race::session;

constexpr int writers = 8;

class order : public testing::Test {
 protected:
  // One append of writer's own, conditional on nothing of its own being new, or not; by any way. An event's data is a number of its own.
  std::int64_t append(session& s, int writer, std::mt19937& random, bool submit = false) {
    const std::string number = std::to_string(++attempted_);
    const std::string own = std::to_string(writer);
    const char* const call = submit ? "CALL dcb.submit" : "SELECT dcb.append";
    const char* const condition = random() % 2 == 0 ? ", dcb.query(tags => ARRAY['never'])" : "";
    const std::int64_t position =
        s.must(std::string(call) + "($1, ARRAY[dcb.event('W', to_jsonb($2::int), ARRAY['w:' || $3])]" + condition + ")", {store_.name(), number, own})
            .number();
    pending_[writer][position] = number;
    return position;
  }

  void acknowledge(int writer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [position, number] : pending_[writer])
      EXPECT_TRUE(acknowledged_.emplace(position, number).second) << "position " << position << " was handed out twice";
    pending_[writer].clear();
  }

  void write(int writer, int rounds) {
    session s;
    std::mt19937 random(writer);
    for (int round = 0; round < rounds; ++round) {
      switch (random() % 5) {
        case 0:
          append(s, writer, random);
          acknowledge(writer);
          break;
        case 1:
          append(s, writer, random, true);
          acknowledge(writer);
          break;
        case 2:  // a transaction that goes on working after its append
        case 3:
          s.must(random() % 2 == 0 ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ");
          for (unsigned more = random() % 3 + 1; more > 0; --more) append(s, writer, random);
          race::pause(random, 2000);
          if (random() % 3 == 0) {
            s.must("ROLLBACK");
            pending_[writer].clear();
          } else {
            s.must("COMMIT");
            acknowledge(writer);
          }
          break;
        default: {  // the end of a transaction's appends rolled back to a savepoint, others after it
          s.must("BEGIN");
          append(s, writer, random);
          s.must("SAVEPOINT a");
          const std::int64_t lost = append(s, writer, random);
          race::pause(random, 500);
          s.must("ROLLBACK TO a");
          pending_[writer].erase(lost);
          if (random() % 2 == 0) append(s, writer, random);
          s.must("COMMIT");
          acknowledge(writer);
        }
      }
      race::pause(random, 1000);
    }
  }

  // Reads pages of random size on from the last position, until the writers are done and the head is reached.
  void follow(int reader, const std::string& filter) {
    session s;
    std::mt19937 random(100 + reader);
    std::int64_t last = 0;
    std::string recorded_at;
    while (true) {
      const bool final = done_;
      const answer page = s.must("SELECT position, recorded_at AT TIME ZONE 'UTC', data FROM dcb.read($1, $2::dcb.query, $3, $4)",
                                 {store_.name(), filter, std::to_string(last), std::to_string(1 + random() % 50)});
      for (const auto& row : page.rows) {
        const std::int64_t position = std::stoll(row[0]);
        if (filter == everything) {
          ASSERT_EQ(position, last + 1) << "a hole, or out of order";
        }
        ASSERT_GT(position, last);
        ASSERT_LE(recorded_at, row[1]) << "recorded_at went back at " << position;
        recorded_at = row[1];
        last = position;
        seen_[reader].emplace(position, row[2]);
      }
      if (page.rows.empty() && final) return;
      if (page.rows.empty()) race::pause(random, 500);
    }
  }

  // Everything one statement says about the log's end agrees; the watermark may lag behind it.
  void compare() {
    session s;
    while (!done_) {
      const answer got = s.must(
          "SELECT dcb.head($1), (SELECT coalesce(max(position), 0) FROM dcb.read($1)), (SELECT count(*) FROM dcb.read($1)), dcb.count($1), "
          "coalesce(dcb.last($1), 0), dcb.head($1), dcb.watermark($1)",
          {store_.name()});
      for (std::size_t column = 1; column < 6; ++column) ASSERT_EQ(got.number(column), got.number()) << "column " << column;
      ASSERT_LE(got.number(6), got.number());
    }
  }

  // Runs a thread's work, and a failure of it as a failure of the test.
  template <class Work>
  std::thread start(Work work) {
    return std::thread([work] {
      try {
        work();
      } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
      }
    });
  }

  static constexpr const char* everything = R"({"items":[{}]})";
  race::temporary_store store_;
  std::atomic<int> attempted_{0};
  std::atomic<bool> done_{false};
  std::mutex mutex_;
  std::map<std::int64_t, std::string> acknowledged_;
  std::map<std::int64_t, std::string> pending_[writers];
  std::map<std::int64_t, std::string> seen_[4];
};

TEST_F(order, nothing_skipped_or_reordered) {
  std::vector<std::thread> writing, reading;
  for (int writer = 0; writer < writers; ++writer) writing.push_back(start([this, writer] { write(writer, race::rounds()); }));
  reading.push_back(start([this] { follow(0, everything); }));
  reading.push_back(start([this] { follow(1, everything); }));
  reading.push_back(start([this] { follow(2, R"({"items":[{"tags":["w:1"]},{"tags":["w:5"]}]})"); }));
  reading.push_back(start([this] { follow(3, R"({"items":[{"types":["W"]}]})"); }));
  reading.push_back(start([this] { compare(); }));
  for (auto& thread : writing) thread.join();
  done_ = true;
  for (auto& thread : reading) thread.join();

  std::map<std::int64_t, std::string> stored, stored_of_two;
  for (const auto& row : session().must("SELECT position, data, tags && '{w:1,w:5}' FROM \"" + store_.name() + "\".event ORDER BY position").rows) {
    stored.emplace(std::stoll(row[0]), row[1]);
    if (row[2] == "t") stored_of_two.emplace(std::stoll(row[0]), row[1]);
  }
  EXPECT_EQ(stored, acknowledged_) << "stored is not what was acknowledged";
  EXPECT_EQ(seen_[0], stored);
  EXPECT_EQ(seen_[1], stored);
  EXPECT_EQ(seen_[2], stored_of_two);
  EXPECT_EQ(seen_[3], stored);
  EXPECT_EQ(stored.empty() ? 0 : stored.rbegin()->first, static_cast<std::int64_t>(stored.size())) << "a gap";
}

}  // namespace
