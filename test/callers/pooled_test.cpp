// Through a PgBouncer that pools transactions (test/sdk/with-pgbouncer), so that many clients share few server sessions and follow each other in them.

#include "ledger.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace {

using callers::ledger;
using race::answer;
using race::session;

class pooled : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("TRANSACTION_POOLING") == nullptr) GTEST_SKIP() << "run this under test/sdk/with-pgbouncer";
  }
};

// It may have failed and be starting again (with-pgbouncer).
void wait_for_pooler() {
  using namespace std::chrono_literals;
  for (const auto deadline = std::chrono::steady_clock::now() + 60s;;) try {
      session();
      return;
    } catch (const race::unexpected&) {
      if (std::chrono::steady_clock::now() > deadline) throw;
      std::this_thread::sleep_for(5ms);
    }
}

// Cancels through the pooler, timeouts for one transaction, clients that leave in the midst of a transaction, server sessions terminated behind the pooler's
// back: what a client was told is true, and those who were not disturbed notice nothing but a lost connection.
TEST_F(pooled, clients_are_answered_truly) {
  const race::temporary_store store;
  ledger ledger;
  const unsigned seed = callers::seed();
  std::atomic<int> working{20};
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i)
    threads.emplace_back([&, i] {
      std::mt19937 random(seed + i);
      auto s = std::make_unique<session>();
      for (int round = 0; round < race::rounds(40); ++round) try {
          if (s->lost()) s = std::make_unique<session>();
          const std::string event = ledger.fresh();
          const std::vector<std::string> parameters{store.name(), event};
          answer got;
          std::int64_t position = 0;
          switch (random() % 6) {
            case 0:
            case 1: {
              got = s->run("CALL dcb.submit($1, ARRAY[dcb.event($2)], dcb.query(types => ARRAY[$2]))", parameters);
              if (got.ok()) position = got.number();
              break;
            }
            case 2: {
              got = s->run("SELECT dcb.append($1, ARRAY[dcb.event($2)])", parameters);
              if (got.ok()) position = got.number();
              break;
            }
            case 3: {
              got = s->run("BEGIN");
              if (got.ok()) got = s->run("SET LOCAL statement_timeout = '2ms'");
              if (got.ok()) got = s->run("SELECT dcb.append($1, ARRAY[dcb.event($2)])", parameters);
              if (got.ok()) got = s->run("COMMIT");
              if (!got.ok() && !s->lost() && s->in_transaction()) s->run("ROLLBACK");
              break;
            }
            case 4: {
              s->send("CALL dcb.submit($1, ARRAY[dcb.event($2)])", parameters);
              race::pause(random, 2000);
              s->cancel();
              got = s->receive();
              if (got.ok()) position = got.number();
              break;
            }
            default: {  // leaves
              got = s->run("BEGIN");
              if (got.ok()) got = s->run("SELECT dcb.append($1, ARRAY[dcb.event($2)])", parameters);
              s = std::make_unique<session>();
              got.sqlstate = "left";
            }
          }
          ledger.told(got, event, position);
        } catch (const race::unexpected&) {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the pooler refuses while it has lost its server
        }
      --working;
    });
  std::thread terminator([&] {
    std::mt19937 random(seed);
    while (working > 0) {
      try {
        session().run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1");
      } catch (const race::unexpected&) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5 + random() % 30));
    }
  });
  for (auto& thread : threads) thread.join();
  terminator.join();
  wait_for_pooler();
  EXPECT_GT(ledger.acknowledged(), 0);
  EXPECT_GT(ledger.refused(), 0);
  ledger.check(store.name());
  session s;
  EXPECT_TRUE(s.must("CALL dcb.submit($1, ARRAY[dcb.event('After')])", {store.name()}).ok());
}

// Transactions of one client may run in different sessions of the server, one after the other with others' in between: the log is one.
TEST_F(pooled, decisions_are_exact) {
  const race::temporary_store store;
  std::atomic<int> won{0};
  race::in_parallel(20, [&](session& s, int i) {
    for (int round = 0; round < race::rounds(30); ++round) {
      const std::string seen = s.must("SELECT count(*) || ' ' || coalesce(max(position), 0) FROM dcb.read($1, dcb.query(tags => '{hot}'))", {store.name()}).value();
      const std::string count = seen.substr(0, seen.find(' ')), after = seen.substr(seen.find(' ') + 1);
      const answer got = s.run(std::string(i % 2 == 0 ? "CALL dcb.submit" : "SELECT dcb.append") + "($1, ARRAY[dcb.event('N', to_jsonb($2::int), '{hot}')], dcb.query(tags => '{hot}'), $3)",
                               {store.name(), count, after});
      EXPECT_TRUE(got.ok() || got.sqlstate == "DCB01") << got.sqlstate << " " << got.message;
      won += got.ok();
    }
  });
  session s;
  EXPECT_EQ(s.must("SELECT count(*) FROM dcb.read($1) AS r WHERE data::int <> position - 1", {store.name()}).number(), 0);
  EXPECT_EQ(s.must("SELECT dcb.head($1)", {store.name()}).number(), won);
}

}  // namespace
