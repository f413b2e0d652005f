// A dump holds the events, and a restored store goes on where the dumped one ended: positions, conditions, append ids, rights and guard.

#include "session.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace {

using race::session;

TEST(dump, restored_store_goes_on) {
  const race::temporary_store store;
  const std::string other = store.name();  // a database named like the store
  session s;
  s.must("CREATE ROLE \"" + other + "\"");
  s.must("GRANT USAGE ON SCHEMA \"" + other + "\" TO \"" + other + "\"");
  s.must("GRANT SELECT ON \"" + other + "\".event TO \"" + other + "\"");
  for (int n = 0; n < 50; ++n)
    s.must(
        "SELECT dcb.append($1, ARRAY[dcb.event('A', to_jsonb($2::text::int), ARRAY['n:' || $2, 'ü, \"'], payload => '\\x00ff')], append_id => "
        "md5($2)::uuid)",
        {other, std::to_string(n)});
  s.must("CREATE DATABASE \"" + other + "\" TEMPLATE template0");

  const std::string file = std::filesystem::temp_directory_path() / (other + ".dump");
  const std::string programs = "\"$(${PG_CONFIG:-pg_config} --bindir)\"/";
  ASSERT_EQ(std::system((programs + "pg_dump --format custom --file " + file).c_str()), 0);
  ASSERT_EQ(std::system((programs + "pg_restore --exit-on-error --dbname " + other + " " + file).c_str()), 0);
  std::filesystem::remove(file);
  {
    session restored("dbname=" + other);
    const char* const everything = "SELECT string_agg(e::text, ' ') FROM dcb.read($1) AS e";
    EXPECT_EQ(restored.must(everything, {other}).value(), s.must(everything, {other}).value());
    EXPECT_EQ(restored.must("SELECT dcb.count($1, dcb.query(tags => ARRAY['n:7', 'ü, \"']))", {other}).number(), 1);
    EXPECT_EQ(restored.run("SELECT dcb.append($1, ARRAY[dcb.event('B')], dcb.query(tags => ARRAY['n:7']))", {other}).sqlstate, "DCB01");
    EXPECT_EQ(restored.run("DELETE FROM \"" + other + "\".event").sqlstate, "DCB10");
    const auto repeated =
        "SELECT dcb.append($1, ARRAY[dcb.event('A', '7', ARRAY['n:7', 'ü, \"'], payload => '\\x00ff')], append_id => md5('7')::uuid)";
    EXPECT_EQ(restored.must(repeated, {other}).number(), 8);
    EXPECT_EQ(restored.must("SELECT dcb.append($1, ARRAY[dcb.event('B')])", {other}).number(), 51);
    restored.must("SET ROLE \"" + other + "\"");
    EXPECT_TRUE(restored.run("SELECT dcb.head($1)", {other}).ok());
    EXPECT_EQ(restored.run("SELECT dcb.append($1, ARRAY[dcb.event('B')])", {other}).sqlstate, "42501");
  }
  s.must("DROP DATABASE \"" + other + "\" WITH (FORCE)");
  s.must("DROP OWNED BY \"" + other + "\"");
  s.must("DROP ROLE \"" + other + "\"");
}

}  // namespace
