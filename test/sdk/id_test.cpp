#include <dcb/event_schema.hpp>
#include <dcb/event_schema.hpp>
#include <dcb/id.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace billing {
struct Number {
  int year, serial;
};
std::string to_tag(const Number& number) { return std::to_string(number.year) + '-' + std::to_string(number.serial); }
}  // namespace billing

namespace {

TEST(id, becomes_a_tag) {
  EXPECT_EQ(dcb::tag("cart", "c1"), "cart:c1");
  EXPECT_EQ(dcb::tag("cart", std::string{"c:1"}), "cart:c:1");
  EXPECT_EQ(dcb::tag("n", INT64_MIN), "n:-9223372036854775808");
  EXPECT_EQ(dcb::tag("n", 7u), "n:7");
  EXPECT_EQ(dcb::tag("u", dcb::uuid::from_string("0198A5B0-1111-7222-8333-444444444444")), "u:0198a5b0-1111-7222-8333-444444444444");
  EXPECT_EQ(dcb::tag("invoice", billing::Number{2025, 12}), "invoice:2025-12");
}

TEST(id, is_used_as_its_value) {
  dcb::id<> text = "a";
  const std::string& value = text;
  EXPECT_EQ(value, "a");
  EXPECT_TRUE(text == "a");
  EXPECT_TRUE(text < dcb::id<>{"b"});
  EXPECT_EQ(text->size(), 1u);
  dcb::id<std::int64_t> number = 7;
  EXPECT_EQ(number + 1, 8);
  std::ostringstream out;
  out << text << number;
  EXPECT_EQ(out.str(), "a7");
  std::unordered_map<dcb::id<>, int> map{{text, 1}};
  EXPECT_EQ(map.at("a"), 1);
}

TEST(id, key_may_differ_from_the_member) {
  using account = dcb::id<std::int64_t, "account">;
  EXPECT_EQ(account::key, "account");
  EXPECT_EQ(dcb::id<>::key, "");
}

struct OrderId : dcb::id<std::int64_t, "order"> {
  using id::id;
};
struct Ordered {
  OrderId first;
  std::optional<OrderId> replaces;
  dcb::id<billing::Number> invoice;
  std::set<dcb::id<dcb::uuid>> parcels;
};

TEST(id, strong_types) {
  const auto parcel = dcb::uuid::from_string("0198a5b0-1111-7222-8333-444444444444");
  const Ordered ordered{7, OrderId{6}, billing::Number{2025, 12}, {parcel}};
  std::vector<std::string> tags;
  dcb::add_tags(ordered, tags);
  EXPECT_EQ(tags, (std::vector<std::string>{"order:7", "order:6", "invoice:2025-12", "parcels:" + parcel.to_string()}));
  const auto text = dcb::to_json(ordered);
  EXPECT_EQ(text, R"({"first":7,"replaces":6,"invoice":{"year":2025,"serial":12},"parcels":["0198a5b0-1111-7222-8333-444444444444"]})");
  EXPECT_EQ(dcb::to_json(dcb::from_json<Ordered>(text)), text);
  const std::unordered_map<OrderId, int> map{{OrderId{7}, 1}};
  EXPECT_EQ(map.at(7), 1);
}

}  // namespace
