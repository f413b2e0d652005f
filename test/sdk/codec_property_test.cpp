// Properties of both notations, for generated values: what is written comes back, another library (nlohmann-json) reads the same and is read
// alike, and what is or is not JSON is judged as by it and by simdjson.
#include <dcb/codec.hpp>
#include <dcb/dcb.hpp>
#include <dcb/error.hpp>
#include <dcb/export_import.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace codec_properties {

using nlohmann::json;

enum class Colour : int { red, green, blue };

struct Card {
  std::string number;
};
struct Cash {};
struct Line {
  std::string item;
  unsigned quantity;
};
struct Order {
  dcb::id<> user_id;
  std::int64_t whole;
  std::uint64_t natural;
  std::int8_t tiny;
  double real;
  float small;
  bool flag;
  Colour colour;
  std::optional<std::string> note;
  std::vector<Line> lines;
  std::map<std::string, std::int64_t> counts;
  std::variant<Card, Cash> payment;
  std::vector<std::byte> bytes;
};

// Text in UTF-8 from any code points but NUL, which PostgreSQL does not store.
rc::Gen<std::string> any_text() {
  const auto character = rc::gen::map(rc::gen::weightedOneOf<std::uint32_t>({{8, rc::gen::inRange<std::uint32_t>(1, 0x80)},
                                                                             {2, rc::gen::inRange<std::uint32_t>(0x80, 0xd800)},
                                                                             {1, rc::gen::inRange<std::uint32_t>(0xe000, 0x110000)}}),
                                      [](std::uint32_t point) {
                                        std::string out;
                                        if (point < 0x80) return std::string(1, static_cast<char>(point));
                                        const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
                                        const unsigned lead[] = {0, 0xc0, 0xe0, 0xf0};
                                        out += static_cast<char>(lead[more] | point >> (6 * more));
                                        for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3f));
                                        return out;
                                      });
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(character), [](const std::vector<std::string>& characters) {
    std::string text;
    for (const auto& each : characters) text += each;
    return text;
  });
}

// All bit patterns, so all magnitudes.
template <class Real, class Bits>
rc::Gen<Real> any_finite() {
  return rc::gen::map(rc::gen::suchThat(rc::gen::arbitrary<Bits>(), [](Bits bits) { return std::isfinite(std::bit_cast<Real>(bits)); }),
                      [](Bits bits) { return std::bit_cast<Real>(bits); });
}

Order any_order() {
  Order order{*any_text(),
              *rc::gen::arbitrary<std::int64_t>(),
              *rc::gen::arbitrary<std::uint64_t>(),
              *rc::gen::arbitrary<std::int8_t>(),
              *any_finite<double, std::uint64_t>(),
              *any_finite<float, std::uint32_t>(),
              *rc::gen::arbitrary<bool>(),
              static_cast<Colour>(*rc::gen::inRange(-5, 6)),
              {},
              {},
              *rc::gen::container<std::map<std::string, std::int64_t>>(any_text(), rc::gen::arbitrary<std::int64_t>()),
              Cash{},
              {}};
  if (*rc::gen::arbitrary<bool>()) order.note = *any_text();
  if (*rc::gen::arbitrary<bool>()) order.payment = Card{*any_text()};
  for (const auto& item : *rc::gen::container<std::vector<std::string>>(any_text())) order.lines.push_back({item, *rc::gen::arbitrary<unsigned>()});
  for (const auto byte : *rc::gen::arbitrary<std::vector<std::uint8_t>>()) order.bytes.push_back(static_cast<std::byte>(byte));
  return order;
}

// As another library says it; binary apart, for which JSON has no form.
json expected(const Order& order) {
  static constexpr const char* names[] = {"red", "green", "blue"};
  const int colour = static_cast<int>(order.colour);
  json lines = json::array();
  for (const auto& line : order.lines) lines.push_back({{"item", line.item}, {"quantity", line.quantity}});
  const auto* const card = std::get_if<Card>(&order.payment);
  json all{{"user_id", order.user_id.value},
           {"whole", order.whole},
           {"natural", order.natural},
           {"tiny", order.tiny},
           {"real", order.real},
           {"small", order.small},
           {"flag", order.flag},
           {"colour", colour >= 0 && colour < 3 ? json(names[colour]) : json(colour)},
           {"note", order.note ? json(*order.note) : json()},
           {"lines", lines},
           {"counts", json(order.counts)},
           {"payment", card ? json{{"Card", {{"number", card->number}}}} : json{{"Cash", json::object()}}}};
  return all;
}

// A float is written with as few digits as it needs, so the double that others read is another one.
void compare(json read, const Order& order) {
  auto wanted = expected(order);
  RC_ASSERT(read["small"].get<float>() == order.small);
  read.erase("small");
  wanted.erase("small");
  read.erase("bytes");
  RC_ASSERT(read == wanted);
}

RC_GTEST_PROP(codec_properties, json_comes_back, ()) {
  const auto order = any_order();
  const auto text = dcb::to_json(order);
  RC_ASSERT(dcb::to_json(dcb::from_json<Order>(text)) == text);
  RC_ASSERT(dcb::from_json<Order>(text).bytes == order.bytes);
}

RC_GTEST_PROP(codec_properties, message_pack_comes_back, ()) {
  const auto order = any_order();
  const auto bytes = dcb::to_msgpack(order);
  RC_ASSERT(dcb::to_msgpack(dcb::from_msgpack<Order>(bytes)) == bytes);
  RC_ASSERT(dcb::to_json(dcb::from_msgpack<Order>(bytes)) == dcb::to_json(order));
}

RC_GTEST_PROP(codec_properties, another_library_reads_our_json, ()) {
  const auto order = any_order();
  compare(json::parse(dcb::to_json(order)), order);
}

RC_GTEST_PROP(codec_properties, another_library_reads_our_message_pack, ()) {
  const auto order = any_order();
  const auto bytes = dcb::to_msgpack(order);
  const auto read =
      json::from_msgpack(reinterpret_cast<const std::uint8_t*>(bytes.data()), reinterpret_cast<const std::uint8_t*>(bytes.data()) + bytes.size());
  const auto& binary = read.at("bytes").get_binary();
  RC_ASSERT(std::equal(binary.begin(), binary.end(), order.bytes.begin(), order.bytes.end(),
                       [](std::uint8_t one, std::byte other) { return one == std::to_integer<std::uint8_t>(other); }));
  compare(read, order);
}

RC_GTEST_PROP(codec_properties, we_read_another_librarys, ()) {
  const auto order = any_order();
  auto theirs = expected(order);
  theirs["unknown"] = {theirs, {1, nullptr, "x"}};
  const int indent = *rc::gen::inRange(-1, 3);
  const bool ascii = *rc::gen::arbitrary<bool>();
  auto same = order;
  same.bytes.clear();
  RC_ASSERT(dcb::to_json(dcb::from_json<Order>(theirs.dump(indent, ' ', ascii))) == dcb::to_json(same));
  const auto packed = json::to_msgpack(theirs);
  RC_ASSERT(dcb::to_json(dcb::from_msgpack<Order>(std::as_bytes(std::span{packed}))) == dcb::to_json(same));
}

// Texts that are nearly JSON: a valid one with a few characters changed, added or left out.
RC_GTEST_PROP(codec_properties, what_is_json_is_judged_alike, ()) {
  auto text = dcb::to_json(any_order());
  for (int changes = *rc::gen::inRange(0, 4); changes > 0 && !text.empty(); --changes) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const char c = *rc::gen::elementOf(std::string{"{}[]\",:\\0123456789.-+eEntfu \n\t/"});
    switch (*rc::gen::inRange(0, 3)) {
      case 0: text[at] = c; break;
      case 1: text.insert(at, 1, c); break;
      default: text.erase(at, 1);
    }
  }
  bool ours = true;
  try {
    dcb::json::check(text);
  } catch (const dcb::error& refused) {
    if (refused.sqlstate() == "22P05") RC_DISCARD("NUL, which is JSON and cannot be stored");
    ours = false;
  }
  bool theirs = true;
  try {
    theirs = !json::parse(text).is_discarded();
  } catch (const json::out_of_range&) {
    RC_DISCARD("a number that no double holds, which is JSON for PostgreSQL");
  } catch (const json::parse_error&) {
    theirs = false;
  }
  simdjson::dom::parser parser;
  RC_ASSERT(ours == theirs);
  RC_ASSERT(ours == (parser.parse(text).error() == simdjson::SUCCESS));
  if (!ours) RC_ASSERT_THROWS_AS(dcb::from_json<Order>(text), dcb::decode_error);
}

RC_GTEST_PROP(codec_properties, any_bytes_are_a_value_or_a_decode_error, ()) {
  auto bytes = dcb::to_msgpack(any_order());
  for (int changes = *rc::gen::inRange(1, 6); changes > 0; --changes)
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
  try {
    dcb::from_msgpack<Order>(bytes);
  } catch (const dcb::decode_error&) {}
}

RC_GTEST_PROP(codec_properties, exported_lines_come_back, ()) {
  dcb::recorded_event event{.position = *rc::gen::positive<std::int64_t>(), .type = *any_text(), .data = dcb::to_json(any_order())};
  event.tags = *rc::gen::container<std::vector<std::string>>(any_text());
  if (*rc::gen::arbitrary<bool>()) event.payload = dcb::to_msgpack(any_order());
  if (*rc::gen::arbitrary<bool>()) event.metadata = dcb::to_json(*rc::gen::container<std::map<std::string, std::string>>(any_text(), any_text()));
  if (*rc::gen::arbitrary<bool>()) event.id = dcb::uuid::random();
  const dcb::new_event same{
      .type = event.type, .data = event.data, .tags = event.tags, .metadata = event.metadata, .payload = event.payload, .id = event.id};
  RC_ASSERT(dcb::from_line(dcb::to_line(event)) == same);
}

RC_GTEST_PROP(codec_properties, queries_come_back, ()) {
  std::vector<dcb::query_item> items;
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    auto& item = items.emplace_back();
    item.types = *rc::gen::container<std::vector<std::string>>(any_text());
    item.except_types = *rc::gen::container<std::vector<std::string>>(any_text());
    item.tags = *rc::gen::container<std::vector<std::string>>(any_text());
    if (*rc::gen::arbitrary<bool>()) item.after = *rc::gen::nonNegative<std::int64_t>();
  }
  const dcb::event_query query{items};
  RC_ASSERT(dcb::event_query::from_json(query.to_json()) == query);
}

}  // namespace codec_properties
