#include <dcb/error.hpp>
#include <dcb/event_schema.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

struct Opened {
  dcb::id<std::int64_t> account_id;
  std::string owner;
};
struct Transferred {
  static constexpr auto event_name = "MoneyTransferred";
  dcb::id<std::int64_t, "account_id"> from, to;
  std::int64_t cents;
};
struct Invited {
  std::optional<dcb::id<>> host_id;
  std::vector<dcb::id<std::string, "guest">> guests;
};
struct Ticked {};
using Event = std::variant<Opened, Transferred, Invited, Ticked>;
using schema = dcb::event_schema<Event>;
using strings = std::vector<std::string>;

dcb::recorded_event stored(std::string type, std::string data) { return {.position = 9, .type = std::move(type), .data = std::move(data)}; }

TEST(event_schema, names) {
  EXPECT_EQ(dcb::event_name<Opened>(), "Opened");
  EXPECT_EQ(dcb::event_name<Transferred>(), "MoneyTransferred");
}

TEST(event_schema, encodes_type_tags_and_data) {
  const auto opened = schema::encode(Opened{7, "Ann"});
  EXPECT_EQ(opened.type, "Opened");
  EXPECT_EQ(opened.tags, strings{"account_id:7"});
  EXPECT_EQ(opened.data, R"({"account_id":7,"owner":"Ann"})");
  const auto transferred = schema::encode(Transferred{1, 2, 300});
  EXPECT_EQ(transferred.type, "MoneyTransferred");
  EXPECT_EQ(transferred.tags, (strings{"account_id:1", "account_id:2"}));
  EXPECT_EQ(schema::encode(Ticked{}).data, "{}");
}

TEST(event_schema, optional_and_many_ids) {
  EXPECT_EQ(schema::encode(Invited{"h", {"a", "b"}}).tags, (strings{"host_id:h", "guest:a", "guest:b"}));
  EXPECT_EQ(schema::encode(Invited{{}, {}}).tags, strings{});
}

TEST(event_schema, decodes_by_name) {
  const auto event = schema::decode(stored("MoneyTransferred", R"({"to": 2, "from": 1, "cents": 300, "new": true})"));
  EXPECT_EQ(std::get<Transferred>(event).to.value, 2);
  EXPECT_TRUE(std::holds_alternative<Ticked>(schema::decode(stored("Ticked", "{}"))));
  EXPECT_THROW(schema::decode(stored("Unknown", "{}")), dcb::decode_error);
  EXPECT_THROW(schema::decode(stored("Opened", "{}")), dcb::decode_error);
}

TEST(event_schema, events_joins_variants) {
  using Joined = dcb::events<std::variant<Opened, Ticked>, Ticked, Invited, std::variant<Invited, Transferred>>;
  static_assert(std::same_as<Joined, std::variant<Opened, Ticked, Invited, Transferred>>);
}

}  // namespace
