// kill -9 under load: what was acknowledged is stored, what is stored was attempted, and positions have no gap. Killing one server process makes the
// server drop its shared memory, end all its sessions and recover from the log; commits that were not flushed are gone. Every other writer runs with
// synchronous_commit off: its own events may be lost, nobody else's, and none that a reader has been shown.
//
// Only against a throw-away cluster as scripts/with-cluster makes it, known by its data folder beside the socket.

#include "session.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace {

using race::answer;
using race::session;

class crash : public testing::Test {
 protected:
  void SetUp() override {
    const char* host = std::getenv("PGHOST");
    if (host == nullptr) FAIL() << "PGHOST is not set: run this under scripts/with-cluster";
    if (!std::filesystem::exists(std::filesystem::path(host) / "data" / "postmaster.pid")) GTEST_SKIP() << "this server is not a throw-away one";
  }

  // A writer's session as soon as the server takes one again.
  static std::unique_ptr<session> connect(int writer) {
    for (int tries = 0;; ++tries) try {
        auto s = std::make_unique<session>();
        if (!is_durable(writer)) s->run("SET synchronous_commit = off");
        return s;
      } catch (const race::unexpected&) {
        if (tries > 3000) throw;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
  }
  static bool is_durable(int writer) { return writer % 2 == 0; }

  void write(int writer, const std::string& store) {
    auto s = connect(writer);
    for (int n = 0; !done_; ++n) {
      const std::string event = std::to_string(writer) + ":" + std::to_string(n);
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        attempted_.insert(event);
      }
      const answer got =
          s->run(n % 2 == 0 ? "SELECT dcb.append($1, ARRAY[dcb.event('A', to_jsonb($2::text), ARRAY['w:' || $3])], dcb.query(tags => ARRAY['never']))"
                            : "CALL dcb.submit($1, ARRAY[dcb.event('A', to_jsonb($2::text), ARRAY['w:' || $3])], dcb.query(tags => ARRAY['never']))",
                 {store, event, std::to_string(writer)});
      if (got.ok()) {
        if (!is_durable(writer)) continue;
        const std::lock_guard<std::mutex> lock(mutex_);
        acknowledged_[got.number()] = event;
        ++acknowledgements_;
      } else if (s->lost()) {
        s = connect(writer);
      } else {
        ADD_FAILURE() << got.sqlstate << " " << got.message;
      }
    }
  }

  // What dcb.read answers is durable, and so is what lies at or below dcb.watermark.
  void read(const std::string& store) {
    const std::string statements[] = {
        "SELECT position, data#>>'{}' FROM dcb.read($1, after => $2)",
        "SELECT position, data#>>'{}' FROM \"" + store + "\".event WHERE position > $2 AND position <= dcb.watermark($1) ORDER BY position"};
    auto s = connect(0);
    std::int64_t last = 0;
    for (int n = 0; !done_; ++n) {
      const answer page = s->run(statements[n % 2], {store, std::to_string(last)});
      if (s->lost()) s = connect(0);
      for (const auto& row : page.rows) shown_.emplace(last = std::stoll(row[0]), row[1]);
    }
  }

  // A consumer: what it is handed is durable, and what it does with it happens once. Its own commits are not flushed, so that some of its work is lost,
  // with the checkpoint.
  static bool consume_batch(session& s, const std::string& store, std::map<std::int64_t, std::string>& handed) {
    s.run("SET synchronous_commit = off");
    s.run("SELECT dcb.claim($1, 's', 'me', '1 day')", {store});
    const std::string token = "(SELECT token FROM \"" + store + "\".checkpoint)";
    const answer batch = s.run("SELECT position, data#>>'{}' FROM dcb.poll($1, 's', " + token + ")", {store});
    for (const auto& row : batch.rows) handed.emplace(std::stoll(row[0]), row[1]);
    if (batch.rows.empty()) return false;
    s.run("BEGIN");
    for (const auto& row : batch.rows) s.run("INSERT INTO \"" + store + "\".effect VALUES ($1, $2)", {row[0], row[1]});
    s.run("SELECT dcb.checkpoint($1, 's', " + token + ", $2)", {store, batch.rows.back()[0]});
    s.run("COMMIT");
    return true;
  }
  void consume(const std::string& store) {
    auto s = connect(0);
    while (!done_) {
      consume_batch(*s, store, handed_);
      if (s->lost()) s = connect(0);
    }
  }

  std::atomic<bool> done_{false};
  std::atomic<int> acknowledgements_{0};
  std::mutex mutex_;
  std::set<std::string> attempted_;
  std::map<std::int64_t, std::string> acknowledged_;
  std::map<std::int64_t, std::string> shown_;
  std::map<std::int64_t, std::string> handed_;
};

TEST_F(crash, acknowledged_or_shown_is_stored) {
  const race::temporary_store store;
  session setup;
  setup.must("SELECT dcb.create_subscription($1, 's')", {store.name()});
  setup.must("CREATE TABLE \"" + store.name() + "\".effect (position bigint, event text)");
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 8; ++writer) threads.emplace_back([this, writer, &store] { write(writer, store.name()); });
  threads.emplace_back([this, &store] { read(store.name()); });
  threads.emplace_back([this, &store] { consume(store.name()); });
  for (int kill_round = 0; kill_round < 3; ++kill_round) {
    const int before = acknowledgements_;
    while (acknowledgements_ < before + 500) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    auto victim = connect(0);
    ASSERT_EQ(kill(victim->backend(), SIGKILL), 0) << "may not kill the server's processes";
    while (victim->run("SELECT 1").ok()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const int before = acknowledgements_;
  while (acknowledgements_ < before + 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  done_ = true;
  for (auto& thread : threads) thread.join();

  auto s = connect(0);
  std::map<std::int64_t, std::string> stored;
  std::int64_t last = 0;
  for (const auto& row : s->must("SELECT position, data#>>'{}' FROM dcb.read($1)", {store.name()}).rows) {
    ASSERT_EQ(std::stoll(row[0]), ++last) << "a gap";
    stored.emplace(last, row[1]);
    ASSERT_TRUE(attempted_.contains(row[1])) << "never sent: " << row[1];
  }
  std::set<std::string> once;
  for (const auto& [position, event] : stored) EXPECT_TRUE(once.insert(event).second) << "stored twice: " << event;
  for (const auto& [position, event] : acknowledged_) ASSERT_EQ(stored[position], event) << "acknowledged at " << position;
  for (const auto& [position, event] : shown_) ASSERT_EQ(stored[position], event) << "shown to a reader at " << position;
  for (const auto& [position, event] : handed_) ASSERT_EQ(stored[position], event) << "handed to a consumer at " << position;
  while (consume_batch(*s, store.name(), handed_)) continue;
  std::multimap<std::int64_t, std::string> effects;
  for (const auto& row : s->must("SELECT position, event FROM \"" + store.name() + "\".effect").rows) effects.emplace(std::stoll(row[0]), row[1]);
  EXPECT_TRUE(std::equal(effects.begin(), effects.end(), stored.begin(), stored.end())) << "not each its effect, once";
  s->must("DROP TABLE \"" + store.name() + "\".effect");
  // What the tag index finds is what the table holds.
  EXPECT_EQ(s->must("SELECT sum(dcb.count($1, dcb.query(tags => ARRAY['w:' || w]))) FROM generate_series(0, 7) AS w", {store.name()}).number(), last);
}

}  // namespace
