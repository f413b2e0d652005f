// libpq's pipeline mode: a Sync for each CALL, and what becomes of those without.

#include "ledger.hpp"

#include <gtest/gtest.h>

namespace {

using callers::ledger;
using race::answer;
using race::session;

class pipeline : public testing::Test {
 protected:
  pipeline() { PQenterPipelineMode(s_.connection()); }
  ~pipeline() override { PQexitPipelineMode(s_.connection()); }

  void send(const std::string& sql, const std::vector<std::string>& parameters) {
    std::vector<const char*> values;
    for (const auto& each : parameters) values.push_back(each.c_str());
    ASSERT_EQ(PQsendQueryParams(s_.connection(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0), 1);
  }
  void sync() { ASSERT_EQ(PQpipelineSync(s_.connection()), 1); }

  // The answer of the next statement; one that was skipped after an error is not answered, "aborted". A Sync has none.
  answer next() {
    answer got;
    for (;;) {
      PGresult* result = PQgetResult(s_.connection());
      if (result == nullptr) return got;
      switch (PQresultStatus(result)) {
        case PGRES_TUPLES_OK: got.rows = {{PQgetisnull(result, 0, 0) ? "" : PQgetvalue(result, 0, 0)}}; break;
        case PGRES_COMMAND_OK: break;
        case PGRES_PIPELINE_ABORTED: got.sqlstate = "aborted"; break;
        case PGRES_PIPELINE_SYNC: PQclear(result); return got;
        default: got.sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE), got.message = PQresultErrorMessage(result);
      }
      PQclear(result);
    }
  }
  std::string stored() { return watcher_.must("SELECT coalesce(string_agg(type, ',' ORDER BY position), '') FROM dcb.read($1)", {store_.name()}).value(); }

  race::temporary_store store_;
  session s_, watcher_;
};

const std::string submit_one = "CALL dcb.submit($1, ARRAY[dcb.event($2)])";
const std::string submit_new = "CALL dcb.submit($1, ARRAY[dcb.event($2)], dcb.query(types => ARRAY[$2]))";

TEST_F(pipeline, of_calls_with_a_sync_each) {
  ledger ledger;
  std::vector<std::string> events;
  for (int i = 0; i < 50; ++i) {
    const std::string event = i % 10 == 9 ? events.back() : ledger.fresh();  // every tenth is there already
    events.push_back(event);
    send(submit_new, {store_.name(), event});
    sync();
  }
  for (int i = 0; i < 50; ++i) {
    const answer got = next();
    next();  // the Sync's
    EXPECT_EQ(got.sqlstate, i % 10 == 9 ? "DCB01" : "") << got.message;
    if (i % 10 != 9) ledger.told(got, events[i], got.ok() ? got.number() : 0);
  }
  ledger.check(store_.name());
}

// Without a Sync in between, each call still commits by itself, and its answer is true. The first error ends the pipeline; what was answered before it stays.
TEST_F(pipeline, of_calls_with_one_sync) {
  for (const char* event : {"A", "B", "A", "C"}) send(submit_new, {store_.name(), event});
  sync();
  std::string answered;
  for (int i = 0; i < 4; ++i) answered += next().sqlstate + ";";
  next();
  EXPECT_EQ(answered, ";;DCB01;aborted;");
  EXPECT_EQ(stored(), "A,B");
}

// A wait and a read of what ended it, in one round trip.
TEST_F(pipeline, of_a_wait_and_a_read) {
  for (int seen = 0; seen < race::rounds(10); ++seen) {
    const std::vector<std::string> where = {store_.name(), std::to_string(seen)};
    send("CALL dcb.wait_for_query($1, dcb.query(types => '{A}'), $2, '60 s')", where);
    send("SELECT min(position) FROM dcb.read($1, dcb.query(types => '{A}'), after => $2)", where);
    sync();
    PQflush(s_.connection());
    while (watcher_.must("SELECT wait_event_type IS DISTINCT FROM 'Extension' FROM pg_stat_activity WHERE pid = $1", {std::to_string(s_.backend())}).value() == "t") {
      ASSERT_EQ(PQconsumeInput(s_.connection()), 1);
      ASSERT_EQ(PQisBusy(s_.connection()), 1) << "it has not waited";
    }
    watcher_.must("SELECT dcb.append($1, ARRAY[dcb.event('A')])", {store_.name()});
    EXPECT_EQ(next().value(), "t");
    EXPECT_EQ(next().number(), seen + 1);
    next();
  }
}

// A write before the call in the same pipeline is not the call's to commit: it is refused, whether the write is done or put off.
TEST_F(pipeline, refuses_a_call_after_a_write) {
  for (const char* write : {"SELECT dcb.append($1, ARRAY[dcb.event('W')])", "SELECT dcb.append_at_commit($1, ARRAY[dcb.event('W')])"}) {
    send(write, {store_.name()});
    send(submit_one, {store_.name(), "S"});
    sync();
    EXPECT_EQ(next().sqlstate, "") << write;
    EXPECT_EQ(next().sqlstate, "25001") << write;
    next();
    EXPECT_EQ(stored(), "") << write;
  }
}

// A transaction in one go.
TEST_F(pipeline, of_a_transaction) {
  send("BEGIN", {});
  send("SELECT dcb.append($1, ARRAY[dcb.event('A')])", {store_.name()});
  send("SELECT dcb.append_at_commit($1, ARRAY[dcb.event('B')])", {store_.name()});
  send(submit_one, {store_.name(), "S"});
  send("COMMIT", {});
  sync();
  EXPECT_EQ(next().sqlstate, "");
  EXPECT_EQ(next().number(), 1);
  EXPECT_EQ(next().sqlstate, "");
  EXPECT_EQ(next().sqlstate, "25001");
  EXPECT_EQ(next().sqlstate, "aborted");
  next();
  send("ROLLBACK", {});
  sync();
  next();
  next();
  EXPECT_EQ(stored(), "");
  send("BEGIN", {});
  send("SELECT dcb.append($1, ARRAY[dcb.event('A')])", {store_.name()});
  send("SELECT dcb.append_at_commit($1, ARRAY[dcb.event('B')])", {store_.name()});
  send("COMMIT", {});
  send("SELECT count(*) FROM dcb.read($1)", {store_.name()});
  sync();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next().sqlstate, "");
  EXPECT_EQ(next().number(), 2);
  next();
  EXPECT_EQ(stored(), "A,B");
}

// Appends and a cancel somewhere in the pipeline: what was answered is true.
TEST_F(pipeline, is_cancelled) {
  ledger ledger;
  std::mt19937 random(callers::seed());
  int cancelled = 0;
  for (int round = 0; round < race::rounds(40); ++round) {
    std::vector<std::string> events;
    const bool held = round % 2 == 0;  // then the first waits for the append lock, and is hit there
    const std::string holding = ledger.fresh();
    if (held) {
      watcher_.must("BEGIN");
      watcher_.must("SELECT dcb.append($1, ARRAY[dcb.event($2)])", {store_.name(), holding});
    }
    for (int i = 0; i < 10; ++i) {
      events.push_back(ledger.fresh());
      send(random() % 2 == 0 ? submit_one : "SELECT dcb.append($1, ARRAY[dcb.event($2)])", {store_.name(), events.back()});
      sync();
    }
    PQflush(s_.connection());
    if (!held) race::pause(random, 3000);
    while (held && watcher_.must("SELECT wait_event_type IS DISTINCT FROM 'Lock' FROM pg_stat_activity WHERE pid = $1", {std::to_string(s_.backend())}).value() == "t") {
      watcher_.must("SELECT pg_stat_clear_snapshot()");
      std::this_thread::yield();
    }
    watcher_.must("SELECT pg_cancel_backend($1)", {std::to_string(s_.backend())});
    if (held) ledger.told(watcher_.run("COMMIT"), holding);
    for (const auto& event : events) {
      const answer got = next();
      next();
      EXPECT_TRUE(got.ok() || got.sqlstate == "57014") << got.sqlstate << " " << got.message;
      cancelled += !got.ok();
      ledger.told(got, event, got.ok() ? got.number() : 0);
    }
  }
  EXPECT_GT(cancelled, 0) << "nothing was cancelled: this shows nothing";
  ledger.check(store_.name());
}

}  // namespace
