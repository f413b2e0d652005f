// The install script, read as someone would who looks for a way in: what the catalogue has of it, and its text.
#include "../race/session.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace hostile {
namespace {

class script : public testing::Test {
 protected:
  // Of the functions for which the condition holds.
  std::set<std::string> functions(const std::string& condition) {
    std::set<std::string> found;
    for (const auto& row : session_.must("SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = 'dcb'::regnamespace AND " + condition).rows)
      found.insert(row[0]);
    return found;
  }
  race::session session_;
};

using names = std::set<std::string>;

TEST_F(script, lends_nobody_its_rights) { EXPECT_EQ(functions("p.prosecdef"), names{}); }

// Those that note the caller's search_path cannot set their own: rights.are_not_lent_to_what_a_caller_plants tries them.
TEST_F(script, fixes_the_search_path_of_its_bodies) {
  EXPECT_EQ(functions("l.lanname = 'plpgsql' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)"),
            (names{"dcb.create_projection(text,text,dcb.query,regprocedure,bigint,integer,text,integer,text)", "dcb.inline_projections()",
                   "dcb.rebuild_projection(text,text,regprocedure,regprocedure)"}));
  EXPECT_EQ(functions("l.lanname = 'sql' AND p.prosqlbody IS NULL"), names{});
  EXPECT_EQ(functions("l.lanname NOT IN ('c', 'sql', 'plpgsql')"), names{});
  EXPECT_EQ(functions("p.proleakproof"), (names{"dcb.query_eq(dcb.query,dcb.query)", "dcb.query_ne(dcb.query,dcb.query)"}));
}

TEST_F(script, gives_public_no_more_than_is_meant) {
  EXPECT_EQ(functions("p.proacl IS NOT NULL"), names{});  // EXECUTE, whose use the tables' grants decide
  names granted;
  for (const auto& row : session_.must("SELECT c.relname || ' ' || a.privilege_type FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.relnamespace = 'dcb'::regnamespace AND a.grantee = 0 "
                                       "UNION SELECT 'schema ' || a.privilege_type FROM pg_namespace AS n, aclexplode(n.nspacl) AS a WHERE n.nspname = 'dcb' AND a.grantee = 0")
                              .rows)
    granted.insert(row[0]);
  EXPECT_EQ(granted, (names{"schema USAGE", "stores SELECT"}));
}

TEST_F(script, makes_everything_anew_and_in_its_own_schema) {
  EXPECT_TRUE(session_.must("SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND d.deptype = 'e', "
                            "pg_identify_object(d.classid, d.objid, 0) AS o WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'pg_dcb' AND o.schema <> 'dcb'")
                  .rows.empty());
  int parts = 0;
  for (const auto& part : std::filesystem::directory_iterator(HOSTILE_SCRIPTS)) {
    const auto name = part.path().filename().string();
    if (part.path().extension() != ".sql" || name.rfind("pg_dcb", 0) == 0) continue;
    ++parts;
    std::ifstream file(part.path());
    for (std::string line; std::getline(file, line);) {
      // At the beginning of a line stands what the script itself does; what its functions execute is indented.
      if (name == "00_schema.sql" && line == "DO $$") continue;  // that one test/sql/schema.sql tries, with planted functions
      for (const char* careless : {"CREATE OR REPLACE", "DO ", "SET ", "ALTER DEFAULT", "INSERT ", "UPDATE ", "DELETE ", "SELECT "}) EXPECT_NE(line.rfind(careless, 0), 0u) << name << ": " << line;
      EXPECT_EQ(line.find("IF NOT EXISTS"), line.find("EXECUTE") == line.npos ? line.npos : line.find("IF NOT EXISTS")) << name << ": " << line;
      for (const char* kind : {"CREATE FUNCTION ", "CREATE PROCEDURE ", "CREATE TYPE ", "CREATE VIEW ", "CREATE OPERATOR CLASS ", "CREATE TABLE "})
        if (line.rfind(kind, 0) == 0) {
          EXPECT_EQ(line.compare(std::string(kind).size(), 4, "dcb."), 0) << name << ": " << line;
        }
    }
  }
  EXPECT_GT(parts, 10);
}

}  // namespace
}  // namespace hostile
