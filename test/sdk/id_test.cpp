#include <dcb/id.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <unordered_map>

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

}  // namespace
