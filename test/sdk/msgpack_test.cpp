#include <dcb/error.hpp>
#include <dcb/msgpack.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace {

enum class Colour : unsigned char { red, green, blue = 5 };

struct Card {
  std::string number;
};
struct Cash {};
struct Order {
  dcb::id<> user_id;
  std::vector<int> counts;
  std::map<Colour, unsigned> stock;
  std::optional<Card> card;
  std::variant<Card, Cash> payment;
  std::vector<std::byte> seal;
  dcb::uuid key;
  Colour colour;
  double weight;
  float price;
};
struct One {
  std::int64_t n;
};
struct Small {
  std::uint8_t n;
};
struct Wide {
  std::uint64_t n;
};
struct Real {
  double n;
};
struct Narrow {
  float n;
};
struct Text {
  std::string text;
};
struct Bytes {
  std::vector<std::byte> bytes;
};
struct Evolved {
  std::string name;
  unsigned kept = 3;
  double unknown = std::numeric_limits<double>::quiet_NaN();
  std::optional<int> maybe;
};
struct Tree {
  std::vector<Tree> branches;
};

std::vector<std::byte> bytes(std::string_view text) {
  std::vector<std::byte> all;
  for (const char c : text) all.push_back(static_cast<std::byte>(c));
  return all;
}
std::string text(const std::vector<std::byte>& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// A literal with its NUL characters.
template <std::size_t N>
std::string_view raw(const char (&literal)[N]) {
  return {literal, N - 1};
}

template <class T>
std::string decode_failure(std::string_view value) {
  try {
    dcb::from_msgpack<T>(bytes(value));
  } catch (const dcb::decode_error& failure) {
    return failure.what();
  }
  return "decoded";
}

// An object with the single member "n".
std::string n(std::string_view value) { return "\x81\xa1n" + std::string{value}; }

TEST(msgpack, writes_every_kind_and_reads_it_back) {
  const Order order{"ann",
                    {1, -1},
                    {{Colour::green, 3}},
                    Card{"12"},
                    Cash{},
                    bytes(raw("\0\xff")),
                    dcb::uuid::from_string("0198a5b0-1111-7222-8333-444444444444"),
                    Colour::blue,
                    0.5,
                    1.5f};
  const auto encoded = dcb::to_msgpack(order);
  EXPECT_EQ(text(encoded), std::string{raw("\x8a"
                                           "\xa7user_id\xa3"
                                           "ann"
                                           "\xa6"
                                           "counts\x92\x01\xff"
                                           "\xa5stock\x81\xa5green\x03"
                                           "\xa4"
                                           "card\x81\xa6number\xa2"
                                           "12"
                                           "\xa7payment\x81\xa4"
                                           "Cash\x80"
                                           "\xa4seal\xc4\x02\0\xff"
                                           "\xa3key\xd9\x24"
                                           "0198a5b0-1111-7222-8333-444444444444"
                                           "\xa6"
                                           "colour\xa4"
                                           "blue"
                                           "\xa6weight\xcb\x3f\xe0\0\0\0\0\0\0"
                                           "\xa5price\xca\x3f\xc0\0\0")});
  EXPECT_EQ(dcb::to_json(dcb::from_msgpack<Order>(encoded)), dcb::to_json(order));
}

TEST(msgpack, integers_take_their_shortest_form) {
  const std::pair<std::int64_t, std::size_t> lengths[] = {{0, 1},
                                                          {127, 1},
                                                          {128, 2},
                                                          {255, 2},
                                                          {256, 3},
                                                          {65535, 3},
                                                          {65536, 5},
                                                          {4294967295, 5},
                                                          {4294967296, 9},
                                                          {-1, 1},
                                                          {-32, 1},
                                                          {-33, 2},
                                                          {-128, 2},
                                                          {-129, 3},
                                                          {-32768, 3},
                                                          {-32769, 5},
                                                          {-2147483648, 5},
                                                          {-2147483649, 9},
                                                          {std::numeric_limits<std::int64_t>::min(), 9},
                                                          {std::numeric_limits<std::int64_t>::max(), 9}};
  for (const auto& [value, length] : lengths) {
    EXPECT_EQ(dcb::to_msgpack(value).size(), length) << value;
    EXPECT_EQ(dcb::from_msgpack<std::int64_t>(dcb::to_msgpack(value)), value);
  }
  EXPECT_EQ(dcb::from_msgpack<std::uint64_t>(dcb::to_msgpack(std::numeric_limits<std::uint64_t>::max())), std::numeric_limits<std::uint64_t>::max());
}

TEST(msgpack, integers_are_read_in_any_form) {
  EXPECT_EQ(dcb::from_msgpack<One>(bytes(n(raw("\xd3\0\0\0\0\0\0\0\x07")))).n, 7);
  EXPECT_EQ(dcb::from_msgpack<One>(bytes(n(raw("\xcf\0\0\0\0\0\0\0\x07")))).n, 7);
  EXPECT_EQ(dcb::from_msgpack<One>(bytes(n(raw("\xd1\xff\xf9")))).n, -7);
  EXPECT_EQ(dcb::from_msgpack<Real>(bytes(n(raw("\xf9")))).n, -7.0);
  EXPECT_EQ(dcb::from_msgpack<Real>(bytes(n(raw("\xca\x3f\xc0\0\0")))).n, 1.5);
}

TEST(msgpack, lengths_of_every_size) {
  for (const std::size_t length : {0u, 15u, 16u, 31u, 32u, 255u, 256u, 65535u, 65536u}) {
    const Text written{std::string(length, 'x')};
    EXPECT_EQ(dcb::from_msgpack<Text>(dcb::to_msgpack(written)).text, written.text) << length;
    const Bytes binary{std::vector<std::byte>(length, std::byte{7})};
    EXPECT_EQ(dcb::from_msgpack<Bytes>(dcb::to_msgpack(binary)).bytes, binary.bytes) << length;
    const std::vector<std::uint8_t> array(length, 1);
    EXPECT_EQ(dcb::from_msgpack<std::vector<std::uint8_t>>(dcb::to_msgpack(array)), array) << length;
    std::map<int, int> map;
    for (std::size_t i = 0; i < length; ++i) map[static_cast<int>(i)] = 1;
    EXPECT_EQ((dcb::from_msgpack<std::map<int, int>>(dcb::to_msgpack(map))), map) << length;
  }
}

TEST(msgpack, holds_what_json_cannot) {
  EXPECT_TRUE(std::isnan(dcb::from_msgpack<Real>(dcb::to_msgpack(Real{std::nan("")})).n));
  EXPECT_TRUE(std::isinf(dcb::from_msgpack<Narrow>(dcb::to_msgpack(Narrow{std::numeric_limits<float>::infinity()})).n));
  EXPECT_EQ(dcb::from_msgpack<Text>(dcb::to_msgpack(Text{std::string("a\0b", 3)})).text, std::string("a\0b", 3));
  EXPECT_THROW(dcb::to_msgpack(Text{"\xff"}), dcb::error);
}

TEST(msgpack, unknown_members_are_skipped) {
  // Nested containers, an extension, binary, a key that is a number.
  EXPECT_EQ(
      dcb::from_msgpack<One>(bytes(raw("\x85\xa1x\x92\x81\xa1y\x90\xcb\0\0\0\0\0\0\0\0\x07\xc7\x02\x05zz\xa1z\xd5\x01qq\xa1n\x03\xa1w\xc4\x01q"))).n,
      3);
  // Deeper than any value that is read.
  EXPECT_EQ(dcb::from_msgpack<One>(bytes("\x82\xa1x" + std::string(1'000'000, '\x91') + "\xc0\xa1n\x03")).n, 3);
}

TEST(msgpack, missing_members) {
  const auto evolved = dcb::from_msgpack<Evolved>(bytes("\x81\xa4name\xa1x"));
  EXPECT_EQ(evolved.kept, 3u);
  EXPECT_TRUE(std::isnan(evolved.unknown)) << "an initialiser that JSON could not write";
  EXPECT_EQ(decode_failure<Evolved>("\x80"), "Evolved.name: missing");
}

TEST(msgpack, wrong_values_are_reported_with_the_path) {
  EXPECT_EQ(decode_failure<One>(n("\xa1x")), "One.n: expected an integer of at most 64 bits, found a string");
  EXPECT_EQ(decode_failure<One>(n("\xc0")), "One.n: expected an integer of at most 64 bits, found null");
  EXPECT_EQ(decode_failure<One>(n("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")),
            "One.n: expected an integer of at most 64 bits, found 18446744073709551615");
  EXPECT_EQ(decode_failure<Small>(n(raw("\xcd\x01\x00"))), "Small.n: expected an integer from 0 to 255, found 256");
  EXPECT_EQ(decode_failure<Wide>(n("\xff")), "Wide.n: expected an integer from 0 to 18446744073709551615, found -1");
  EXPECT_EQ(decode_failure<Narrow>(n("\xcb\x7f\xef\xff\xff\xff\xff\xff\xff")), "Narrow.n: a number beyond what a float can hold");
  EXPECT_EQ(decode_failure<One>("\x91\x01"), "One: expected an object, found an array");
  EXPECT_EQ(decode_failure<Text>("\x81\xa4text\xa1\xff"), "Text.text: the text is not UTF-8");
  EXPECT_EQ(decode_failure<One>("\x81\xc0\x01"), "One: expected text or a number as key, found null");
  EXPECT_EQ(decode_failure<Bytes>("\x81\xa5"
                                  "bytes\xd4\x01q"),
            "Bytes.bytes: expected binary, found an extension");
}

TEST(msgpack, broken_values_are_refused) {
  const auto whole = text(dcb::to_msgpack(Order{"ann", {1, 2}, {}, {}, Cash{}, {}, {}, Colour::red, 1, 1}));
  for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_NE(decode_failure<Order>(whole.substr(0, length)), "decoded") << length;
  EXPECT_EQ(decode_failure<One>(n("\x01") + "x"), "One: not MessagePack: something follows the value");
  EXPECT_EQ(decode_failure<One>(n("\xc1")), "One.n: not MessagePack");
  EXPECT_EQ(decode_failure<Text>("\x81\xa4text\xdb\xff\xff\xff\xff"), "Text.text: not MessagePack") << "a length beyond the end";
  EXPECT_EQ(decode_failure<Text>("\x81\xa1x\xdd\xff\xff\xff\xff"), "Text.x: not MessagePack");
}

TEST(msgpack, depth_is_limited) {
  auto nested = [](std::size_t levels) {
    std::string value;
    for (std::size_t i = 0; i < levels; ++i)
      value +=
          "\x81\xa8"
          "branches\x91";
    return value + std::string{
                       "\x81\xa8"
                       "branches\x90"};
  };
  EXPECT_EQ(decode_failure<Tree>(nested(127)), "decoded");
  EXPECT_NE(decode_failure<Tree>(nested(128)).find("nested more than 256 deep"), std::string::npos);
  Tree tree;
  for (int i = 0; i < 200; ++i) tree = Tree{{std::move(tree)}};
  EXPECT_THROW(dcb::to_msgpack(tree), dcb::error);
}

}  // namespace
