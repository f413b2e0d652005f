// Who may call which function, by the table in rights.tsv; and that what a caller plants in its search_path is called by none of them.
#include "calls.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace hostile {
namespace {

constexpr const char* planted = "HIJAK";

struct row {
  std::string who;
  std::string call;
  std::string error;  // that those have who may
};

std::map<std::string, row> table() {
  std::map<std::string, row> rows;
  std::ifstream file(HOSTILE_RIGHTS);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> cells(1);
    for (const char c : line)
      if (c == '\t')
        cells.emplace_back();
      else
        cells.back() += c;
    cells.resize(4);
    rows[cells[1]] = {.who = cells[0], .call = cells[2], .error = cells[3]};
  }
  return rows;
}

class rights : public testing::Test {
 protected:
  static constexpr const char* roles[] = {"rights_owner", "rights_reader", "rights_appender", "rights_decider", "rights_consumer", "rights_nobody"};

  rights() {
    superuser_.must("SET client_min_messages = error");
    clear();
    for (const char* role : roles) superuser_.must(std::string("CREATE ROLE ") + role);
    for (const char* statement : {
             "GRANT CREATE ON DATABASE test TO rights_owner",
             "SET ROLE rights_owner",
             "SELECT dcb.create_store('rights')",
             "CREATE SCHEMA rights_code",
             "GRANT USAGE ON SCHEMA rights, rights_code TO rights_reader, rights_appender, rights_decider, rights_consumer",
             "GRANT USAGE ON SCHEMA rights_code TO rights_nobody",
             "CREATE FUNCTION rights_code.handle(dcb.stored_event) RETURNS void LANGUAGE sql AS ''",
             "CREATE FUNCTION rights_code.swap() RETURNS void LANGUAGE sql AS ''",
             "GRANT SELECT ON rights.event TO rights_reader, rights_decider, rights_consumer",
             "GRANT INSERT ON rights.event TO rights_appender, rights_decider",
             "GRANT SELECT, UPDATE ON rights.subscription, rights.checkpoint TO rights_consumer",
             "GRANT SELECT, INSERT, UPDATE, DELETE ON rights.subscription_member, rights.parked TO rights_consumer",
             "SELECT dcb.append('rights', ARRAY[dcb.event('A', '{\"a\": 1}')])",
             "SELECT dcb.create_subscription('rights', 'sub')",
             "SELECT dcb.create_projection('rights', 'proj', dcb.all(), 'rights_code.handle(dcb.stored_event)')",
             "UPDATE rights.checkpoint SET token = 1, consumer = 'me', lease_until = 'infinity' WHERE name = 'sub'",
             "RESET ROLE"})
      superuser_.must(statement);
  }
  ~rights() override { clear(); }

  // As that role, without effects unless it is a procedure; errors of deferred appends included.
  static race::answer call_as(race::session& s, const std::string& role, const std::string& call) {
    s.must("SET ROLE " + role);
    const bool procedure = call.rfind("CALL ", 0) == 0;
    if (!procedure) s.must("BEGIN");
    auto got = s.run(call);
    if (!procedure) {
      if (got.ok()) {
        const auto deferred = s.run("SET CONSTRAINTS ALL IMMEDIATE");
        if (!deferred.ok()) got = deferred;
      }
      s.must("ROLLBACK");
    }
    return got;
  }

  race::session superuser_;

 private:
  void clear() {
    superuser_.run("RESET ROLE");
    superuser_.run("DROP SCHEMA IF EXISTS rights, rights_code, planted CASCADE");
    for (const char* role : roles) {
      if (superuser_.must("SELECT FROM pg_roles WHERE rolname = $1", {role}).rows.empty()) continue;
      superuser_.must(std::string("DROP OWNED BY ") + role);
      superuser_.must(std::string("DROP ROLE ") + role);
    }
  }
};

TEST_F(rights, are_those_of_the_table) {
  const auto rows = table();
  race::session s;
  s.must("SET client_min_messages = error");
  std::size_t tried = 0;
  for (const auto& f : functions(superuser_)) {
    const auto found = rows.find(f.signature);
    ASSERT_NE(found, rows.end()) << f.signature << " has no row in rights.tsv";
    const auto& [who, call, error] = found->second;
    for (std::size_t i = 0; i < std::size(roles); ++i) {
      const auto got = call_as(s, roles[i], call);
      ASSERT_FALSE(s.lost()) << call;
      EXPECT_EQ(got.sqlstate, who[i] == '-' ? "42501" : error) << roles[i] << ": " << call << ": " << got.message;
      ++tried;
    }
  }
  EXPECT_EQ(rows.size() * std::size(roles), tried) << "a row is of no function";
}

// A condition or a read under row security would see less than there is.
TEST_F(rights, are_none_under_row_security) {
  superuser_.must("ALTER TABLE rights.event ENABLE ROW LEVEL SECURITY");
  superuser_.must("CREATE POLICY all_rows ON rights.event USING (true) WITH CHECK (true)");
  race::session s;
  std::size_t refused = 0;
  for (const auto& [signature, row] : table()) {
    if (row.who[3] == '-' || row.who[5] != '-') continue;  // what a decider may and nobody may not
    const auto got = call_as(s, "rights_decider", row.call);
    EXPECT_NE(got.sqlstate, "") << row.call;
    ++refused;
  }
  EXPECT_GT(refused, 20u);
}

// A schema before pg_catalog in the caller's search_path, and temporary objects, with everything that is in pg_catalog: functions, operators,
// types and relations of the same names. None of it is used by our functions.
TEST_F(rights, are_not_lent_to_what_a_caller_plants) {
  for (const char* statement : {
           "CREATE SCHEMA planted",
           "GRANT USAGE ON SCHEMA planted TO rights_owner",
           "CREATE FUNCTION planted.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE 'HIJAK' USING MESSAGE = 'planted'; END $$",
           // Functions of the same names and parameters.
           R"(DO $do$
              DECLARE f record;
              BEGIN
                FOR f IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.prorettype::regtype AS result, p.proretset
                         FROM pg_proc AS p
                         WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.proargmodes IS NULL AND p.provariadic = 0
                           AND NOT EXISTS (SELECT FROM pg_type AS t WHERE t.typtype = 'p' AND t.oid = ANY (p.proargtypes::oid[] || p.prorettype))
                LOOP
                  EXECUTE format('CREATE FUNCTION planted.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE ''HIJAK'' USING MESSAGE = ''%s''; END $$',
                                 f.proname, f.arguments, CASE WHEN f.proretset THEN 'SETOF' ELSE '' END, f.result, 'planted ' || f.proname);
                END LOOP;
              END $do$)",
           // Those of any type, for the types that ours have.
           "CREATE FUNCTION planted.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE 'HIJAK' USING MESSAGE = 'planted format'; END $$",
           "CREATE FUNCTION planted.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE 'HIJAK' USING MESSAGE = 'planted unnest'; END $$",
           // Operators, by functions of their own.
           R"(DO $do$
              DECLARE op record;
              BEGIN
                FOR op IN SELECT o.oid, o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result FROM pg_operator AS o
                         WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprresult <> 0
                           AND NOT EXISTS (SELECT FROM pg_type AS t WHERE t.typtype = 'p' AND t.oid IN (o.oprleft, o.oprright, o.oprresult))
                LOOP
                  EXECUTE format('CREATE FUNCTION planted.operator_%s(%s) RETURNS %s LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE ''HIJAK'' USING MESSAGE = %L; END $$',
                                 op.oid, concat_ws(', ', nullif(op.l::text, '-'), op.r), op.result, 'planted operator ' || op.oprname);
                  EXECUTE format('CREATE OPERATOR planted.%s (FUNCTION = planted.operator_%s%s, RIGHTARG = %s)', op.oprname, op.oid,
                                 CASE WHEN op.l::text = '-' THEN '' ELSE ', LEFTARG = ' || op.l END, op.r);
                END LOOP;
              END $do$)",
           // Types that no value gets into, and relations that cannot be read.
           R"(DO $do$
              DECLARE name text;
              BEGIN
                FOR name IN SELECT t.typname FROM pg_type AS t
                            WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typcategory <> 'A' AND t.typname NOT LIKE 'pg\_%'
                LOOP
                  EXECUTE format('CREATE DOMAIN planted.%1$I AS pg_catalog.%1$I CHECK (planted.trap())', name);
                END LOOP;
                FOR name IN SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
                LOOP
                  EXECUTE format('CREATE VIEW planted.%I AS SELECT planted.trap() AS trap', name);
                END LOOP;
              END $do$)",
           "GRANT SELECT ON ALL TABLES IN SCHEMA planted TO rights_owner"})
    superuser_.must(statement);
  EXPECT_GT(superuser_.must("SELECT count(*) FROM pg_proc WHERE pronamespace = 'planted'::regnamespace").number(), 2000);

  race::session s;
  s.must("SET client_min_messages = error");
  for (const char* table : {"event", "subscription", "checkpoint", "projection", "pg_class", "pg_proc", "stores"})
    s.must(std::string("CREATE TEMP VIEW ") + table + " AS SELECT planted.trap() AS trap");
  s.must("GRANT SELECT ON event, subscription, checkpoint, projection, pg_class, pg_proc, stores TO rights_owner");
  s.must("SET search_path = pg_temp, planted, pg_catalog");
  ASSERT_EQ(s.run("SELECT 1 + 1").sqlstate, planted);
  ASSERT_EQ(s.run("SELECT format('%s', 'x'::pg_catalog.text)").sqlstate, planted);
  ASSERT_EQ(s.run("SELECT 'x'::name").sqlstate, planted);
  ASSERT_EQ(s.run("SELECT * FROM pg_namespace").sqlstate, planted);
  for (const auto& [signature, row] : table()) {
    const auto got = call_as(s, "rights_owner", row.call);
    EXPECT_EQ(got.sqlstate, row.error) << row.call << ": " << got.message;
  }
}

}  // namespace
}  // namespace hostile
