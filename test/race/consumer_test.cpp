// Consumers of a subscription that come, go, stall, roll back and are killed, while writers append and roll back: every event that matches has its effect
// once, and in order within its partition.

#include "session.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace {

using race::answer;
using race::session;

constexpr int writers = 4;
constexpr int consumers = 4;

class consumer : public testing::Test {
 protected:
  void SetUp() override {
    // What the consumers do; `n` tells in which order.
    s_.must("CREATE TABLE " + effects_ + " (n bigserial, position bigint, partition int, consumer text)");
  }

  void write(session& s, int writer, int rounds) {
    std::mt19937 random(writer);
    for (int round = 0; round < rounds; ++round) {
      s.must("BEGIN");
      s.must("SELECT dcb.append($1, ARRAY[dcb.event(CASE WHEN $2::int % 3 = 0 THEN 'Other' ELSE 'A' END, tags => ARRAY['key:' || $2])])",
             {store_.name(), std::to_string(random() % 40)});
      race::pause(random, 300);
      s.must(random() % 5 == 0 ? "ROLLBACK" : "COMMIT");
      race::pause(random, 1000);
    }
  }

  // One batch of one partition, as a careless consumer does it. What it may fail with: it was taken over, it was killed.
  void consume(session& s, const std::string& name, const std::string& partition, const std::string& token, std::mt19937& random) {
    const answer batch = s.run("SELECT position, type FROM dcb.poll($1, 's', $2, $3, $4)", {store_.name(), token, partition, std::to_string(1 + random() % 20)});
    if (!expected(batch) || batch.rows.empty()) return;
    const bool stalls = random() % 10 == 0;
    if (stalls && random() % 2 == 0) std::this_thread::sleep_for(lease_ * 2);
    if (!s.run("BEGIN").ok()) return;
    const auto checkpoint = [&] {
      return expected(s.run("SELECT dcb.checkpoint($1, 's', $2, $3, $4)", {store_.name(), token, batch.rows.back()[0], partition}));
    };
    const bool first = random() % 2 == 0;
    bool good = !first || checkpoint();
    for (const auto& row : batch.rows)
      if (good && !row[1].empty())
        good = expected(s.run("INSERT INTO " + effects_ + " (position, partition, consumer) VALUES ($1, $2, $3)", {row[0], partition, name}));
    if (stalls) std::this_thread::sleep_for(lease_ * 2);
    good = good && (first || checkpoint());
    s.run(good && random() % 10 > 0 ? "COMMIT" : "ROLLBACK");
  }

  // A member of the group, as long as `done` says; when it is killed another one takes its place.
  void work(session& s, int number) {
    std::mt19937 random(100 + number);
    for (int life = 0; !done_; ++life) {
      const std::string name = "c" + std::to_string(number) + "-" + std::to_string(life);
      if (s.lost()) s = session("application_name=consumer");
      s.run("SET application_name = 'consumer'");
      for (int batches = 0; !done_ && !s.lost() && batches < 100; ++batches) {
        const answer held = s.run("SELECT partition, token FROM dcb.claim($1, 's', $2, $3)", {store_.name(), name, std::to_string(lease_.count()) + " ms"});
        if (!expected(held)) continue;
        for (const auto& row : held.rows) consume(s, name, row[0], row[1], random);
        if (held.rows.empty()) race::pause(random, 10000);
      }
      if (!s.lost() && random() % 2 == 0) s.run("SELECT dcb.release($1, 's', $2)", {store_.name(), name});
    }
  }

  bool expected(const answer& got) {
    if (got.sqlstate == "DCB11") ++taken_over_;
    EXPECT_TRUE(got.ok() || got.sqlstate == "DCB11" || got.sqlstate == "57P01" || got.sqlstate == "08006" || got.sqlstate == "25P02") << got.sqlstate << " " << got.message;
    return got.ok();
  }

  void run(int partitions, int rounds) {
    s_.must("SELECT dcb.create_subscription($1, 's', dcb.query(types => '{A}'), partitions => $2, partition_by => 'key')", {store_.name(), std::to_string(partitions)});
    std::thread killer([&, s = session()]() mutable {
      std::mt19937 random(1);
      while (!done_) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 60));
        killed_ += static_cast<int>(s.must("SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'consumer' ORDER BY random() LIMIT 1) AS c").number());
      }
    });
    std::thread until_done([&, s = session()]() mutable {
      // On, until what the test is about has happened.
      for (int times = 0; times == 0 || (times < 50 && (killed_ == 0 || taken_over_ == 0)); ++times)
        race::in_parallel(writers, [&](session& w, int i) { write(w, i, rounds); });
      while (s.must("SELECT sum(lag_events) FROM dcb.subscriptions($1)", {store_.name()}).value() != "0") std::this_thread::sleep_for(std::chrono::milliseconds(5));
      done_ = true;
    });
    race::in_parallel(consumers, [&](session& s, int i) { work(s, i); });
    until_done.join();
    killer.join();
  }

  void check(int partitions) {
    const std::string matching = "SELECT position, dcb.partition_of(tags, 'key', " + std::to_string(partitions) + ") AS partition FROM dcb.read($1, dcb.query(types => '{A}'))";
    EXPECT_GT(s_.must("SELECT count(*) FROM (" + matching + ") AS m", {store_.name()}).number(), 0);
    EXPECT_EQ(s_.must("SELECT count(*) FROM (TABLE " + effects_ + ") AS e FULL JOIN (" + matching + ") AS m USING (position, partition) WHERE e.n IS NULL OR m.position IS NULL", {store_.name()})
                  .number(),
              0)
        << "not each its effect, or of another partition";
    EXPECT_EQ(s_.must("SELECT count(*) - count(DISTINCT position) FROM " + effects_).number(), 0) << "an effect twice";
    EXPECT_EQ(s_.must("SELECT count(*) FROM (SELECT position, lag(position) OVER (PARTITION BY partition ORDER BY n) AS before FROM " + effects_ + ") AS e WHERE before > position").number(), 0)
        << "out of order";
    EXPECT_GT(killed_, 0) << "nobody was killed: this shows nothing";
    EXPECT_GT(taken_over_, 0) << "nobody was taken over: this shows nothing";
    EXPECT_GT(s_.must("SELECT count(DISTINCT consumer) FROM " + effects_).number(), 1) << "only one consumer worked: this shows nothing";
  }

  race::temporary_store store_;
  session s_;
  const std::string effects_ = "\"" + store_.name() + "\".effect";
  const std::chrono::milliseconds lease_{20};
  std::atomic<bool> done_{false};
  std::atomic<int> killed_{0};
  std::atomic<int> taken_over_{0};

  ~consumer() override { s_.run("DROP TABLE " + effects_); }
};

TEST_F(consumer, one_works_and_is_replaced) {
  run(1, race::rounds());
  check(1);
}

TEST_F(consumer, groups_share_partitions) {
  run(8, race::rounds());
  check(8);
}

// A consumer that is stopped in the midst of a transaction holds up neither appends nor those who claim, and loses to its successor.
TEST_F(consumer, is_stopped) {
  s_.must("SELECT dcb.append($1, ARRAY[dcb.event('A')])", {store_.name()});
  s_.must("SELECT dcb.create_subscription($1, 's')", {store_.name()});
  session stopped, successor;
  stopped.must("SET idle_in_transaction_session_timeout = '1s'");
  successor.must("SET lock_timeout = '1ms'");  // it must not wait for any lock
  const std::string token = stopped.must("SELECT token FROM dcb.claim($1, 's', 'stopped', '1 ms')", {store_.name()}).value();
  stopped.must("BEGIN");
  stopped.must("SELECT dcb.checkpoint($1, 's', $2, 1)", {store_.name(), token});
  stopped.must("INSERT INTO " + effects_ + " (position, consumer) VALUES (1, 'stopped')");

  answer held;
  int tries = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (held.rows.empty() && std::chrono::steady_clock::now() < deadline) {
    held = successor.must("SELECT token FROM dcb.claim($1, 's', 'successor')", {store_.name()});
    successor.must("SELECT dcb.append($1, ARRAY[dcb.event('A')])", {store_.name()});
    successor.must("SELECT * FROM dcb.subscriptions($1)", {store_.name()});
    ++tries;
  }
  ASSERT_EQ(held.rows.size(), 1) << "never got it";
  EXPECT_GT(tries, 1) << "it was not held up by anything: this shows nothing";
  EXPECT_EQ(successor.must("SELECT min(position) FROM dcb.poll($1, 's', $2)", {store_.name(), held.value()}).number(), 1);
  EXPECT_FALSE(stopped.run("COMMIT").ok());
  EXPECT_EQ(s_.must("SELECT count(*) FROM " + effects_).number(), 0);
}

// 100,000 checkpoints leave the table as small as it was. Versions that a snapshot of another session may need are kept for as long as it lasts, an ANALYZE
// of the events by autovacuum for example: the long form (RACE_ROUNDS=2000) wants a server with autovacuum=off.
TEST_F(consumer, checkpoints_do_not_bloat) {
  const int checkpoints = race::rounds(100000);
  const std::string count = std::to_string(checkpoints);
  s_.must("SET synchronous_commit = off");
  s_.must("ALTER TABLE \"" + store_.name() + "\".event SET (autovacuum_enabled = off)");
  for (int i = 0; i < checkpoints; i += 10000) s_.must("SELECT dcb.append($1, array_agg(dcb.event('A'))) FROM generate_series(1, 10000)", {store_.name()});
  s_.must("SELECT dcb.create_subscription($1, 's')", {store_.name()});
  s_.must("SELECT dcb.claim($1, 's', 'me', '1 day')", {store_.name()});
  const std::string table = "\"" + store_.name() + "\".checkpoint";
  s_.must("DO $$ DECLARE t bigint := (SELECT token FROM " + table + "); BEGIN FOR i IN 1.." + count + " LOOP PERFORM dcb.checkpoint('" + store_.name() +
          "', 's', t, i); COMMIT; END LOOP; END $$");
  EXPECT_EQ(s_.must("SELECT position FROM dcb.subscriptions($1)", {store_.name()}).number(), checkpoints);
  s_.must("SELECT pg_stat_force_next_flush()");
  const answer stats = s_.must("SELECT n_tup_upd, n_tup_hot_upd, pg_relation_size(relid) FROM pg_stat_user_tables WHERE relid = $1::regclass", {table});
  EXPECT_GE(stats.number(0), checkpoints);
  EXPECT_GE(stats.number(1), stats.number(0) * 99 / 100) << "of " << stats.number(0);
  EXPECT_LE(stats.number(2), 5 * 8192);
}

}  // namespace
