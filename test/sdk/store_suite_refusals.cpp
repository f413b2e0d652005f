// What a log refuses, with which SQLSTATE, and that nothing is written then.
#include "store_suite.hpp"

#include <chrono>
#include <stop_token>

namespace {

using namespace std::string_literals;

class refusing : public log_test {
 protected:
  std::string of(dcb::new_event event) {
    auto sqlstate = refusal([&] { append({std::move(event)}); });
    EXPECT_EQ(log->head(), 0) << "nothing is written";
    return sqlstate;
  }
  std::string of(dcb::event_query query) {
    auto sqlstate = refusal([&] { append_if("A", {}, query, 0); });
    EXPECT_EQ(refusal([&] { found(query); }), sqlstate) << "a read refuses the same";
    EXPECT_EQ(refusal([&] { log->exists(query); }), sqlstate);
    EXPECT_EQ(refusal([&] { log->count(query); }), sqlstate);
    EXPECT_EQ(refusal([&] { log->last(query); }), sqlstate);
    return sqlstate;
  }
};

TEST_P(refusing, empty_append) {
  EXPECT_EQ(refusal([&] { append(std::vector<dcb::new_event>{}); }), "DCB04");
}

TEST_P(refusing, type) {
  EXPECT_EQ(of({.type = ""}), "DCB03");
  EXPECT_EQ(of({.type = std::string(257, 't')}), "DCB06");
  EXPECT_EQ(of({.type = "with\0nul"s}), "22021");
  EXPECT_EQ(of({.type = "\xff"}), "22021");
  EXPECT_NO_THROW(append(std::string(256, 't')));
}

TEST_P(refusing, tags) {
  EXPECT_EQ(of({.type = "A", .tags = {"x", ""}}), "DCB03");
  EXPECT_EQ(of({.type = "A", .tags = {std::string(1025, 't')}}), "DCB06");
  EXPECT_EQ(of({.type = "A", .tags = {"with\0nul"s}}), "22021");
  strings many;
  for (int i = 0; i < 1025; ++i) many.push_back("t" + std::to_string(i));
  EXPECT_EQ(of({.type = "A", .tags = many}), "DCB06");
  many.pop_back();
  EXPECT_NO_THROW(append("A", many));
  EXPECT_NO_THROW(append("A", {std::string(1024, 't')}));
}

TEST_P(refusing, json) {
  EXPECT_EQ(of({.type = "A", .data = "{"}), "22P02");
  EXPECT_EQ(of({.type = "A", .data = ""}), "22P02");
  EXPECT_EQ(of({.type = "A", .data = "{} {}"}), "22P02");
  EXPECT_EQ(of({.type = "A", .metadata = "nul"}), "22P02");
  EXPECT_EQ(of({.type = "A", .data = R"({"a":"\u0000"})"}), "22P05");
  EXPECT_NO_THROW(append({{.type = "A", .data = R"({"a":"\\u0000"})"}}));
  EXPECT_NO_THROW(append({{.type = "A", .data = "1e400"}})) << "any JSON is data";
}

TEST_P(refusing, one_bad_event_refuses_all) {
  EXPECT_EQ(refusal([&] { append({{.type = "A"}, {.type = ""}}); }), "DCB03");
  EXPECT_EQ(log->head(), 0);
}

TEST_P(refusing, too_many_events) {
  EXPECT_EQ(refusal([&] { append(std::vector<dcb::new_event>(65'537, {.type = "A"})); }), "DCB06");
  EXPECT_EQ(log->head(), 0);
}

TEST_P(refusing, query) {
  EXPECT_EQ(of(dcb::event_query{}), "DCB02");
  EXPECT_EQ(of(types({""})), "DCB02");
  EXPECT_EQ(of(tags({""})), "DCB02");
  EXPECT_EQ(of(tags({"with\0nul"s})), "22021");
  EXPECT_EQ(of(tags({std::string(1025, 't')})), "DCB06");
  EXPECT_EQ(of(types({std::string(257, 't')})), "DCB06");
  EXPECT_EQ(of(dcb::query_item{.tags = {"x"}, .after = -1}), "DCB02");
  std::vector<dcb::query_item> items;
  for (int i = 0; i < 1025; ++i) items.push_back({.tags = {"t" + std::to_string(i)}});
  EXPECT_EQ(of(dcb::event_query{items}), "DCB06");
}

TEST_P(refusing, negative_numbers) {
  EXPECT_EQ(refusal([&] { found(dcb::event_query::all(), {.after = -1}); }), "22023");
  EXPECT_EQ(refusal([&] { found(dcb::event_query::all(), {.max_count = -1}); }), "22023");
  EXPECT_EQ(refusal([&] { found(dcb::event_query::all(), {.upto = -1}); }), "22023");
  EXPECT_EQ(refusal([&] { append_if("A", {}, tags({"x"}), -1); }), "22023");
}

TEST_P(refusing, position_beyond_the_head) {
  append("A", {"x"});
  try {
    append_if("B", {}, tags({"y"}), 2);
    FAIL() << "accepted a position from another log";
  } catch (const dcb::error& failure) {
    EXPECT_EQ(failure.sqlstate(), "DCB09");
    EXPECT_TRUE(failure.retryable()) << "read again and decide anew";
    EXPECT_NE(failure.detail(), "");
    EXPECT_NE(failure.hint(), "");
  }
  EXPECT_EQ(refusal([&] { append_if("B", {}, dcb::query_item{.tags = {"y"}, .after = 2}, 0); }), "DCB09");
  EXPECT_EQ(log->head(), 1);
}

TEST_P(refusing, every_error_helps) {
  for (const auto& bad : {std::vector<dcb::new_event>{}, {{.type = ""}}, {{.type = "A", .tags = {std::string(1025, 't')}}}}) {
    try {
      append(bad);
      ADD_FAILURE() << "accepted";
    } catch (const dcb::error& failure) {
      EXPECT_NE(failure.detail(), "") << failure.what();
      EXPECT_NE(failure.hint(), "") << failure.what();
      EXPECT_FALSE(failure.retryable());
    }
  }
}

TEST_P(refusing, a_stopped_call) {
  std::stop_source stop;
  stop.request_stop();
  const dcb::call_options call{.stop = stop.get_token()};
  EXPECT_THROW(append({{.type = "A"}}, call), dcb::cancelled);
  EXPECT_THROW(log->head(call), dcb::cancelled);
  EXPECT_EQ(log->head(), 0);
}

INSTANTIATE_TEST_SUITE_P(store, refusing, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
