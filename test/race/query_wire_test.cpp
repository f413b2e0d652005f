// The binary form of dcb.query as a client sends it: read back as the query it was, and refused, never misread, where it is broken.

#include "session.hpp"

#include <gtest/gtest.h>

#include <set>

namespace {

using race::answer;
using race::session;

std::string big_endian(std::uint64_t number, int bytes) {
  std::string out;
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift & 0xff));
  return out;
}

using strings = std::vector<std::string>;

std::string list(const strings& of) {
  std::string out = big_endian(of.size(), 2);
  for (const auto& s : of) out += big_endian(s.size(), 2) + s;
  return out;
}

std::string item(const strings& types, const strings& except, const strings& tags) {
  return std::string(1, '\0') + list(types) + list(except) + list(tags);
}
std::string item(std::int64_t after, const strings& types, const strings& except, const strings& tags) {
  return std::string(1, '\1') + big_endian(after, 8) + list(types) + list(except) + list(tags);
}
std::string query(const strings& items, char version = 1) {
  std::string out = std::string(1, version) + big_endian(items.size(), 2);
  for (const auto& i : items) out += i;
  return out;
}

class query_wire : public testing::Test {
 protected:
  answer send(const std::string& bytes) { return session_.run_binary("SELECT $1::text", oid_, bytes); }
  void refuses(const std::string& bytes, const std::string& what) {
    const answer got = send(bytes);
    EXPECT_FALSE(got.ok()) << what << " was taken as " << (got.ok() ? got.value() : "");
    // Ours, the protocol's for too few or too many bytes, or the server's for text that is no text.
    EXPECT_TRUE(std::set<std::string>({"DCB02", "DCB06", "08P01", "22P03", "22021"}).contains(got.sqlstate))
        << what << ": " << got.sqlstate << " " << got.message;
  }

  session session_;
  Oid oid_ = static_cast<Oid>(session_.must("SELECT 'dcb.query'::regtype::oid").number());
};

TEST_F(query_wire, is_read_as_the_query_it_was) {
  EXPECT_EQ(send(query({item({}, {}, {})})).value(), R"({"items": [{}]})");
  EXPECT_EQ(send(query({item(258, {"A", "Bc"}, {"D"}, {"t:1"})})).value(),
            R"({"items": [{"types": ["A", "Bc"], "except": ["D"], "tags": ["t:1"], "after": 258}]})");
  EXPECT_EQ(send(query({item(0, {}, {}, {"ü"}), item({"A"}, {}, {})})).value(),
            session_.must(R"(SELECT '{"items":[{"tags":["ü"],"after":0},{"types":["A"]}]}'::dcb.query::text)").value());
}

TEST_F(query_wire, need_not_be_canonical) {
  EXPECT_EQ(send(query({item({"B", "A", "B"}, {}, {"y", "x", "x"}), item({"B", "A"}, {}, {"x", "y"})})).value(),
            R"({"items": [{"types": ["A", "B"], "tags": ["x", "y"]}]})");
}

TEST_F(query_wire, what_the_server_sends_it_takes_back) {
  for (const char* text : {R"({"items":[{}]})", R"({"items":[{"after":9223372036854775807,"tags":["a b","c,d","\"","\\","\n"]}]})",
                           R"({"items":[{"types":["A"]},{"except":["B","C"]},{"tags":["t"],"after":0}]})"}) {
    const std::string hex = session_.must("SELECT encode(dcb.query_send($1::dcb.query), 'hex')", {text}).value();
    std::string bytes;
    for (std::size_t at = 0; at < hex.size(); at += 2) bytes.push_back(static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16)));
    EXPECT_EQ(send(bytes).value(), session_.must("SELECT $1::dcb.query::text", {text}).value());
  }
}

TEST_F(query_wire, refuses_what_is_broken) {
  const std::string good = query({item(7, {"A", "B"}, {"C"}, {"t:1", "t:2"}), item({"D"}, {}, {})});
  ASSERT_TRUE(send(good).ok());
  for (std::size_t length = 0; length < good.size(); ++length) refuses(good.substr(0, length), "cut off after " + std::to_string(length) + " bytes");
  refuses(good + '\0', "a byte too many");
  refuses(query({item({}, {}, {})}, 0), "version 0");
  refuses(query({item({}, {}, {})}, 2), "version 2");
  refuses(query({}), "no items");
  refuses(query({"\2" + list({}) + list({}) + list({})}), "an unknown flag");
  refuses(query({item(-1, {}, {}, {})}), "after negative");
  refuses(query({item({""}, {}, {})}), "an empty type");
  refuses(query({item({}, {""}, {})}), "an empty excluded type");
  refuses(query({item({}, {}, {""})}), "an empty tag");
  refuses(query({item({}, {}, {std::string("a\0b", 3)})}), "a NUL");
  refuses(query({item({}, {}, {"\xc3"})}), "half a character");
  refuses(query({item({}, {}, {"\xff"})}), "no UTF-8");
  refuses(query({item({std::string(257, 'x')}, {}, {})}), "a type of 257 bytes");
  refuses(query({item({}, {}, {std::string(1025, 'x')})}), "a tag of 1025 bytes");
  refuses(query({item({}, {}, strings(1025, "x"))}), "1025 tags");
  refuses(query(strings(1025, item({}, {}, {}))), "1025 items");
  refuses(std::string("\1\xff\xff", 3) + item({}, {}, {}), "fewer items than announced");
}

// Every byte of a good query replaced by every value: an answer or a refusal, and the session goes on.
TEST_F(query_wire, survives_any_byte) {
  const std::string good = query({item(7, {"A"}, {"C"}, {"t"})});
  int taken = 0;
  for (std::size_t at = 0; at < good.size(); ++at)
    for (int value = 0; value < 256; ++value) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(value);
      const answer got = send(bytes);
      ASSERT_FALSE(session_.lost()) << "byte " << at << " as " << value;
      if (got.ok()) {
        ++taken;
        EXPECT_TRUE(session_.run("SELECT $1::dcb.query", {got.value()}).ok()) << got.value();
      }
    }
  EXPECT_GT(taken, 1000);  // the bytes of strings and of after are free
}

}  // namespace
