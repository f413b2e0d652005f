// Within one transaction, or one statement, that goes on and on: its memory does not grow with what it does, unless it is said to.

#include "steady.hpp"

#include <algorithm>

namespace {

using memory::operations;
using race::session;

class transactions : public testing::Test {
 protected:
  // Runs a block of PL/pgSQL that repeats `work`; `store` is a variable in it.
  void repeat(const std::string& work, int times) {
    s_.must("DO $$ DECLARE store text := '" + store_.name() + "'; BEGIN FOR n IN 1.." + std::to_string(times) + " LOOP " + work + " END LOOP; END $$");
  }
  void fill(std::int64_t events) {
    for (std::int64_t left = events; left > 0; left -= 20'000)
      s_.must("SELECT dcb.append($1, array_agg(dcb.event(CASE WHEN n % 10 = 0 THEN 'Tenth' ELSE 'Any' END, tags => ARRAY['x:' || n % 2, 'y:' || n % 3]))) FROM generate_series(1, $2) AS n",
              {store_.name(), std::to_string(std::min<std::int64_t>(left, 20'000))});
    store_.filled_with(events);
  }

  memory::counted_store store_;
  session s_;
};

constexpr const char* append = "PERFORM dcb.append(store, ARRAY[dcb.event('A', tags => '{a:1}')], dcb.query(types => '{Never}', tags => '{a:1}'));";

TEST_F(transactions, of_many_appends) {
  s_.must("BEGIN");
  memory::expect_steady(s_, 1, [&] { repeat(append, operations()); });
  s_.must("COMMIT");
}

// Each in a transaction of its own, without a client between them.
TEST_F(transactions, one_after_the_other) {
  memory::expect_steady(s_, 1, [&] { repeat(std::string(append) + " COMMIT;", operations()); });
}

// The server itself keeps some bytes for each savepoint that has written, until the transaction ends.
TEST_F(transactions, of_many_savepoints) {
  const auto in_a_transaction = [&](const std::string& work) {
    s_.must("BEGIN");
    repeat("BEGIN " + work + " EXCEPTION WHEN division_by_zero OR SQLSTATE 'DCB01' THEN NULL; END;", operations());
    s_.must("COMMIT");
  };
  memory::expect_steady(s_, 1, [&] {
    in_a_transaction(append);
    in_a_transaction(std::string(append) + " PERFORM 1 / 0;");
    in_a_transaction("PERFORM dcb.append(store, ARRAY[dcb.event('A', tags => '{a:1}')], dcb.query(tags => '{a:1}'));");
    in_a_transaction("PERFORM dcb.append_at_commit(store, ARRAY[dcb.event('A', tags => '{a:1}')]); PERFORM 1 / 0;");
    in_a_transaction("PERFORM dcb.append_at_commit(store, ARRAY[dcb.event('A', tags => '{a:1}')]);");
  });
  memory::done.errors += 3 * operations();
}

TEST_F(transactions, of_nothing_but_conflicts) {
  s_.must("SELECT dcb.append($1, ARRAY[dcb.event('A', tags => '{a:1}')])", {store_.name()});
  s_.must("BEGIN");
  memory::expect_steady(s_, 1, [&] {
    repeat("BEGIN PERFORM dcb.append(store, ARRAY[dcb.event('A')], dcb.query(tags => '{a:1}')); EXCEPTION WHEN SQLSTATE 'DCB01' THEN NULL; END;", operations());
    memory::done.errors += operations();
  });
  s_.must("COMMIT");
}

TEST_F(transactions, of_many_reads) {
  fill(1'000);
  s_.must("BEGIN");
  memory::expect_steady(s_, 1, [&] {
    repeat("PERFORM position FROM dcb.read(store, dcb.query(tags => '{x:1,y:1}'), max_count => 20); PERFORM dcb.exists(store), dcb.count(store, dcb.query(types => '{Tenth}')), dcb.head(store);",
           operations());
    memory::done.read += 20 * operations();
  });
  s_.must("COMMIT");
}

// Of tables that are gone the server keeps that it did not find them, in its caches of the catalogs; all else is as before. So many in a round that some bytes for each
// of them need more room in every round, however that is handed out.
TEST_F(transactions, of_stores_that_come_and_go) {
  memory::expect_steady({{"the session", [&] { return s_.must("SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name <> 'CacheMemoryContext'").number(); }}}, [&] {
    for (int i = 0; i < std::max(operations() / 50, 40); ++i) {
      s_.must("SELECT dcb.create_store('memory_other')");
      s_.must("SELECT dcb.append('memory_other', ARRAY[dcb.event('A', tags => '{a:1}')])");
      s_.must("SELECT dcb.drop_store('memory_other', true)");
    }
  });
}

// A read that is far into the log holds no more than at its beginning, in whatever form it is read.
class long_reads : public transactions, public testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(long_reads, hold_no_more_in_the_end) {
  const int rows = operations();
  fill(std::int64_t{60} * rows);
  s_.must("BEGIN");
  s_.must("DECLARE c CURSOR FOR SELECT * FROM dcb.read('" + store_.name() + "'" + GetParam().second + ")");
  memory::expect_steady(
      {memory::contexts_of(s_)},
      [&] { ASSERT_EQ(s_.must("FETCH " + std::to_string(rows) + " FROM c").rows.size(), static_cast<std::size_t>(rows)); });
  memory::done.read += 2 * rows;
  s_.must("COMMIT");
}
INSTANTIATE_TEST_SUITE_P(memory, long_reads,
                         testing::Values(std::pair{"all", ""}, std::pair{"tags", ", dcb.query(tags => '{x:1,y:1}')"}, std::pair{"type", ", dcb.query(types => '{Tenth}')"},
                                         std::pair{"items", ", dcb.any_of(dcb.query(tags => '{x:1}'), dcb.query(tags => '{y:2}'), dcb.query(types => '{Tenth}'))"},
                                         std::pair{"backwards", ", backwards => true"}),
                         [](const auto& info) { return std::string(info.param.first); });

// The whole log again and again: 1,700 events for each operation of a round.
TEST_F(transactions, that_read_the_whole_log) {
  const int events = std::min(operations() * 20, 200'000);
  fill(events);
  memory::expect_steady(s_, std::max(operations() * 850 / events, 1), [&] {
    EXPECT_EQ(s_.must("SELECT count(*) FROM dcb.read($1)", {store_.name()}).number(), events);
    EXPECT_EQ(s_.must("SELECT count(tags) FROM dcb.read($1, dcb.query(types => '{Any,Tenth}'))", {store_.name()}).number(), events);
    memory::done.read += 2 * events;
  });
}

}  // namespace
