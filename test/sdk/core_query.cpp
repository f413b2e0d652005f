#include <dcb/error.hpp>
#include <dcb/query.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace {

using dcb::event_query;
using dcb::query_item;
using strings = std::vector<std::string>;

std::string sqlstate_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const dcb::error& e) {
    EXPECT_FALSE(e.detail().empty());
    EXPECT_FALSE(e.hint().empty());
    return std::string{e.sqlstate()};
  }
  return "no error";
}

TEST(event_query, all_matches_every_event) {
  EXPECT_TRUE(event_query::all().matches("A", {}));
  EXPECT_TRUE(event_query::all().matches("B", strings{"x:1"}));
}

TEST(event_query, without_items_matches_nothing) { EXPECT_FALSE(event_query{}.matches("A", {})); }

TEST(event_query, one_of_the_types_is_enough) {
  const event_query query{query_item{.types = {"A", "B"}}};
  EXPECT_TRUE(query.matches("A", {}));
  EXPECT_TRUE(query.matches("B", {}));
  EXPECT_FALSE(query.matches("C", {}));
  EXPECT_FALSE(query.matches("a", {}));
  EXPECT_FALSE(query.matches("", {}));
}

TEST(event_query, an_excepted_type_never_matches) {
  const event_query query{query_item{.except_types = {"A"}}};
  EXPECT_FALSE(query.matches("A", {}));
  EXPECT_TRUE(query.matches("B", {}));
  EXPECT_FALSE((event_query{query_item{.types = {"A"}, .except_types = {"A"}}}.matches("A", {})));
}

TEST(event_query, all_tags_are_needed_in_whatever_order) {
  const event_query query{query_item{.tags = {"y:2", "x:1"}}};
  EXPECT_TRUE(query.matches("A", strings{"z:3", "y:2", "x:1"}));
  EXPECT_TRUE(query.matches("A", strings{"x:1", "y:2"}));
  EXPECT_FALSE(query.matches("A", strings{"x:1"}));
  EXPECT_FALSE(query.matches("A", strings{"x:1", "y:22"}));
  EXPECT_FALSE(query.matches("A", {}));
}

TEST(event_query, types_and_tags_of_one_item_are_needed_together) {
  const event_query query{query_item{.types = {"A"}, .tags = {"x:1"}}, query_item{.types = {"B"}, .tags = {"x:2"}}};
  EXPECT_TRUE(query.matches("A", strings{"x:1"}));
  EXPECT_TRUE(query.matches("B", strings{"x:2"}));
  EXPECT_FALSE(query.matches("A", strings{"x:2"}));
  EXPECT_FALSE(query.matches("B", strings{"x:1"}));
}

TEST(event_query, an_after_of_the_item_wins_over_that_of_the_call) {
  const event_query query{query_item{.types = {"A"}, .after = 0}, query_item{.types = {"B"}}, query_item{.types = {"C"}, .after = 20}};
  EXPECT_TRUE(query.matches("A", {}, 5, 10));
  EXPECT_FALSE(query.matches("B", {}, 10, 10));
  EXPECT_TRUE(query.matches("B", {}, 11, 10));
  EXPECT_FALSE(query.matches("C", {}, 20, 10));
  EXPECT_TRUE(query.matches("C", {}, 21, 10));
  EXPECT_TRUE(query.matches("C", {})) << "without a position, after does not count";
}

TEST(event_query, is_kept_sorted_and_without_duplicates) {
  const event_query query{query_item{.types = {"B", "A", "B"}, .except_types = {"D", "C", "D"}, .tags = {"y", "x", "y"}},
                          query_item{.types = {"A", "B"}, .except_types = {"C", "D"}, .tags = {"x", "y"}}, query_item{.tags = {"a"}}};
  ASSERT_EQ(query.items().size(), 2u);
  EXPECT_EQ(query.items()[0], (query_item{.tags = {"a"}}));
  EXPECT_EQ(query.items()[1], (query_item{.types = {"A", "B"}, .except_types = {"C", "D"}, .tags = {"x", "y"}}));
}

TEST(event_query, union_is_the_set_of_items) {
  const event_query a{query_item{.types = {"A"}}}, b{query_item{.types = {"B"}}};
  EXPECT_EQ(a | b, b | a);
  EXPECT_EQ(a | a, a);
  EXPECT_EQ(event_query{} | a, a);
  EXPECT_EQ((a | b).items().size(), 2u);
  EXPECT_EQ(((a | b) | (b | a)).items().size(), 2u);
  auto c = a;
  c |= b;
  EXPECT_EQ(c, a | b);
  EXPECT_NE(a, b);
  EXPECT_NE((event_query{query_item{.after = 0}}), event_query::all());
}

TEST(event_query, json_is_canonical) {
  EXPECT_EQ(event_query::all().to_json(), R"({"items":[{}]})");
  EXPECT_EQ((event_query{query_item{.types = {"B", "A"}, .except_types = {"C"}, .tags = {"x:1"}, .after = 7}, query_item{.after = 0}}).to_json(),
            R"({"items":[{"after":0},{"types":["A","B"],"except":["C"],"tags":["x:1"],"after":7}]})");
  EXPECT_EQ((event_query{query_item{.tags = {"q\"b\\n\n\x01ü\x7f"}}}).to_json(), "{\"items\":[{\"tags\":[\"q\\\"b\\\\n\\n\\u0001ü\x7f\"]}]}");
}

TEST(event_query, refuses_what_a_store_refuses) {
  const auto state = [](const event_query& query) { return sqlstate_of([&] { query.validate(); }); };
  EXPECT_EQ(state({}), "DCB02");
  EXPECT_EQ(state(query_item{.types = {""}}), "DCB02");
  EXPECT_EQ(state(query_item{.except_types = {""}}), "DCB02");
  EXPECT_EQ(state(query_item{.tags = {""}}), "DCB02");
  EXPECT_EQ(state(query_item{.after = -1}), "DCB02");
  EXPECT_EQ(state(query_item{.tags = {std::string("a\0b", 3)}}), "22021");
  EXPECT_EQ(state(query_item{.types = {std::string(256, 'x')}}), "no error");
  EXPECT_EQ(state(query_item{.types = {std::string(257, 'x')}}), "DCB06");
  EXPECT_EQ(state(query_item{.tags = {std::string(1024, 'x')}}), "no error");
  EXPECT_EQ(state(query_item{.tags = {std::string(1025, 'x')}}), "DCB06");

  const auto names = [](int count) {
    strings result;
    for (int i = 0; i < count; ++i) result.push_back("x:" + std::to_string(i));
    return result;
  };
  const auto items = [&](int count, int tags) {
    std::vector<query_item> result;
    for (int i = 0; i < count; ++i) result.push_back({.types = {"T" + std::to_string(i)}, .tags = names(tags)});
    return event_query{std::move(result)};
  };
  EXPECT_EQ(state(query_item{.tags = names(1024)}), "no error");
  EXPECT_EQ(state(query_item{.tags = names(1025)}), "DCB06");
  EXPECT_EQ(state(items(1024, 1)), "no error");
  EXPECT_EQ(state(items(1025, 1)), "DCB06");
  EXPECT_EQ(state(items(4, 1023)), "no error");
  EXPECT_EQ(state(items(5, 1023)), "DCB06");
}

}  // namespace
