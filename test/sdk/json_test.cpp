#include <dcb/error.hpp>
#include <dcb/json.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {

enum class Colour : unsigned char { red, green, blue = 5, far = 200 };
enum Old { plain, fancy };

struct Line {
  dcb::id<> item_id;
  unsigned quantity;
  Colour colour;
};
struct Card {
  std::string number;
};
struct Cash {};
struct Order {
  dcb::id<std::int64_t, "order"> order_id;
  std::vector<Line> lines;
  std::map<Colour, int> counts;
  std::unordered_map<std::int64_t, std::string> notes;
  std::optional<Line> extra;
  std::variant<Card, Cash> payment;
  std::array<int, 2> size;
  std::set<std::string> marks;
  std::list<bool> flags;
  std::vector<bool> bits;
  dcb::uuid key;
  double weight;
  float price;
  Old old;
};

struct Money {
  std::int64_t cents() const { return cents_; }
  explicit Money(std::int64_t c = 0) : cents_(c) {}

 private:
  std::int64_t cents_;
};

struct Evolved {
  std::string name;
  unsigned kept = 3;
  std::optional<int> maybe;
  std::vector<int> many;
  unsigned zero = 0;
  bool no = false;
  static constexpr std::string_view defaulted[] = {"zero", "no"};
};

struct One {
  std::int64_t n;
};
struct Small {
  std::uint8_t n;
};
struct Real {
  double n;
};
struct Text {
  std::string text;
};

struct Narrow {
  float n;
};
struct Bytes {
  std::vector<std::byte> bytes;
};
struct Keyed {
  dcb::uuid key;
  std::map<dcb::uuid, int> by;
};
struct Tree {
  std::vector<Tree> branches;
};

template <class T>
std::string decode_failure(std::string_view text) {
  try {
    dcb::from_json<T>(text);
  } catch (const dcb::decode_error& failure) {
    return failure.what();
  }
  return "decoded";
}

}  // namespace

template <>
struct dcb::json_as<Money> {
  static std::int64_t to(const Money& money) { return money.cents(); }
  static Money from(std::int64_t cents) { return Money{cents}; }
};

namespace {

TEST(json, writes_every_kind_and_reads_it_back) {
  const Order order{7,
                    {{"tea", 2, Colour::blue}, {"mug", 1, Colour::far}},
                    {{Colour::green, 3}, {Colour{77}, 4}},
                    {{-1, "fragile"}},
                    Line{"bag", 1, Colour::red},
                    Card{"1234"},
                    {3, 4},
                    {"b", "a"},
                    {true, false},
                    {false, true},
                    dcb::uuid::from_string("0198a5b0-1111-7222-8333-444444444444"),
                    0.1,
                    2.5f,
                    fancy};
  const auto text = dcb::to_json(order);
  EXPECT_EQ(
      text,
      R"({"order_id":7,"lines":[{"item_id":"tea","quantity":2,"colour":"blue"},{"item_id":"mug","quantity":1,"colour":200}],)"
      R"("counts":{"green":3,"77":4},"notes":{"-1":"fragile"},"extra":{"item_id":"bag","quantity":1,"colour":"red"},"payment":{"Card":{"number":"1234"}},)"
      R"("size":[3,4],"marks":["a","b"],"flags":[true,false],"bits":[false,true],"key":"0198a5b0-1111-7222-8333-444444444444","weight":0.1,"price":2.5,"old":1})");
  EXPECT_EQ(dcb::to_json(dcb::from_json<Order>(text)), text);
}

TEST(json, integers_are_exact) {
  for (const auto n :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), std::int64_t{0}, (std::int64_t{1} << 53) + 1})
    EXPECT_EQ(dcb::from_json<std::int64_t>(dcb::to_json(n)), n);
  EXPECT_EQ(dcb::from_json<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(decode_failure<One>(R"({"n":9223372036854775808})"), "One.n: expected an integer of at most 64 bits, found 9223372036854775808");
  EXPECT_EQ(decode_failure<One>(R"({"n":1.5})"), "One.n: expected an integer of at most 64 bits, found 1.5");
  EXPECT_EQ(decode_failure<Small>(R"({"n":256})"), "Small.n: expected an integer from 0 to 255, found 256");
  EXPECT_EQ(decode_failure<Small>(R"({"n":-1})"), "Small.n: expected an integer from 0 to 255, found -1");
}

TEST(json, doubles_come_back_the_same) {
  for (const double number : {0.1, -0.0, 1e22, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 123456789012345678.0, 1.0})
    EXPECT_EQ(dcb::from_json<double>(dcb::to_json(number)), number);
  EXPECT_EQ(dcb::from_json<double>("10000000000000000000000"), 1e22) << "as the server writes 1e22";
  EXPECT_EQ(dcb::from_json<double>('1' + std::string(308, '0')), 1e308);
  EXPECT_EQ(dcb::from_json<double>("0." + std::string(323, '0') + "5"), 5e-324);
  EXPECT_EQ(decode_failure<Real>(R"({"n":1e999})"), "Real.n: expected a number that a double can hold, found 1e999");
}

TEST(json, what_json_cannot_hold_is_refused_with_the_path) {
  auto refusal = [](const auto& value) -> std::string {
    try {
      dcb::to_json(value);
    } catch (const dcb::error& failure) {
      EXPECT_EQ(failure.sqlstate(), "DCB03");
      return failure.what();
    }
    return "written";
  };
  EXPECT_EQ(refusal(Real{std::numeric_limits<double>::infinity()}), "Real.n: JSON has no NaN and no infinity");
  EXPECT_EQ(refusal(Real{std::numeric_limits<double>::quiet_NaN()}), "Real.n: JSON has no NaN and no infinity");
  EXPECT_EQ(refusal(Text{std::string("a\0b", 3)}), "Text.text: PostgreSQL stores no NUL character in text");
  EXPECT_EQ(refusal(Line{"\xff", 1, Colour::red}), "Line.item_id: the text is not UTF-8");
}

TEST(json, text_is_escaped) {
  const std::string text = "\" \\ / \b \f \n \r \t \x01 é € 😀";
  EXPECT_EQ(dcb::from_json<std::string>(dcb::to_json(text)), text);
  EXPECT_EQ(dcb::from_json<std::string>(R"("\u00e9 \ud83d\ude00 \/")"), "é 😀 /");
}

TEST(json, unknown_members_are_skipped) {
  EXPECT_EQ(dcb::from_json<One>(R"({"a":{"n":[1,{"n":2}]},"n":3,"b":1e999,"c":123456789012345678901234567890})").n, 3);
}

TEST(json, missing_members) {
  const auto evolved = dcb::from_json<Evolved>(R"({"name":"x"})");
  EXPECT_EQ(evolved.kept, 3u) << "its initialiser";
  EXPECT_EQ(evolved.maybe, std::nullopt);
  EXPECT_TRUE(evolved.many.empty());
  EXPECT_EQ(evolved.zero, 0u) << "listed in `defaulted`";
  EXPECT_EQ(decode_failure<Evolved>("{}"), "Evolved.name: missing");
  EXPECT_EQ(decode_failure<Order>(R"({"order_id":1,"lines":[{"item_id":"a","quantity":1,"colour":"red"},{"item_id":"b"}]})"),
            "Order.lines[1].quantity: missing");
}

TEST(json, wrong_types_are_reported_with_the_path) {
  EXPECT_EQ(decode_failure<One>(R"({"n":"1"})"), "One.n: expected an integer of at most 64 bits, found a string");
  EXPECT_EQ(decode_failure<One>(R"({"n":null})"), "One.n: expected an integer of at most 64 bits, found null");
  EXPECT_EQ(decode_failure<One>("[1]"), "One: expected an object, found an array");
  EXPECT_EQ(decode_failure<Text>(R"({"text":7})"), "Text.text: expected a string, found 7");
  EXPECT_EQ(decode_failure<Line>(R"({"item_id":"a","quantity":1,"colour":"pink"})"), "Line.colour: no enumerator is named \"pink\"");
  EXPECT_EQ(decode_failure<Line>(R"({"item_id":"a","quantity":1,"colour":true})"),
            "Line.colour: expected the name of an enumerator, found a boolean");
  EXPECT_EQ(decode_failure<Order>(R"({"size":[1]})"), "Order.size: expected 2 elements, found 1");
  EXPECT_EQ(decode_failure<Order>(R"({"size":[1,2,3]})"), "Order.size[2]: more elements than the array has");
  EXPECT_EQ(decode_failure<Order>(R"({"payment":{"Cheque":{}}})"), "Order.payment.Cheque: no alternative is named \"Cheque\"");
  EXPECT_EQ(decode_failure<Order>(R"({"payment":{}})"), "Order.payment: expected one alternative, found 0");
  EXPECT_EQ(decode_failure<Order>(R"({"notes":{"x":"y"}})"), "Order.notes.x: the key \"x\" is not a number of this type");
}

TEST(json, enums_are_read_by_name_or_number) {
  EXPECT_EQ(dcb::from_json<Colour>("\"blue\""), Colour::blue);
  EXPECT_EQ(dcb::from_json<Colour>("5"), Colour::blue);
  EXPECT_EQ(dcb::to_json(Colour{3}), "3");
}

TEST(json, not_json) {
  for (const auto text : {"", "{", "nul", "{}x", "{},{}", "1 2", "{\"n\":1", "{\"n\":}", "[", "\""})
    EXPECT_NE(decode_failure<One>(text), "decoded") << text;
  // What is skipped has to be JSON as well, also behind a number that nothing holds.
  for (const auto text :
       {R"({"a":nul,"n":1})", R"({"a":-"x","n":1})", R"({"a":1e999,"b":01,"n":1})", R"({"a":1.,"n":1})", R"({"a":1e999,"b":-,"n":1})"})
    EXPECT_EQ(decode_failure<One>(text), "One: not JSON") << text;
}

TEST(json, other_types_through_json_as) {
  EXPECT_EQ(dcb::to_json(std::vector{Money{5}, Money{7}}), "[5,7]");
  EXPECT_EQ(dcb::from_json<std::vector<Money>>("[5,7]").at(1).cents(), 7);
}
TEST(json, bytes_are_base64) {
  for (const std::size_t length : {0u, 1u, 2u, 3u, 4u, 255u}) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i < length; ++i) bytes.push_back(static_cast<std::byte>(i * 37));
    EXPECT_EQ(dcb::from_json<std::vector<std::byte>>(dcb::to_json(bytes)), bytes) << length;
  }
  EXPECT_EQ(dcb::to_json(std::vector{std::byte{0xfb}, std::byte{0xff}}), R"("+/8=")");
  for (const auto text : {R"({"bytes":"a"})", R"({"bytes":"ab=c"})", R"({"bytes":"!!!!"})", R"({"bytes":"+/9="})", R"({"bytes":"===="})"})
    EXPECT_EQ(decode_failure<Bytes>(text), "Bytes.bytes: not base64") << text;
}

// Each digit is looked at once: else this would take hours.
TEST(json, long_numbers_that_are_none_are_refused_at_once) {
  const std::string digits(4'000'000, '5');
  for (const char* end : {".]", "e]", "e+]", "x]"}) EXPECT_THROW(dcb::json::check("[" + digits + end), dcb::error) << end;
  EXPECT_NO_THROW(dcb::json::check("[" + digits + ", 1e999, -" + digits + "]"));
}

TEST(json, numbers_that_run_into_others_are_none) {
  for (const char* text : {"1e5.5", "1e999.5", "1e5e5", "01", "1.5.5", "1-1", "-1e5-", "[1e999.5, 2]"}) EXPECT_THROW(dcb::json::check(text), dcb::error) << text;
}

TEST(json, numbers_are_limited_by_their_type) {
  EXPECT_EQ(decode_failure<Narrow>(R"({"n":1e39})"), "Narrow.n: a number beyond what a float can hold");
  EXPECT_EQ(dcb::from_json<Narrow>(R"({"n":3.4028234663852886e38})").n, std::numeric_limits<float>::max());
}

TEST(json, uuids_are_reported_with_the_path) {
  EXPECT_EQ(decode_failure<Keyed>(R"({"key":"x","by":{}})"), "Keyed.key: not a UUID: \"x\"");
  EXPECT_EQ(decode_failure<Keyed>(R"({"key":"0198a5b0-1111-7222-8333-444444444444","by":{"y":1}})"), "Keyed.by.y: not a UUID: \"y\"");
}

TEST(json, depth_is_limited) {
  auto nested = [](std::size_t levels) {
    std::string value;
    for (std::size_t i = 0; i < levels; ++i) value += R"({"branches":[)";
    value += R"({"branches":[]})";
    for (std::size_t i = 0; i < levels; ++i) value += "]}";
    return value;
  };
  EXPECT_EQ(decode_failure<Tree>(nested(127)), "decoded");
  EXPECT_NE(decode_failure<Tree>(nested(128)).find("nested more than 256 deep"), std::string::npos);
  EXPECT_NE(decode_failure<Tree>(nested(100'000)), "decoded");
  Tree tree;
  for (int i = 0; i < 200; ++i) tree = Tree{{std::move(tree)}};
  EXPECT_THROW(dcb::to_json(tree), dcb::error);
}

}  // namespace
