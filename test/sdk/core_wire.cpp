#include "wire.hpp"

#include <dcb/error.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace std::string_literals;
using dcb::event_query;
using dcb::query_item;

TEST(wire, query) {
  EXPECT_EQ(dcb::encode_query(event_query::all()), "\x01\0\x01\0\0\0\0\0\0\0"s);
  EXPECT_EQ(
      dcb::encode_query(event_query{query_item{.types = {"A"}, .except_types = {"BC"}, .tags = {"x", "ü"}, .after = 258}, query_item{.tags = {"y"}}}),
      "\x01\0\x02"s               // version, two items
      "\0\0\0\0\0\0\x01\0\x01y"s  // without types sorts first
      "\x01\0\0\0\0\0\0\x01\x02\0\x01\0\x01"s
      "A\0\x01\0\x02"s
      "BC\0\x02\0\x01x\0\x02ü"s);
  EXPECT_THROW(dcb::encode_query(event_query{}), dcb::error);
}

TEST(wire, integers_and_times) {
  EXPECT_EQ(dcb::encode_int8(-2), "\xff\xff\xff\xff\xff\xff\xff\xfe"s);
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, INT64_MAX, INT64_MIN})
    EXPECT_EQ(dcb::decode_int8(dcb::encode_int8(value)), value);
  EXPECT_EQ(dcb::encode_timestamp(std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}), std::string(8, '\0'));
  const dcb::timestamp early{std::chrono::sys_days{std::chrono::year{1969} / 7 / 20}};
  EXPECT_EQ(dcb::decode_timestamp(dcb::encode_timestamp(early)), early);
}

TEST(wire, events) {
  const std::vector<dcb::new_event> events{
      {.type = "A", .data = "[]", .tags = {"x", "yy"}, .metadata = "1", .payload = {{std::byte{0}, std::byte{255}}}, .id = dcb::uuid{}},
      {.type = "B"}};
  const auto empty_array = "\0\0\0\0\0\0\0\0\0\0\0\x19"s;
  const auto first =
      "\0\0\0\x06"s
      "\0\0\0\x19\0\0\0\x01"s
      "A"s                             // text
      "\0\0\x0e\xda\0\0\0\x03\x01[]"s  // jsonb
      "\0\0\x03\xf1\0\0\0\x1f"s
      "\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x02\0\0\0\x01"s
      "\0\0\0\x01x\0\0\0\x02yy"s  // text[]
      "\0\0\x0e\xda\0\0\0\x02\x01"s
      "1"s                           // jsonb
      "\0\0\0\x11\0\0\0\x02\0\xff"s  // bytea
      "\0\0\x0b\x86\0\0\0\x10"s +
      std::string(16, '\0');  // uuid
  const auto second =
      "\0\0\0\x06"s
      "\0\0\0\x19\0\0\0\x01"s
      "B"s
      "\0\0\x0e\xda\0\0\0\x03\x01{}"s
      "\0\0\x03\xf1\0\0\0\x0c"s +
      empty_array +
      "\0\0\x0e\xda\xff\xff\xff\xff"s
      "\0\0\0\x11\xff\xff\xff\xff"s
      "\0\0\x0b\x86\xff\xff\xff\xff"s;
  const auto counted = [](const std::string& value) { return dcb::encode_int8(static_cast<std::int64_t>(value.size())).substr(4) + value; };
  EXPECT_EQ(dcb::encode_events(events, 0x01020304), "\0\0\0\x01\0\0\0\0\x01\x02\x03\x04\0\0\0\x02\0\0\0\x01"s + counted(first) + counted(second));
  EXPECT_EQ(dcb::encode_events({}, 0x01020304), "\0\0\0\0\0\0\0\0\x01\x02\x03\x04"s);
}

TEST(wire, refuses_nul_characters_and_names_the_place) {
  const auto nul = "a\0b"s;
  const auto message = [](dcb::new_event event) -> std::string {
    try {
      dcb::encode_events(std::vector<dcb::new_event>{{.type = "A"}, std::move(event)}, 1);
    } catch (const dcb::error& e) {
      EXPECT_EQ(e.sqlstate(), "22021");
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(message({.type = nul}), "the type of event 2 holds a NUL character");
  EXPECT_EQ(message({.type = "A", .data = nul}), "the data of event 2 holds a NUL character");
  EXPECT_EQ(message({.type = "A", .tags = {"x", nul}}), "a tag of event 2 holds a NUL character");
  EXPECT_EQ(message({.type = "A", .metadata = nul}), "the metadata of event 2 holds a NUL character");
}

TEST(wire, text_arrays) {
  std::vector<std::string> tags{"old", "older", "oldest"};
  dcb::decode_text_array("\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x01x\0\0\0\0"s, tags);
  EXPECT_EQ(tags, (std::vector<std::string>{"x", ""}));
  dcb::decode_text_array("\0\0\0\0\0\0\0\0\0\0\0\x19"s, tags);
  EXPECT_TRUE(tags.empty());
}

TEST(wire, refuses_bytes_of_another_form) {
  std::vector<std::string> tags;
  EXPECT_THROW(dcb::decode_int8("1234"), dcb::decode_error);
  EXPECT_THROW(dcb::decode_bool(""), dcb::decode_error);
  EXPECT_THROW(dcb::decode_uuid("1234"), dcb::decode_error);
  EXPECT_THROW(dcb::decode_jsonb(""), dcb::decode_error);
  EXPECT_THROW(dcb::decode_jsonb("\x02{}"), dcb::decode_error);
  EXPECT_THROW(dcb::decode_text_array("\0\0\0\x01"s, tags), dcb::decode_error);
  EXPECT_THROW(dcb::decode_text_array("\0\0\0\x02\0\0\0\0\0\0\0\x19"s, tags), dcb::decode_error);
  EXPECT_THROW(dcb::decode_text_array("\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff"s, tags), dcb::decode_error);
  EXPECT_THROW(dcb::decode_text_array("\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x01\0\0\0\x01\0\0\0\x05x"s, tags), dcb::decode_error);
  EXPECT_THROW(dcb::decode_text_array("\0\0\0\x01\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\0\0\0\x01"s, tags), dcb::decode_error);
}

}  // namespace
