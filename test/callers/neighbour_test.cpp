// Whatever else goes on in the server beside a store in use: appends go on meanwhile, nothing is lost, order and conditions hold. A neighbour is kept at work
// until so many appends were acknowledged beside it, so no test here depends on how fast anything is.

#include "traffic.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>

namespace {

using callers::traffic;
using race::answer;
using race::session;
using namespace std::chrono_literals;

int appends() { return race::rounds(200); }

class neighbour : public testing::Test {
 protected:
  // Something that takes its time, in a thread of its own.
  std::future<answer> start(session& s, const std::string& sql) {
    return std::async(std::launch::async, [&s, sql] { return s.run(sql); });
  }
  static bool is_over(const std::future<answer>& work) { return work.wait_for(0s) == std::future_status::ready; }
  static void succeeds(std::future<answer>& work) {
    const answer got = work.get();
    EXPECT_TRUE(got.ok()) << got.sqlstate << " " << got.message;
  }
  std::string table() const { return "\"" + traffic_.store() + "\".event"; }
  static bool asks(const std::string& question, const std::vector<std::string>& parameters = {}) { return session().must(question, parameters).value() == "t"; }
  static void until(const std::string& question, const std::vector<std::string>& parameters) {
    for (const auto deadline = std::chrono::steady_clock::now() + 120s; !asks(question, parameters); std::this_thread::sleep_for(2ms))
      if (std::chrono::steady_clock::now() > deadline) throw race::unexpected("never came true: " + question);
  }

  traffic traffic_;
};

// Transactions that have written, that hold an old snapshot, that have read the store, in this database and in another one, and a prepared one.
TEST_F(neighbour, that_keeps_transactions_open) {
  session wrote, old, reads, elsewhere("dbname=postgres"), prepared;
  const std::string name = traffic_.store();
  wrote.must("BEGIN");
  wrote.must("CREATE TABLE \"" + name + "\".neighbour AS SELECT 1");
  wrote.must("SAVEPOINT a");
  wrote.must("CREATE TEMP TABLE t AS SELECT 1");
  old.must("BEGIN ISOLATION LEVEL SERIALIZABLE");
  const std::int64_t before = old.must("SELECT count(*) FROM dcb.read($1)", {name}).number();
  reads.must("BEGIN");
  reads.must("DECLARE c CURSOR FOR SELECT * FROM dcb.read('" + name + "')");
  reads.must("FETCH 10 FROM c");
  elsewhere.must("BEGIN ISOLATION LEVEL REPEATABLE READ");
  elsewhere.must("CREATE TABLE neighbour AS SELECT 1");
  prepared.must("BEGIN");
  prepared.must("INSERT INTO \"" + name + "\".own SELECT type FROM dcb.read('" + name + "', max_count => 1)");
  prepared.must("PREPARE TRANSACTION '" + name + "'");
  const struct forgotten {  // it would keep the store from being dropped, however the test ends
    session& s;
    const std::string& name;
    ~forgotten() { s.run("ROLLBACK PREPARED '" + name + "'"); }
  } left{prepared, name};
  traffic_.pass(2 * appends());
  EXPECT_EQ(old.must("SELECT count(*) FROM dcb.read($1)", {name}).number(), before);
  prepared.must("COMMIT PREPARED '" + name + "'");
  for (session* s : {&wrote, &old, &reads, &elsewhere}) s->must("ROLLBACK");
  traffic_.finish();
}

// A pg_dump that nobody reads on from: its snapshot and locks stay. What it holds is the log up to some position.
TEST_F(neighbour, that_dumps) {
  std::unique_ptr<FILE, decltype(&pclose)> dump(popen(("\"$(${PG_CONFIG:-pg_config} --bindir)\"/pg_dump --data-only --table='" + table() + "'").c_str(), "r"), &pclose);
  ASSERT_NE(dump, nullptr);
  until("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump' AND query LIKE 'COPY%' AND state = 'active')", {});
  traffic_.pass(appends());
  EXPECT_TRUE(asks("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump')")) << "it is over: this shows nothing";
  std::set<std::int64_t> dumped;
  bool rows = false;
  char* line = nullptr;
  std::size_t size = 0;
  while (getline(&line, &size, dump.get()) > 0) {
    const std::string text = line;
    if (text.starts_with("COPY ")) rows = true;
    else if (text.starts_with("\\.")) rows = false;
    else if (rows) dumped.insert(std::stoll(text));
  }
  free(line);
  EXPECT_EQ(pclose(dump.release()), 0);
  EXPECT_GE(dumped.size(), 4000u);
  EXPECT_EQ(*dumped.rbegin(), static_cast<std::int64_t>(dumped.size())) << "the dump has a hole";
  traffic_.finish();
}

// VACUUM kept from ending by a page that a cursor has in hand; VACUUM and ANALYZE slowed down, and at full speed.
TEST_F(neighbour, that_vacuums) {
  {
    session s;
    std::future<answer> held;
    session reads;  // the first to go
    reads.must("BEGIN");
    reads.must("DECLARE c CURSOR FOR SELECT * FROM dcb.read('" + traffic_.store() + "')");
    reads.must("FETCH c");
    held = start(s, "VACUUM (FREEZE) " + table());
    until("SELECT wait_event = 'BufferPin' FROM pg_stat_activity WHERE pid = $1", {std::to_string(s.backend())});
    traffic_.pass(appends() / 2);
    EXPECT_FALSE(is_over(held)) << "it is over: this shows nothing";
    reads.must("COMMIT");
    succeeds(held);
  }
  for (const char* command : {"VACUUM", "VACUUM (FREEZE)", "ANALYZE", "VACUUM (FREEZE, ANALYZE, DISABLE_PAGE_SKIPPING, INDEX_CLEANUP on)"}) {
    session s;
    s.must("SET vacuum_cost_delay = 100");
    s.must("SET vacuum_cost_limit = 1");
    auto slow = start(s, std::string(command) + " " + table());
    traffic_.pass(appends() / 2);
    while (!is_over(slow)) s.cancel(), std::this_thread::sleep_for(1ms);
    const answer got = slow.get();
    EXPECT_TRUE(got.ok() || got.sqlstate == "57014") << got.message;
    session fast;
    for (int i = 0; i < 3; ++i) fast.must(std::string(command) + " " + table()), traffic_.pass(10);
  }
  traffic_.finish();
}

// Indexes made and remade beside appends, kept from ending by an old snapshot.
class neighbour_indexes : public neighbour, public testing::WithParamInterface<const char*> {};

TEST_P(neighbour_indexes, beside_appends) {
  std::string sql = GetParam();
  for (std::size_t at; (at = sql.find("STORE")) != std::string::npos;) sql.replace(at, 5, traffic_.store());
  session s;
  std::future<answer> work;
  session old;  // the first to go
  old.must("BEGIN ISOLATION LEVEL REPEATABLE READ");
  old.must("SELECT 1");
  work = start(s, sql);
  until("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", {std::to_string(s.backend())});
  traffic_.pass(appends());
  EXPECT_FALSE(is_over(work)) << "it is over: this shows nothing";
  old.must("COMMIT");
  traffic_.pass(appends() / 4);
  succeeds(work);
  traffic_.pass(appends() / 4);
  traffic_.finish();
  // Whatever is asked of the table by another index than the store's.
  s.must("SET enable_seqscan = off");
  s.must("SET enable_bitmapscan = off");
  EXPECT_EQ(s.must("SELECT count(*) FROM " + table() + " WHERE recorded_at > '2000-01-01'").number(), s.must("SELECT dcb.head($1)", {traffic_.store()}).number());
  if (sql.find("more_tags") == sql.npos) return;
  const auto found = [&] { return s.must("SELECT dcb.count($1, dcb.query(tags => '{consumed}'))", {traffic_.store()}).number(); };
  const std::int64_t before = found();
  s.must("BEGIN");
  s.must("DROP INDEX \"" + traffic_.store() + "\".event_tags");
  EXPECT_EQ(found(), before) << "by the other tag index";
  s.must("ROLLBACK");
}

INSTANTIATE_TEST_SUITE_P(callers, neighbour_indexes,
                         testing::Values("REINDEX INDEX CONCURRENTLY \"STORE\".event_tags", "REINDEX TABLE CONCURRENTLY \"STORE\".event",
                                         "CREATE INDEX CONCURRENTLY more_tags ON \"STORE\".event USING dcb_tags (tags, dcb.index_key(position, type))",
                                         "CREATE INDEX CONCURRENTLY ON \"STORE\".event (recorded_at)", "REINDEX TABLE CONCURRENTLY \"STORE\".append_id"),
                         [](const auto& info) { return std::string(std::array{"reindex_tags", "reindex_all", "another_tag_index", "an_own_index", "reindex_append_ids"}[info.index]); });

// What locks the table for itself delays appends until it is over, and no longer; nothing fails.
TEST_F(neighbour, that_locks_the_table) {
  session s;
  const std::vector<std::string> commands = {"VACUUM FULL " + table(), "REINDEX TABLE " + table(), "CLUSTER " + table() + " USING event_pkey", "ALTER TABLE " + table() + " SET (fillfactor = 90)",
                                             "GRANT SELECT ON " + table() + " TO PUBLIC"};
  for (int round = 0; round < race::rounds(2) + 1; ++round)
    for (const auto& command : commands) {
      const answer got = s.run(command);
      EXPECT_TRUE(got.ok()) << command << ": " << got.message;
      traffic_.pass(appends() / 20);
    }
  // Locks that do not conflict with appends, held on.
  for (const char* mode : {"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"}) {
    s.must("BEGIN");
    s.must("LOCK TABLE " + table() + " IN " + mode + " MODE");
    traffic_.pass(appends() / 4);
    s.must("COMMIT");
  }
  traffic_.finish();
}

// Checkpoints one after the other, and autovacuum as eager as it gets: first one that is kept from ending by a page that a cursor has in hand, which would give
// up if anybody waited for its lock; then one after the other.
TEST_F(neighbour, that_checkpoints_and_autovacuums) {
  session s;
  session reads;
  reads.must("BEGIN");
  reads.must("DECLARE c CURSOR FOR SELECT * FROM dcb.read('" + traffic_.store() + "')");
  reads.must("FETCH c");
  s.must("ALTER TABLE " + table() + " SET (autovacuum_freeze_min_age = 0, autovacuum_freeze_table_age = 0)");
  for (const char* setting : {"autovacuum_naptime = '1s'", "autovacuum_vacuum_insert_threshold = 1", "autovacuum_vacuum_insert_scale_factor = 0", "autovacuum_vacuum_threshold = 1",
                              "autovacuum_vacuum_scale_factor = 0", "autovacuum_analyze_threshold = 1", "autovacuum_analyze_scale_factor = 0", "autovacuum_vacuum_cost_delay = 0"})
    s.must(std::string("ALTER SYSTEM SET ") + setting);
  s.must("SELECT pg_reload_conf()");
  const std::string held = "FROM pg_stat_progress_vacuum AS p JOIN pg_stat_activity AS a USING (pid) WHERE backend_type = 'autovacuum worker' AND relid = $1::regclass AND wait_event = 'BufferPin'";
  until("SELECT EXISTS (SELECT " + held + ")", {table()});
  const std::string worker = s.must("SELECT pid " + held, {table()}).value();
  std::atomic<bool> done{false};
  std::atomic<int> checkpoints{0};
  std::thread checkpointer([&] {
    session c;
    for (; !done; ++checkpoints) c.must("CHECKPOINT");
  });
  traffic_.pass(appends());
  EXPECT_TRUE(asks("SELECT EXISTS (SELECT " + held + " AND pid = $2)", {table(), worker})) << "autovacuum has given up";
  reads.must("COMMIT");
  const auto vacuumed = [&] { return asks("SELECT autovacuum_count > 1 AND autoanalyze_count > 0 FROM pg_stat_all_tables WHERE relid = $1::regclass", {table()}); };
  for (int tries = 0; tries < 100 && !vacuumed(); ++tries) traffic_.pass(appends() / 4);
  EXPECT_TRUE(vacuumed()) << "autovacuum did not come: this shows nothing";
  done = true;
  checkpointer.join();
  EXPECT_GT(checkpoints, 0);
  s.must("ALTER SYSTEM RESET ALL");
  s.must("SELECT pg_reload_conf()");
  traffic_.finish();
}

// Other stores and other databases come and go.
TEST_F(neighbour, that_makes_and_drops_stores_and_databases) {
  session s, elsewhere("dbname=postgres");
  const std::string other = "n_" + traffic_.store();
  std::atomic<bool> done{false};
  std::atomic<int> stores{0}, databases{0};
  std::thread maker([&] {
    for (; !done; ++stores) {
      s.must("SELECT dcb.create_store($1)", {other});
      s.must("CALL dcb.submit($1, ARRAY[dcb.event('A', tags => '{hot}')], dcb.query(tags => '{hot}'))", {other});
      s.must("SELECT dcb.append($1, ARRAY[dcb.event('B')])", {other});
      s.must("SELECT dcb.drop_store($1, force => true)", {other});
    }
  });
  for (int i = 0; i < race::rounds(3) + 1; ++i, ++databases) {
    elsewhere.must("CREATE DATABASE \"" + other + "\"");
    {
      session there("dbname=" + other);
      there.must("CREATE EXTENSION pg_dcb");
      there.must("SELECT dcb.create_store($1)", {traffic_.store()});  // of the same name
      there.must("CALL dcb.submit($1, ARRAY[dcb.event('There', tags => '{hot}')])", {traffic_.store()});
      traffic_.pass(appends() / 8);
    }
    elsewhere.must("DROP DATABASE \"" + other + "\" WITH (FORCE)");
  }
  traffic_.pass(appends() / 4);
  done = true;
  maker.join();
  EXPECT_GT(stores, 0);
  traffic_.finish();
}

// ALTER EXTENSION UPDATE: to the version that is there, in a transaction that stays open; and to one that replaces every function, again and again.
TEST_F(neighbour, that_updates_the_extension) {
  session s;
  s.must("BEGIN");
  s.must("ALTER EXTENSION pg_dcb UPDATE");
  traffic_.pass(appends());
  s.must("COMMIT");

  // A version of the test's own, in the stage of a throw-away cluster only.
  const char* host = std::getenv("PGHOST");
  std::filesystem::path folder;
  if (host != nullptr && std::filesystem::exists(std::filesystem::path(host) / "stage"))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(std::filesystem::path(host) / "stage"))
      if (entry.path().filename() == "pg_dcb.control") folder = entry.path().parent_path();
  if (folder.empty()) GTEST_SKIP() << "no throw-away cluster: only the update to the same version was tried";
  const std::string version = s.must("SELECT extversion FROM pg_extension WHERE extname = 'pg_dcb'").value();
  std::ofstream up(folder / ("pg_dcb--" + version + "--next.sql")), down(folder / ("pg_dcb--next--" + version + ".sql"));
  for (const auto& row : s.must("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'dcb'::regnamespace AND prokind IN ('f', 'p') ORDER BY oid").rows)
    up << row[0] << ";\n", down << row[0] << ";\n";
  up.close(), down.close();
  for (int i = 0; i < race::rounds(4); ++i) {
    s.must(i % 2 == 0 ? "ALTER EXTENSION pg_dcb UPDATE TO 'next'" : "ALTER EXTENSION pg_dcb UPDATE TO '" + version + "'");
    traffic_.pass(appends() / 10);
  }
  // Held open in the midst of it.
  s.must("BEGIN");
  s.must("ALTER EXTENSION pg_dcb UPDATE TO '" + std::string(race::rounds(4) % 2 == 0 ? "next" : version) + "'");
  traffic_.pass(appends() / 2);
  s.must("ROLLBACK");
  if (race::rounds(4) % 2 != 0) s.must("ALTER EXTENSION pg_dcb UPDATE TO '" + version + "'");
  std::filesystem::remove(folder / ("pg_dcb--" + version + "--next.sql"));
  std::filesystem::remove(folder / ("pg_dcb--next--" + version + ".sql"));
  traffic_.finish();
}

}  // namespace
