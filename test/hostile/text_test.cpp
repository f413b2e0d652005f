// Types, tags and data with every delimiter, control character and script, in by each way and out by each way, unchanged; NUL is refused.
#include "../race/session.hpp"

#include <dcb/error.hpp>
#include <dcb/raw_store.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

namespace hostile {
namespace {

std::vector<std::string> strings() {
  std::vector<std::string> all;
  for (char c = 1; c != 127; ++c) all.push_back({c});
  all.push_back("\x7f");
  for (const char* text : {"a,b", "{a,b}", "{", "}", "{}", "\"", "\"\"", "'", "''", "\\", "\\\\", "\\n", "\\x41", "a\\", "NULL", "null", "{NULL}", " a", "a ", "  ", "\t\r\n", "a:b:c", ":", "::", "$1", "%s",
                           "--", "/* */", "; DROP SCHEMA dcb CASCADE", "$$", "(", ")", "[", "]", "<script>", "\\u0000", "é", "e\u0301", "ñ", "ß", "İ", "ı", "ﬀ", "Ω", "кириллица", "日本語", "한국어", "ไทย",
                           "עברית", "العربية", "\u202eevil", "\u200b", "\u200d", "\ufeff", "\u00a0", "\u0085", "\u2028", "\u2029", "\ufffd", "\uffff", "😀", "👩‍👩‍👧‍👦", "\U0010ffff", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢"})
    if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(text);
  return all;
}

std::string json(const std::string& text) {
  std::string quoted = "\"";
  char escape[8];
  for (const char c : text)
    if (c == '"' || c == '\\')
      (quoted += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      quoted += escape;
    } else
      quoted += c;
  return quoted + "\"";
}

class text : public testing::Test {
 protected:
  // Found by type and by tag, and what is found says the same.
  void expect_all_in(const std::string& store) {
    std::int64_t position = 0;
    for (const auto& s : strings()) {
      ++position;
      const auto got = session_.must(
          "SELECT e.position, e.type = $2 AND e.tags @> ARRAY[$2, 'k:' || $2] AND cardinality(e.tags) = 2 AND e.data ->> 'text' = $2 AND e.data ? $2 "
          "FROM dcb.read($1, dcb.query(types => ARRAY[$2], tags => ARRAY[$2, 'k:' || $2])) AS e",
          {store, s});
      ASSERT_EQ(got.rows.size(), 1u) << json(s);
      EXPECT_EQ(got.number(), position) << json(s);
      EXPECT_EQ(got.rows[0][1], "t") << json(s);
    }
    EXPECT_EQ(session_.must("SELECT dcb.head($1)", {store}).number(), position);
    EXPECT_TRUE(session_.must("SELECT problem, detail FROM dcb.verify($1)", {store}).rows.empty());
  }

  static std::string data(const std::string& s) { return "{\"text\": " + json(s) + ", " + json(s) + ": 1}"; }

  race::temporary_store store_;
  race::session session_;
};

TEST_F(text, through_sql) {
  for (const auto& s : strings()) session_.must("SELECT dcb.append($1, ARRAY[dcb.event($2, $3::jsonb, ARRAY[$2, 'k:' || $2])])", {store_.name(), s, data(s)});
  expect_all_in(store_.name());
}

TEST_F(text, through_json) {
  for (const auto& s : strings())
    session_.must("CALL dcb.submit($1, $2::jsonb)", {store_.name(), "[{\"type\": " + json(s) + ", \"data\": " + data(s) + ", \"tags\": [" + json(s) + ", " + json("k:" + s) + "]}]"});
  expect_all_in(store_.name());
}

TEST_F(text, through_queries) {
  for (const auto& s : strings()) {
    EXPECT_EQ(session_.must("SELECT q::text::dcb.query OPERATOR(dcb.=) q AND dcb.matches(q, $1, ARRAY[$1, 'other']) FROM (SELECT dcb.query(types => ARRAY[$1], tags => ARRAY[$1])) AS v (q)", {s}).value(), "t") << json(s);
  }
}

TEST_F(text, through_the_sdk_and_the_tool) {
  dcb::raw_store sdk("", store_.name());
  for (const auto& s : strings()) {
    const dcb::new_event event{.type = s, .data = data(s), .tags = {s, "k:" + s}};
    sdk.append({&event, 1}, dcb::append_condition{.fail_if_events_match = dcb::event_query({.types = {s}, .tags = {s}}), .after = 0});
  }
  expect_all_in(store_.name());

  const auto all = strings();
  std::size_t seen = 0;
  sdk.read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& event) {
    EXPECT_EQ(event.type, all[seen]);
    EXPECT_EQ(std::set<std::string>(event.tags.begin(), event.tags.end()), (std::set<std::string>{all[seen], "k:" + all[seen]})) << json(all[seen]);
    ++seen;
    return true;
  });
  EXPECT_EQ(seen, all.size());
  for (const auto& s : all) EXPECT_EQ(sdk.count(dcb::event_query({.types = {s}, .tags = {s, "k:" + s}})), 1) << json(s);

  // Out by the tool and into another store.
  race::temporary_store copy;
  const std::string tool = HOSTILE_TOOL;
  ASSERT_EQ(std::system(("'" + tool + "' export " + store_.name() + " | '" + tool + "' import " + copy.name() + " --keep-positions > /dev/null 2>&1").c_str()), 0);
  expect_all_in(copy.name());
}

TEST_F(text, with_nul_is_refused) {
  const std::string nul("a\0b", 3);
  EXPECT_EQ(session_.run("SELECT dcb.append($1, '[{\"type\": \"a\\u0000b\"}]'::jsonb)", {store_.name()}).sqlstate, "22P05");
  dcb::raw_store sdk("", store_.name());
  for (const auto& event : {dcb::new_event{.type = nul}, dcb::new_event{.type = "A", .tags = {nul}}, dcb::new_event{.type = "A", .data = "{\"a\": \"a\\u0000b\"}"}})
    EXPECT_THROW(sdk.append({&event, 1}), dcb::error);
  EXPECT_THROW(sdk.count(dcb::event_query({.tags = {nul}})), dcb::error);
  for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_EQ(session_.run("SELECT dcb.append($1, ARRAY[dcb.event($2)])", {store_.name(), bad}).sqlstate, "22021");
    const dcb::new_event event{.type = "A", .tags = {bad}};
    EXPECT_THROW(sdk.append({&event, 1}), dcb::error);
  }
  EXPECT_EQ(session_.must("SELECT dcb.head($1)", {store_.name()}).number(), 0);
}

// A database in another encoding: clients, the SDK among them, speak UTF8, the server converts what it can and refuses the rest.
TEST_F(text, in_other_encodings) {
  for (const std::string encoding : {"LATIN1", "SQL_ASCII"}) {
    const std::string database = "hostile_" + encoding;
    session_.run("DROP DATABASE IF EXISTS \"" + database + "\"");
    session_.must("CREATE DATABASE \"" + database + "\" TEMPLATE template0 ENCODING '" + encoding + "' LC_COLLATE 'C' LC_CTYPE 'C'");
    {
      race::session there("dbname='" + database + "' client_encoding=UTF8");
      there.must("CREATE EXTENSION pg_dcb");
      there.must("SELECT dcb.create_store('s')");
      dcb::raw_store sdk("dbname='" + database + "'", "s");
      const dcb::new_event latin{.type = "Größe", .data = "{\"text\": \"é\"}", .tags = {"k:é"}};
      EXPECT_EQ(sdk.append({&latin, 1}), 1) << encoding;
      sdk.read(dcb::event_query({.types = {"Größe"}, .tags = {"k:é"}}), {}, [&](const dcb::recorded_event& event) {
        EXPECT_EQ(event.type, "Größe") << encoding;
        EXPECT_EQ(event.tags, std::vector<std::string>{"k:é"}) << encoding;
        return true;
      });
      EXPECT_EQ(sdk.count(dcb::event_query({.types = {"Größe"}, .tags = {"k:é"}})), 1) << encoding;
      const dcb::new_event other{.type = "日本語"};
      if (encoding == "LATIN1")
        EXPECT_THROW(sdk.append({&other, 1}), dcb::error);
      else
        EXPECT_EQ(sdk.append({&other, 1}), 2);
      EXPECT_TRUE(there.must("SELECT problem FROM dcb.verify('s')").rows.empty());
    }
    session_.must("DROP DATABASE \"" + database + "\" WITH (FORCE)");
  }
}

}  // namespace
}  // namespace hostile
