#include <dcb/error.hpp>
#include <dcb/memory_store.hpp>
#include <dcb/meta.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace {

struct Noted {
  dcb::id<> book;
};
using Event = std::variant<Noted>;

using text = std::optional<std::string>;

TEST(meta, members_of_metadata) {
  EXPECT_EQ(dcb::metadata_member(R"({"by":"ann","n":7})", "by"), "ann");
  EXPECT_EQ(dcb::metadata_member(R"({"by":"ann","n":7})", "n"), "7");
  EXPECT_EQ(dcb::metadata_member(R"({"by":"ann"})", "n"), std::nullopt);
  EXPECT_EQ(dcb::metadata_member(R"({"deep":{"by":"ann"},"x":"by"})", "by"), std::nullopt) << "not a direct member";
  EXPECT_EQ(dcb::metadata_member(R"({"by":{"name":"ann"}})", "by"), std::nullopt);
  EXPECT_EQ(dcb::metadata_member(R"({"by":"ann","by":"bob"})", "by"), "bob") << "as on the server";
  EXPECT_EQ(dcb::metadata_member(R"({"n":123456789012345678901234567890, "by" : true , "x":1e999})", "by"), "true");
  EXPECT_EQ(dcb::metadata_member(R"(["by"])", "by"), std::nullopt);
  EXPECT_EQ(dcb::metadata_member(R"("by)", "by"), std::nullopt) << "not even JSON";
}

TEST(meta, joins_objects) {
  text metadata;
  dcb::add_metadata(metadata, "by", "ann \"the\" owl");
  EXPECT_EQ(metadata, R"({"by":"ann \"the\" owl"})");
  dcb::join_metadata(metadata, " { } ");
  dcb::join_metadata(metadata, R"( {"n": 1 } )");
  EXPECT_EQ(metadata, R"({"by":"ann \"the\" owl","n": 1 })");
  for (const auto* other : {"[1]", "7", "", "{", "null"}) {
    text wrong = other;
    try {
      dcb::add_metadata(wrong, "by", "ann");
      FAIL() << other;
    } catch (const dcb::error& failure) {
      EXPECT_EQ(failure.sqlstate(), "22023");
    }
    EXPECT_EQ(wrong, other) << "unchanged";
  }
}

TEST(meta, options_become_metadata) {
  const dcb::memory_store<Event> store;
  const Event events[]{Noted{"a"}, Noted{"b"}};
  store.append(events, {.metadata = R"({"by":"ann"})", .correlation_id = "order-7", .causation_id = "click"});
  store.append(events, {.metadata = "[1]"});
  std::vector<dcb::meta> all;
  store.log().read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& stored) { return all.push_back(dcb::meta_of(stored)), true; });
  ASSERT_EQ(all.size(), 4u);
  for (int i : {0, 1}) {
    EXPECT_EQ(all[i].correlation_id, "order-7");
    EXPECT_EQ(all[i].causation_id, "click");
    EXPECT_EQ(dcb::metadata_member(all[i].metadata.value(), "by"), "ann");
  }
  EXPECT_EQ(all[1].position, 2);
  EXPECT_EQ(all[1].type, "Noted");
  EXPECT_EQ(all[1].tags, std::vector<std::string>{"book:b"});
  EXPECT_EQ(all[2].metadata, "[1]") << "untouched where there is nothing to add";
  EXPECT_EQ(all[2].correlation_id, std::nullopt);
}

TEST(meta, what_an_event_causes) {
  const dcb::meta first{.position = 7};
  EXPECT_EQ(dcb::because_of(first).causation_id, "7");
  EXPECT_EQ(dcb::because_of(first).correlation_id, "7") << "the first of a chain starts the correlation";
  const auto id = dcb::uuid::random();
  const dcb::meta later{.position = 9, .id = id, .correlation_id = "order-7", .causation_id = "7"};
  EXPECT_EQ(dcb::because_of(later).causation_id, id.to_string());
  EXPECT_EQ(dcb::because_of(later).correlation_id, "order-7");
}

}  // namespace
