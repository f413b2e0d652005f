// What runs in the server around an append: PL/pgSQL functions and procedures, exception blocks, loops with commits, triggers, SQL functions, views and rules.

#include "session.hpp"

#include <gtest/gtest.h>

namespace {

using race::answer;
using race::session;

class procedure : public testing::Test {
 protected:
  procedure() {
    s_.must("SET search_path = \"" + store_.name() + "\", public");
    s_.must("CREATE TABLE own (x text)");
  }
  void define(const std::string& sql) { s_.must(literal(sql)); }
  // $1 is the store; bodies take no parameters.
  std::string literal(std::string sql) const {
    for (std::size_t at; (at = sql.find("$1")) != std::string::npos;) sql.replace(at, 2, "'" + store_.name() + "'");
    return sql;
  }
  answer run(const std::string& sql) { return s_.run(literal(sql)); }
  std::string stored() { return s_.must("SELECT coalesce(string_agg(type, ',' ORDER BY position), '') FROM dcb.read($1)", {store_.name()}).value(); }
  std::string owned() { return s_.must("SELECT coalesce(string_agg(x, ',' ORDER BY x), '') FROM own").value(); }

  race::temporary_store store_;
  session s_;
};

// A subtransaction that fails takes its append along; one that does not keeps it.
TEST_F(procedure, with_exception_blocks) {
  define(R"(CREATE FUNCTION try(n int) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM dcb.append($1, ARRAY[dcb.event('A' || n)]);
      INSERT INTO own VALUES ('A' || n);
      IF n = 2 THEN PERFORM dcb.append($1, ARRAY[dcb.event('Never')], dcb.all()); END IF;
      IF n = 3 THEN PERFORM dcb.append_at_commit($1, ARRAY[dcb.event('Never')]); RAISE division_by_zero; END IF;
      RETURN 'done';
    EXCEPTION WHEN SQLSTATE 'DCB01' OR division_by_zero THEN
      RETURN SQLSTATE;
    END $$)");
  EXPECT_EQ(run("SELECT string_agg(try(n), ',') FROM generate_series(1, 4) AS n").value(), "done,DCB01,22012,done");
  EXPECT_EQ(stored(), "A1,A4");
  EXPECT_EQ(owned(), "A1,A4");
  EXPECT_EQ(run("DO $$ DECLARE p bigint; BEGIN CALL dcb.submit($1, ARRAY[dcb.event('B')], \"position\" => p); EXCEPTION WHEN others THEN RAISE; END $$").sqlstate, "25001")
      << "an exception block is a subtransaction";
  EXPECT_EQ(stored(), "A1,A4");
}

// Loops that commit: each round is its own transaction, an error ends the loop and keeps what was committed.
TEST_F(procedure, commits_in_a_loop) {
  define(R"(CREATE PROCEDURE work(rounds int, wrong int) LANGUAGE plpgsql AS $$
    DECLARE p bigint;
    BEGIN
      FOR i IN 1..rounds LOOP
        PERFORM dcb.append($1, ARRAY[dcb.event('A' || i)]);
        INSERT INTO own VALUES (i);
        IF i % 2 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
        PERFORM dcb.append_at_commit($1, ARRAY[dcb.event('C' || i)]);
        IF i = wrong THEN RAISE division_by_zero; END IF;
        COMMIT;
        CALL dcb.submit($1, ARRAY[dcb.event('S' || i)], "position" => p);
        IF p <> dcb.head($1) THEN RAISE 'position %', p; END IF;
      END LOOP;
    END $$)");
  EXPECT_TRUE(run("CALL work(3, 0)").ok());
  EXPECT_EQ(stored(), "A1,C1,S1,C2,S2,A3,C3,S3");
  EXPECT_EQ(run("CALL work(3, 2)").sqlstate, "22012");
  EXPECT_EQ(stored(), "A1,C1,S1,C2,S2,A3,C3,S3,A1,C1,S1");
  EXPECT_EQ(owned(), "1,1,3");
  EXPECT_EQ(s_.script("BEGIN; CALL work(1, 0)").sqlstate, "2D000");
  s_.must("ROLLBACK");
}

// A commit within a loop over a query runs that query to its end. That is done before dcb.submit takes its place in line: it can be cancelled, and delays nobody.
TEST_F(procedure, submits_in_a_cursor_loop) {
  define(R"(CREATE PROCEDURE work(query text) LANGUAGE plpgsql AS $$
    DECLARE p bigint; r record;
    BEGIN
      FOR r IN EXECUTE query LOOP CALL dcb.submit($1, ARRAY[dcb.event('A' || r.i)], "position" => p); END LOOP;
    END $$)");
  EXPECT_TRUE(run("CALL work('SELECT i FROM generate_series(1, 100) AS i')").ok());
  EXPECT_EQ(run("SELECT dcb.head($1)").number(), 100);
  const answer over_the_log = s_.run("CALL work($1)", {literal("SELECT position::int AS i FROM dcb.read($1)")});
  EXPECT_TRUE(over_the_log.ok()) << over_the_log.sqlstate << " " << over_the_log.message;
  EXPECT_EQ(run("SELECT dcb.head($1)").number(), 200) << "as it was when the loop began";

  EXPECT_EQ(run("CALL work('SELECT 1 / (90 - i) AS i FROM generate_series(1, 100) AS i')").sqlstate, "22012");
  EXPECT_EQ(run("SELECT dcb.head($1)").number(), 200) << "an error of the query comes with the first round, as it does with COMMIT";
  EXPECT_EQ(s_.run("CALL work($1)", {literal("SELECT i, CASE WHEN i > 60 THEN dcb.append($1, ARRAY[dcb.event('Inner')]) END FROM generate_series(1, 100) AS i")}).sqlstate, "25001")
      << "what the query writes is not dcb.submit's to commit";
  EXPECT_EQ(run("SELECT dcb.head($1)").number(), 200);

  // Its query takes very long after the first rows; others append meanwhile, and a cancel ends it.
  session other;
  s_.send("CALL work('SELECT i, CASE WHEN i > 60 THEN pg_sleep(600) END FROM generate_series(1, 100) AS i')");
  while (other.must("SELECT wait_event IS DISTINCT FROM 'PgSleep' FROM pg_stat_activity WHERE pid = $1", {std::to_string(s_.backend())}).value() == "t") std::this_thread::yield();
  other.must("SET statement_timeout = '60s'");
  for (int i = 0; i < 20; ++i) {
    const answer got = other.run("CALL dcb.submit($1, ARRAY[dcb.event('Beside')])", {store_.name()});
    EXPECT_TRUE(got.ok()) << "others wait for the loop's query: " << got.message;
    if (!got.ok()) break;
  }
  s_.cancel();
  EXPECT_EQ(s_.receive().sqlstate, "57014");
}

// Where something else waits for the commit, dcb.submit is refused: an append put off would be committed by it.
TEST_F(procedure, commits_nothing_of_others) {
  for (const char* call : {"CALL dcb.submit($1, ARRAY[dcb.event('S')], \"position\" => p)", "CALL dcb.submit_many($1, ARRAY[dcb.command(ARRAY[dcb.event('S')])], o)",
                           "CALL dcb.wait_for($1, 0, '0', NULL, b)"}) {
    std::string before = stored();
    const std::string declared = "DO $$ DECLARE p bigint; o dcb.outcome[]; b boolean; BEGIN ";
    for (const char* pending : {"PERFORM dcb.append_at_commit($1, ARRAY[dcb.event('Later')])", "PERFORM dcb.append($1, ARRAY[dcb.event('Now')])", "INSERT INTO own VALUES ('x')"}) {
      EXPECT_EQ(run(declared + pending + "; " + call + "; END $$").sqlstate, "25001") << pending << "; " << call;
      EXPECT_EQ(stored(), before) << call;
      const answer got = run(declared + pending + "; ROLLBACK; " + call + "; END $$");
      EXPECT_TRUE(got.ok()) << got.message;
      EXPECT_EQ(stored().find("Later"), std::string::npos);
      before = stored();
    }
  }
  EXPECT_EQ(stored(), "S,S,S,S,S,S");
  EXPECT_EQ(owned(), "");
}

// Triggers of all kinds: before, after, for each statement, deferred to the commit; conditions in them hold.
TEST_F(procedure, in_triggers) {
  define("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM dcb.append($1, ARRAY[dcb.event(TG_NAME, tags => ARRAY['x:' || coalesce(NEW.x, ''), TG_NAME])], "
         "dcb.query(tags => ARRAY['x:' || NEW.x, TG_NAME])); RETURN NEW; END $$");
  define("CREATE FUNCTION note_later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM dcb.append_at_commit($1, ARRAY[dcb.event(TG_NAME)]); RETURN NULL; END $$");
  s_.must("CREATE TRIGGER b BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION note()");
  s_.must("CREATE TRIGGER a AFTER INSERT ON own FOR EACH ROW EXECUTE FUNCTION note()");
  s_.must("CREATE CONSTRAINT TRIGGER d AFTER INSERT ON own DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()");
  s_.must("CREATE TRIGGER s AFTER INSERT ON own FOR EACH STATEMENT EXECUTE FUNCTION note_later()");
  s_.must("CREATE CONSTRAINT TRIGGER e AFTER INSERT ON own DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_later()");
  s_.must("INSERT INTO own VALUES ('1'), ('2')");
  EXPECT_EQ(stored(), "b,b,a,a,d,d,s,e,e");
  s_.must("BEGIN");
  s_.must("INSERT INTO own VALUES ('3')");
  EXPECT_EQ(s_.run("INSERT INTO own VALUES ('1')").sqlstate, "DCB01");
  s_.must("ROLLBACK");
  EXPECT_EQ(owned(), "1,2");
  EXPECT_EQ(stored(), "b,b,a,a,d,d,s,e,e");
  s_.must("DROP TRIGGER b ON own");
  s_.must("DROP TRIGGER a ON own");
  EXPECT_EQ(s_.run("INSERT INTO own VALUES ('1')").sqlstate, "DCB01") << "found at the commit";
  EXPECT_EQ(owned(), "1,2");
  EXPECT_EQ(s_.run("DO $$ DECLARE p bigint; BEGIN INSERT INTO own VALUES ('9'); COMMIT; END $$").sqlstate, "");
  EXPECT_EQ(stored(), "b,b,a,a,d,d,s,e,e,d,s,e");
}

// SQL functions, inlined or not, views and rules.
TEST_F(procedure, in_sql_functions_views_and_rules) {
  define("CREATE FUNCTION add(t text) RETURNS bigint LANGUAGE sql AS $$ SELECT dcb.append($1, ARRAY[dcb.event(t)]) $$");
  define("CREATE FUNCTION add_new(t text) RETURNS bigint LANGUAGE sql VOLATILE RETURN dcb.append($1, ARRAY[dcb.event(t)], dcb.query(types => ARRAY[t]))");
  define("CREATE FUNCTION events(t text) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$ SELECT position FROM dcb.read($1, dcb.query(types => ARRAY[t])) $$");
  define("CREATE VIEW log AS SELECT position, type, tags FROM dcb.read($1)");
  define("CREATE RULE add AS ON INSERT TO log DO INSTEAD SELECT dcb.append($1, ARRAY[dcb.event(NEW.type, tags => NEW.tags)]) AS position");
  EXPECT_EQ(run("SELECT add('A')").number(), 1);
  EXPECT_EQ(run("SELECT count(add_new(t)) FROM unnest('{B,C}'::text[]) AS t").number(), 2);
  EXPECT_EQ(run("SELECT add_new('B')").sqlstate, "DCB01");
  EXPECT_EQ(s_.script("INSERT INTO log (type, tags) VALUES ('D', '{d}')").number(), 4);
  EXPECT_EQ(run("WITH added AS MATERIALIZED (SELECT add('E') AS p) SELECT p FROM added").number(), 5);
  EXPECT_EQ(stored(), "A,B,C,D,E");
  EXPECT_EQ(run("SELECT events('C')").number(), 3);
  EXPECT_EQ(run("SELECT string_agg(type, ',' ORDER BY position DESC) FROM log WHERE position > 2").value(), "E,D,C");
  EXPECT_EQ(run("SELECT count(*) FROM log AS l JOIN LATERAL events(l.type) AS e ON e = l.position").number(), 5);
  define("CREATE FUNCTION with_submit() RETURNS void LANGUAGE plpgsql AS $$ DECLARE p bigint; BEGIN CALL dcb.submit($1, ARRAY[dcb.event('Never')], \"position\" => p); END $$");
  EXPECT_EQ(run("SELECT with_submit()").sqlstate, "25001");
  // A STABLE function may not write, an append neither.
  define("CREATE FUNCTION liar(t text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN dcb.append($1, ARRAY[dcb.event(t)]); END $$");
  const answer lie = run("SELECT liar('F')");
  EXPECT_EQ(stored(), lie.ok() ? "A,B,C,D,E,F" : "A,B,C,D,E");
  s_.must("BEGIN READ ONLY");
  EXPECT_EQ(run("SELECT add('G')").sqlstate, "25006");
  s_.must("ROLLBACK");
}

}  // namespace
