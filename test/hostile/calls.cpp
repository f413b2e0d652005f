#include "calls.hpp"

#include "values.hpp"

namespace hostile {

std::vector<function> functions(race::session& superuser) {
  std::vector<function> found;
  for (const auto& row : superuser.must(R"(
         SELECT p.oid::regprocedure::text, quote_ident(p.proname), p.prokind = 'p', a.name, pg_catalog.format_type(a.type, NULL),
                a.number > p.pronargs - p.pronargdefaults, p.provariadic <> 0 AND a.number = p.pronargs, obj_description(p.oid, 'pg_proc') IS NULL
         FROM pg_proc AS p LEFT JOIN LATERAL (
           SELECT t.type, t.number, coalesce(n.names[t.number], '') AS name
           FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, number),
                LATERAL (SELECT array_agg(x.name ORDER BY x.place) AS names
                         FROM unnest(p.proargnames, p.proargmodes) WITH ORDINALITY AS x (name, mode, place)
                         WHERE x.mode IS NULL OR x.mode IN ('i', 'b', 'v')) AS n) AS a ON true
         WHERE p.pronamespace = 'dcb'::regnamespace ORDER BY p.oid, a.number)")
                              .rows) {
    if (found.empty() || found.back().signature != row[0]) found.push_back({.name = "dcb." + row[1], .signature = row[0], .procedure = row[2] == "t", .helper = row[7] == "t"});
    if (!row[4].empty() && row[4] != "-")
      found.back().parameters.push_back({.name = row[3], .type = row[4], .has_default = row[5] == "t", .variadic = row[6] == "t"});
  }
  return found;
}

const std::vector<std::string>& values_for(const parameter& p) {
  static const std::vector<std::string> none;
  const auto& all = values();
  const auto of_name = all.find(p.name);
  const auto found = of_name != all.end() ? of_name : all.find(p.type);
  return found == all.end() ? none : found->second;
}

void make_fixture(race::session& superuser) {
  superuser.must("RESET ROLE");
  superuser.must("SET client_min_messages = error");
  for (const char* role : {"hostile_owner", "hostile_other", "hostile_reader", "hostile_nobody"})
    if (superuser.must("SELECT 1 FROM pg_roles WHERE rolname = $1", {role}).rows.empty()) superuser.must(std::string("CREATE ROLE ") + role);
  superuser.must("GRANT CREATE ON DATABASE test TO hostile_owner, hostile_other");
  const auto is_there = [&](const char* table) { return !superuser.must("SELECT to_regclass($1)", {table}).value().empty(); };

  superuser.must("SET ROLE hostile_owner");
  if (!is_there("hostile_good.event")) {
    superuser.must("SELECT dcb.create_store('hostile_good')");
    for (const char* statement : {
             "GRANT USAGE ON SCHEMA hostile_good TO hostile_reader",
             "GRANT SELECT ON ALL TABLES IN SCHEMA hostile_good TO hostile_reader",
             "CREATE OR REPLACE FUNCTION hostile_good.handle(dcb.stored_event) RETURNS void LANGUAGE sql AS ''",
             "CREATE OR REPLACE FUNCTION hostile_good.handle(dcb.stored_event[]) RETURNS void LANGUAGE sql AS ''",
             "CREATE OR REPLACE FUNCTION hostile_good.fails(dcb.stored_event) RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE division_by_zero; END'",
             "SELECT dcb.append('hostile_good', ARRAY[dcb.event('A', tags => '{t:1}'), dcb.event('B', '{\"a\": 1}', tags => '{t:1,t:2}'), dcb.event('C')])",
             "SELECT dcb.save_snapshot('hostile_good', 'sub', dcb.all(), 2, '\\x01')"})
      superuser.must(statement);
  }
  for (const auto& [name, statement] : std::vector<std::pair<const char*, const char*>>{
           {"sub", "SELECT dcb.create_subscription('hostile_good', 'sub')"},
           {"parts", "SELECT dcb.create_subscription('hostile_good', 'parts', partitions => 3, partition_by => 't')"},
           {"proj", "SELECT dcb.create_projection('hostile_good', 'proj', dcb.all(), 'hostile_good.handle(dcb.stored_event)')"}})
    if (superuser.must("SELECT 1 FROM hostile_good.subscription WHERE name = $1", {name}).rows.empty()) superuser.must(statement);
  if (!is_there("hostile_empty.event")) superuser.must("SELECT dcb.create_store('hostile_empty')");

  // What looks like a store: other columns, other types, a view, no index, partitions.
  const std::string columns = "position bigint PRIMARY KEY, type text NOT NULL, tags text[] NOT NULL, data jsonb NOT NULL, payload bytea, metadata jsonb, id uuid, recorded_at timestamptz NOT NULL";
  const auto imitate = [&](const std::string& schema, const std::string& event) {
    if (is_there((schema + ".event").c_str())) return;
    superuser.must("CREATE SCHEMA IF NOT EXISTS " + schema);
    superuser.must(event);
    superuser.must("CREATE TABLE IF NOT EXISTS " + schema + ".append_id (append_id uuid PRIMARY KEY, digest bytea NOT NULL, position bigint NOT NULL)");
  };
  imitate("hostile_columns", "CREATE TABLE hostile_columns.event (position bigint)");
  imitate("hostile_types", "CREATE TABLE hostile_types.event (position text, type bigint, tags text, data text, payload text, metadata text, id text, recorded_at text)");
  imitate("hostile_view", "CREATE VIEW hostile_view.event AS SELECT * FROM hostile_good.event");
  imitate("hostile_bare", "CREATE TABLE hostile_bare.event (" + columns + ")");
  imitate("hostile_partitioned", "CREATE TABLE hostile_partitioned.event (" + columns + ") PARTITION BY RANGE (position)");

  superuser.must("SET ROLE hostile_other");
  if (!is_there("hostile_others.event")) {
    superuser.must("SELECT dcb.create_store('hostile_others')");
    superuser.must("SELECT dcb.append('hostile_others', ARRAY[dcb.event('A', tags => '{t:1}')])");
  }
  superuser.must("RESET ROLE");
}

std::string defect(const function& f, const race::answer& got) {
  static const std::set<std::string> standard{
      "0A000",  // trigger functions called as functions, and what a standby cannot do
      "25001", "25006", "2BP01", "2D000", "2F003", "39P01",
      "40001", "40P01", "55000", "55006", "55P03",
      "57014"};  // our own statement_timeout
  if (got.ok() || got.sqlstate.rfind("DCB", 0) == 0 || standard.count(got.sqlstate) != 0) return {};
  const std::string category = got.sqlstate.substr(0, 2);
  const bool divided_by_zero = got.sqlstate == "22P01";  // what the server makes of SIGFPE
  if ((category == "22" && !divided_by_zero) || category == "42" || category == "3F" || category == "54") return {};
  if (category == "23" && f.helper) return {};
  return got.sqlstate + " " + got.message;
}

std::string what_is_wrong_with_stores(race::session& superuser) {
  std::string wrong;
  for (const auto& row : superuser.must("SELECT s.store, v.problem, v.detail FROM dcb.stores AS s, dcb.verify(s.store) AS v WHERE s.store <> 'hostile_bare'").rows)
    wrong += row[0] + ": " + row[1] + " " + row[2] + "\n";
  return wrong;
}

}  // namespace hostile
