// From nothing to the limits and one step beyond: what is taken comes back whole, what is refused changes nothing. HOSTILE_HUGE=1 goes on to what
// a row and a jsonb value can hold, for which the server needs some GB of memory.
#include "../race/session.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace hostile {
namespace {

class sizes : public testing::Test {
 protected:
  sizes() { session_.must("SET client_min_messages = error"); }

  std::int64_t head() { return session_.must("SELECT dcb.head($1)", {store_.name()}).number(); }

  // Refused with this SQLSTATE, and the store is as it was.
  void refuses(const std::string& sqlstate, const std::string& call) {
    const auto before = head();
    EXPECT_EQ(session_.run(call, {store_.name()}).sqlstate, sqlstate) << call;
    EXPECT_EQ(head(), before) << call;
    sound();
  }

  void sound() { EXPECT_TRUE(session_.must("SELECT problem, detail FROM dcb.verify($1)", {store_.name()}).rows.empty()); }

  race::temporary_store store_;
  race::session session_;
};

TEST_F(sizes, of_payloads) {
  for (const int size : {0, 1, 100, 2000, 8192, 1000000, 16777216}) {
    const auto bytes = "convert_to(left(repeat('0123456789abcdef', " + std::to_string(size / 16 + 1) + "), " + std::to_string(size) + "), 'UTF8')";
    session_.must("SELECT dcb.append($1, ARRAY[dcb.event('P', payload => " + bytes + ")])", {store_.name()});
    EXPECT_EQ(session_.must("SELECT payload = " + bytes + " AND length(payload) = " + std::to_string(size) + " FROM dcb.read($1, backwards => true, max_count => 1)", {store_.name()}).value(), "t");
    session_.must("SELECT dcb.append($1, jsonb_build_array(jsonb_build_object('type', 'P', 'payload', encode(" + bytes + ", 'base64'))))", {store_.name()});
    EXPECT_EQ(session_.must("SELECT payload = " + bytes + " FROM dcb.read($1, backwards => true, max_count => 1)", {store_.name()}).value(), "t");
    session_.must("CALL dcb.submit($1, ARRAY[dcb.event('P', payload => " + bytes + ")])", {store_.name()});
    EXPECT_EQ(session_.must("SELECT payload = " + bytes + " FROM dcb.read($1, backwards => true, max_count => 1)", {store_.name()}).value(), "t");
  }
  sound();
}

TEST_F(sizes, of_an_append) {
  const auto many = [](int count) { return "(SELECT array_agg(dcb.event('E', jsonb_build_object('n', n), ARRAY['n:' || n]) ORDER BY n) FROM generate_series(1, " + std::to_string(count) + ") AS n)"; };
  EXPECT_EQ(session_.must("SELECT dcb.append($1, " + many(10000) + ")", {store_.name()}).number(), 10000);
  EXPECT_EQ(session_.must("SELECT count(*) FROM dcb.read($1) AS e WHERE e.position = (e.data ->> 'n')::int AND e.tags = ARRAY['n:' || e.position]", {store_.name()}).number(), 10000);
  EXPECT_EQ(session_.must("SELECT dcb.last($1, dcb.query(tags => '{n:9999}'))", {store_.name()}).number(), 9999);
  refuses("DCB06", "SELECT dcb.append($1, " + many(65537) + ")");
  refuses("DCB06", "CALL dcb.submit($1, array_fill(dcb.event('E'), ARRAY[65537]))");  // CALL takes no subquery
  refuses("DCB06", "SELECT dcb.append($1, (SELECT jsonb_agg(jsonb_build_object('type', 'E')) FROM generate_series(1, 65537)))");
  EXPECT_EQ(session_.must("SELECT dcb.append($1, " + many(65536) + ")", {store_.name()}).number(), 75536);
  EXPECT_EQ(session_.must("SELECT dcb.count($1)", {store_.name()}).number(), 75536);
  sound();
}

TEST_F(sizes, of_tags_and_types) {
  const auto tags = [](int count) { return "(SELECT array_agg('t:' || n) FROM generate_series(1, " + std::to_string(count) + ") AS n)"; };
  for (const int count : {0, 1, 1000, 1024}) {
    session_.must("SELECT dcb.append($1, ARRAY[dcb.event('T', tags => " + tags(count) + ")])", {store_.name()});
    EXPECT_EQ(session_.must("SELECT coalesce(cardinality(tags), 0) FROM dcb.read($1, backwards => true, max_count => 1)", {store_.name()}).number(), count);
  }
  for (const char* tag : {"t:1", "t:512", "t:1000"})
    EXPECT_GE(session_.must("SELECT dcb.count($1, dcb.query(tags => ARRAY[$2]))", {store_.name(), tag}).number(), 2) << tag;
  EXPECT_EQ(session_.must("SELECT dcb.last($1, dcb.query(tags => " + tags(1024) + "))", {store_.name()}).number(), 4);
  refuses("DCB06", "SELECT dcb.append($1, ARRAY[dcb.event('T', tags => " + tags(1025) + ")])");
  for (const char* form : {"ARRAY[dcb.event('T', tags => ARRAY[%])]", "jsonb_build_array(jsonb_build_object('type', 'T', 'tags', jsonb_build_array(%)))"}) {
    const auto with = [&](const std::string& tag) { return "SELECT dcb.append($1, " + std::string(form).replace(std::string(form).find('%'), 1, tag) + ")"; };
    session_.must(with("repeat('x', 1024)"), {store_.name()});
    session_.must(with("repeat('é', 512)"), {store_.name()});
    session_.must(with("repeat('😀', 256)"), {store_.name()});
    refuses("DCB06", with("repeat('x', 1025)"));
    refuses("DCB06", with("'x' || repeat('é', 512)"));
  }
  session_.must("SELECT dcb.append($1, ARRAY[dcb.event(repeat('é', 128))])", {store_.name()});
  refuses("DCB06", "SELECT dcb.append($1, ARRAY[dcb.event(repeat('é', 128) || 'x')])");
  sound();
}

// Queries that would be larger than memory are refused before it is taken.
TEST_F(sizes, of_queries) {
  const std::string full = "(SELECT dcb.any_of(VARIADIC array_agg(dcb.query(types => ARRAY['T' || n]))) FROM generate_series(1, 1024) AS n)";
  EXPECT_EQ(session_.must("SELECT dcb.count($1, " + full + ")", {store_.name()}).number(), 0);
  refuses("DCB06", "SELECT dcb.count($1, dcb.any_of(VARIADIC array_fill(" + full + ", ARRAY[2])))");
  refuses("DCB06", "SELECT dcb.count($1, dcb.any_of(VARIADIC array_fill(" + full + ", ARRAY[2000])))");
  refuses("DCB06", "SELECT dcb.count($1, ('{\"items\":[' || repeat('{},', 1000000) || '{}]}')::dcb.query)");
  refuses("DCB06", "SELECT dcb.count($1, dcb.query(tags => array_fill('x'::text, ARRAY[1000000])))");
}

TEST_F(sizes, that_are_huge) {
  if (std::getenv("HOSTILE_HUGE") == nullptr) GTEST_SKIP() << "needs some GB of memory: HOSTILE_HUGE=1, or make campaign-hostile";
  const std::string bytes = "convert_to(repeat('x', %), 'UTF8')";
  const std::string string = "jsonb_build_object('a', repeat('x', %))";
  const std::string strings = "(SELECT jsonb_agg(repeat('x', 10000000)) FROM generate_series(1, % / 10000000))";
  const auto with = [](const std::string& what, const std::string& size) { return std::string(what).replace(what.find('%'), 1, size); };
  int taken = 0;
  int refused = 0;
  const auto attempt = [&](const std::string& call, const std::string& whole) {
    const auto before = head();
    const auto got = session_.run(call, {store_.name()});
    std::cout << (got.ok() ? "taken" : got.sqlstate + " " + got.message) << ": " << call << std::endl;
    ASSERT_FALSE(session_.lost()) << call;
    if (got.ok()) {
      ++taken;
      EXPECT_EQ(session_.must("SELECT " + whole + " FROM dcb.read($1, backwards => true, max_count => 1)", {store_.name()}).value(), "t") << call;
      return;
    }
    ++refused;
    EXPECT_TRUE(got.sqlstate == "DCB06" || got.sqlstate.substr(0, 2) == "54" || got.sqlstate == "53200") << call << ": " << got.sqlstate << " " << got.message;
    EXPECT_EQ(head(), before) << call;
  };
  for (const char* size : {"250000000", "500000000", "536870000", "1000000000", "1073741000"})
    for (const char* id : {"", ", append_id => gen_random_uuid()"}) {
      attempt("SELECT dcb.append($1, ARRAY[dcb.event('P', payload => " + with(bytes, size) + ")]" + id + ")", "length(payload) = " + std::string(size));
      attempt("CALL dcb.submit($1, ARRAY[dcb.event('P', payload => " + with(bytes, size) + ")]" + id + ")", "length(payload) = " + std::string(size));
    }
  for (const char* size : {"250000000", "268435400", "268435456"}) {
    attempt("SELECT dcb.append($1, ARRAY[dcb.event('D', " + with(string, size) + ")])", "length(data ->> 'a') = " + std::string(size));
    attempt("SELECT dcb.append($1, ARRAY[dcb.event('D', " + with(strings, size) + ")])", "jsonb_array_length(data) = " + std::string(size) + " / 10000000");
    attempt("SELECT dcb.append($1, jsonb_build_array(jsonb_build_object('type', 'D', 'data', " + with(string, size) + ")))", "length(data ->> 'a') = " + std::string(size));
    attempt("SELECT dcb.schedule($1, '2999-01-01', ARRAY[dcb.event('D', " + with(string, size) + ")])", "true");
    attempt("SELECT dcb.schedule($1, '2999-01-01', ARRAY[dcb.event('P', payload => " + with(bytes, size) + ")])", "true");
  }
  std::cout << taken << " taken, " << refused << " refused" << std::endl;
  sound();
}

}  // namespace
}  // namespace hostile
