// How a call is planned and sent: parallel plans, prepared statements with custom and generic plans, EXPLAIN ANALYZE, COPY, both protocols.

#include "session.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace {

using race::answer;
using race::session;

class plan : public testing::Test {
 protected:
  plan() { append("SELECT dcb.append($1, array_agg(dcb.event('A' || i % 3, to_jsonb(i), ARRAY['t:' || i % 5]))) FROM generate_series(1, 500) AS i"); }
  answer append(const std::string& sql) { return s_.must(sql, {store_.name()}); }
  std::string literal(std::string sql) const {
    for (std::size_t at; (at = sql.find("$1")) != std::string::npos;) sql.replace(at, 2, "'" + store_.name() + "'");
    return sql;
  }
  void force_parallel() {
    const bool old = s_.must("SELECT current_setting('server_version_num')::int < 160000").value() == "t";
    s_.must(old ? "SET force_parallel_mode = on" : "SET debug_parallel_query = on");
    for (const char* setting : {"parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0", "min_parallel_index_scan_size = 0", "max_parallel_workers_per_gather = 2"})
      s_.must(std::string("SET ") + setting);
  }
  std::int64_t head() { return s_.must("SELECT dcb.head($1)", {store_.name()}).number(); }

  race::temporary_store store_;
  session s_;
};

// The same answers whatever the planner is made to do; appends work within the very statements.
TEST_F(plan, is_parallel) {
  const char* const questions[] = {"SELECT count(*), max(position) FROM dcb.read($1)",
                                   "SELECT string_agg(position::text, ',') FROM dcb.read($1, dcb.query(tags => '{t:1}'), backwards => true)",
                                   "SELECT dcb.head($1), dcb.count($1), dcb.last($1), dcb.exists($1), dcb.watermark($1) > 0",
                                   "SELECT count(*) FROM \"STORE\".event WHERE dcb.matches(dcb.query(types => '{A1}', tags => '{t:1}'), type, tags)",
                                   "SELECT sum(dcb.partition_of(tags, 't', 4)) FROM \"STORE\".event",
                                   "SELECT count(DISTINCT dcb.query(tags => tags)::text) FROM \"STORE\".event",
                                   "SELECT sum(length(dcb.event(type, data, tags)::text)) FROM \"STORE\".event",
                                   "SELECT count(*) FROM dcb.read($1) AS r JOIN \"STORE\".event AS e USING (position) WHERE r.type = e.type",
                                   "SELECT sum(dcb.count($1, dcb.query(tags => tags))) FROM \"STORE\".event WHERE position <= 20",
                                   "SELECT max(dcb.recorded_at($1, position) - recorded_at) FROM \"STORE\".event",
                                   "SELECT count(*) FROM dcb.verify($1)"};
  std::vector<std::vector<std::vector<std::string>>> before;
  auto ask = [&](std::string question) {
    if (const auto at = question.find("STORE"); at != std::string::npos) question.replace(at, 5, store_.name());
    return s_.must(literal(question)).rows;
  };
  for (const char* question : questions) before.push_back(ask(question));
  force_parallel();
  bool parallel = false;
  for (std::size_t i = 0; i < std::size(questions); ++i) {
    EXPECT_EQ(ask(questions[i]), before[i]) << questions[i];
    for (const auto& row : ask(std::string("EXPLAIN ") + questions[i])) parallel = parallel || row[0].find("Gather") != std::string::npos;
  }
  EXPECT_TRUE(parallel) << "no plan was parallel: this shows nothing";
  EXPECT_EQ(append("SELECT dcb.append($1, ARRAY[dcb.event('B')], dcb.query(types => '{B}'))").number(), 501);
  EXPECT_EQ(append("SELECT dcb.append($1, array_agg(dcb.event(type, data, tags) ORDER BY position)) FROM dcb.read($1)").number(), 1002);
  EXPECT_EQ(append("SELECT max(dcb.append($1, ARRAY[dcb.event('C')])) FROM \"" + store_.name() + "\".event WHERE position <= 10").number(), 1012);
  EXPECT_EQ(append("CALL dcb.submit($1, ARRAY[dcb.event('D')], dcb.query(types => '{D}'))").number(), 1013);
  EXPECT_EQ(s_.must("SELECT count(*) FROM dcb.verify($1)", {store_.name()}).number(), 0);
}

// Whatever reads a store or changes anything stays with the session; only what depends on its arguments alone goes to parallel workers.
TEST_F(plan, marks_what_may_go_to_workers) {
  std::string safe;
  for (const auto& row : s_.must("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'dcb'::regnamespace AND prokind = 'f' AND proparallel = 's' AND prorettype <> 'internal'::regtype "
                                 "AND provolatile <> 'i' ORDER BY 1").rows)
    safe += row[0] + " ";
  EXPECT_EQ(safe, "next_token ") << "parallel safe, though not immutable";
  EXPECT_EQ(s_.must("SELECT coalesce(string_agg(proname, ' '), '') FROM pg_proc WHERE pronamespace = 'dcb'::regnamespace AND prokind = 'f' AND provolatile = 'v' AND proparallel <> 'u' AND proname NOT IN ('next_token', 'waiters', 'read_support')").value(), "");
  // A user who says otherwise about a function of his own is refused; nothing stays behind.
  s_.must(literal("CREATE FUNCTION \"" + store_.name() + "\".liar(x bigint) RETURNS bigint LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN RETURN dcb.append($1, ARRAY[dcb.event('Lie')]); END $$"));
  force_parallel();
  EXPECT_FALSE(s_.run("SELECT \"" + store_.name() + "\".liar(1)").ok());
  EXPECT_EQ(head(), 500);
  EXPECT_TRUE(session().must("CALL dcb.submit($1, ARRAY[dcb.event('Next')])", {store_.name()}).ok());
}

// Prepared statements, with a plan for the values or one for all: the log as it is at each execution, through changes of the schema.
TEST_F(plan, is_prepared) {
  for (const char* mode : {"force_custom_plan", "force_generic_plan", "auto"}) {
    s_.must(std::string("SET plan_cache_mode = ") + mode);
    s_.must("DISCARD PLANS");
    s_.must("PREPARE append_one (text, text) AS SELECT dcb.append($1, ARRAY[dcb.event($2, tags => ARRAY['p:' || $2])], dcb.query(types => ARRAY[$2]))");
    s_.must("PREPARE read_all (text, bigint, boolean) AS SELECT count(*) FROM dcb.read($1, after => $2, backwards => $3)");
    s_.must(literal("PREPARE read_this AS SELECT count(*) FROM dcb.read($1, dcb.query(tags => '{p:X}'))"));
    auto reads = [&](std::int64_t expected) {
      for (const char* backwards : {"true", "false"})
        EXPECT_EQ(s_.must("EXECUTE read_all ('" + store_.name() + "', 0, " + backwards + ")").number(), expected) << mode;
    };
    for (int i = 0; i < 8; ++i) {
      const std::int64_t before = head();
      const std::string event = std::string(mode) + std::to_string(i);
      EXPECT_EQ(s_.must("EXECUTE append_one ('" + store_.name() + "', '" + event + "')").number(), before + 1);
      EXPECT_EQ(s_.run("EXECUTE append_one ('" + store_.name() + "', '" + event + "')").sqlstate, "DCB01");
      reads(before + 1);
    }
    // Indexes rebuilt and replaced, the table rewritten, a column of one's own index, settings thrown away.
    const std::int64_t now = head();
    for (const char* change : {"REINDEX TABLE \"STORE\".event", "DROP INDEX \"STORE\".event_tags; SELECT dcb.attach_store($1)", "VACUUM FULL \"STORE\".event", "CREATE INDEX ON \"STORE\".event (recorded_at)",
                               "ANALYZE \"STORE\".event"}) {
      session admin;
      std::string sql = literal(change);
      for (std::size_t at; (at = sql.find("STORE")) != std::string::npos;) sql.replace(at, 5, store_.name());
      const answer changed = admin.script(sql);
      EXPECT_TRUE(changed.ok()) << sql << ": " << changed.message;
      reads(now);
      EXPECT_EQ(s_.must("EXECUTE read_this").number(), mode == std::string("force_custom_plan") ? 0 : 1) << change;
    }
    // The store is another one of the same name.
    session().must("SELECT dcb.drop_store($1, force => true)", {store_.name()});
    EXPECT_EQ(s_.run("EXECUTE read_this").sqlstate, "DCB05");
    EXPECT_EQ(s_.run("EXECUTE append_one ('" + store_.name() + "', 'A')").sqlstate, "DCB05");
    session().must("SELECT dcb.create_store($1)", {store_.name()});
    reads(0);
    EXPECT_EQ(s_.must("EXECUTE append_one ('" + store_.name() + "', 'X')").number(), 1);
    EXPECT_EQ(s_.must("EXECUTE read_this").number(), 1);
    s_.must("DISCARD ALL");
    EXPECT_EQ(head(), 1);
    EXPECT_EQ(append("CALL dcb.submit($1, ARRAY[dcb.event('After')], dcb.query(types => '{After}'))").number(), 2);
  }
}

// A CALL that the client has prepared once is executed many times.
TEST_F(plan, is_prepared_by_the_protocol) {
  const auto prepare = [&](const char* name, const char* sql) { PQclear(PQprepare(s_.connection(), name, sql, 0, nullptr)); };
  prepare("submit", "CALL dcb.submit($1, ARRAY[dcb.event($2)], dcb.query(types => ARRAY[$2]))");
  prepare("many", "CALL dcb.submit_many($1, ARRAY[dcb.command(ARRAY[dcb.event($2)]), dcb.command(ARRAY[dcb.event($2)], dcb.query(types => ARRAY[$2]))])");
  for (int i = 0; i < 20; ++i)
    for (const char* name : {"submit", "many"}) {
      const std::string event = name + std::to_string(i);
      const char* values[] = {store_.name().c_str(), event.c_str()};
      PGresult* result = PQexecPrepared(s_.connection(), name, 2, values, nullptr, nullptr, 0);
      EXPECT_EQ(PQresultStatus(result), PGRES_TUPLES_OK) << PQresultErrorMessage(result);
      const std::string at = std::to_string(501 + 2 * i + (name == std::string("many")));
      EXPECT_EQ(std::string(PQgetvalue(result, 0, 0)), name == std::string("many") ? "{\"(" + at + ",,)\",\"(,DCB01," + at + ")\"}" : at);
      PQclear(result);
      if (i == 10) session().script("DROP INDEX \"" + store_.name() + "\".event_tags; SELECT dcb.attach_store('" + store_.name() + "')");
    }
}

TEST_F(plan, is_explained_copied_and_scripted) {
  const std::string explained = s_.must(literal("EXPLAIN (ANALYZE, BUFFERS, VERBOSE) SELECT dcb.append($1, ARRAY[dcb.event('E')])")).value();
  EXPECT_EQ(head(), 501) << "EXPLAIN ANALYZE executes";
  s_.must(literal("EXPLAIN SELECT dcb.append($1, ARRAY[dcb.event('E')])"));
  EXPECT_EQ(head(), 501) << "EXPLAIN does not";
  s_.must("BEGIN");
  s_.must(literal("EXPLAIN ANALYZE SELECT * FROM dcb.read($1), LATERAL (SELECT dcb.append($1, ARRAY[dcb.event('F')])) AS x LIMIT 3"));
  EXPECT_EQ(head(), 502) << "the uncorrelated one is executed once";
  s_.must("ROLLBACK");
  EXPECT_EQ(head(), 501);

  const auto copy = [&](const std::string& query) {
    std::vector<std::string> lines;
    PQclear(PQexec(s_.connection(), ("COPY (" + literal(query) + ") TO STDOUT").c_str()));
    char* line;
    while (PQgetCopyData(s_.connection(), &line, 0) > 0) {
      lines.emplace_back(line);
      PQfreemem(line);
    }
    PGresult* end = PQgetResult(s_.connection());
    EXPECT_EQ(PQresultStatus(end), PGRES_COMMAND_OK) << PQresultErrorMessage(end);
    PQclear(end);
    while ((end = PQgetResult(s_.connection())) != nullptr) PQclear(end);
    return lines;
  };
  EXPECT_EQ(copy("SELECT position FROM dcb.read($1)").size(), 501u);
  EXPECT_EQ(copy("SELECT * FROM dcb.read($1, dcb.query(tags => '{t:1}'))").size(), 100u);
  EXPECT_EQ(copy("SELECT dcb.read($1)").size(), 501u);
  EXPECT_EQ(copy("SELECT dcb.append($1, ARRAY[dcb.event('Copied')])"), std::vector<std::string>{"502\n"});

  // The simple protocol: several statements are one transaction, which dcb.submit does not commit.
  EXPECT_EQ(s_.script(literal("SELECT dcb.append($1, ARRAY[dcb.event('S')]); SELECT dcb.append($1, ARRAY[dcb.event('S')]) ")).number(), 504);
  EXPECT_EQ(s_.script(literal("SELECT dcb.append($1, ARRAY[dcb.event('S')]); SELECT 1 / 0")).sqlstate, "22012");
  EXPECT_EQ(s_.script(literal("SELECT 1; CALL dcb.submit($1, ARRAY[dcb.event('S')])")).sqlstate, "25001");
  EXPECT_EQ(s_.script(literal("CALL dcb.submit($1, ARRAY[dcb.event('S')])")).number(), 505);
  EXPECT_EQ(head(), 505);
}

}  // namespace
