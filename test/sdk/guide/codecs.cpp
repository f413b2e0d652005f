// The C++ of docs/guide/codecs-cpp.md.
#include <dcb/dcb.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

namespace guide {

class Money {
 public:
  Money() = default;
  explicit Money(std::int64_t cents) : cents_(cents) {}
  std::int64_t cents() const { return cents_; }

 private:
  std::int64_t cents_ = 0;
};

struct Reading {
  dcb::id<> sensor_id;
  std::vector<double> values;
  std::vector<std::byte> raw;
  using codec = dcb::msgpack_codec;
};

struct Started {
  dcb::id<> sensor_id;
};
struct Stopped {
  dcb::id<> sensor_id;
};
using SensorEvent = std::variant<Started, Stopped>;

struct reversing_codec {
  static constexpr std::string_view content_type = "application/x-reversed";
  template <class E>
  static void encode(const E& event, dcb::new_event& into) {
    dcb::msgpack_codec::encode(event, into);
    std::reverse(into.payload->begin(), into.payload->end());
  }
  template <class E>
  static void decode(const dcb::recorded_event& stored, E& event) {
    auto straight = stored;
    std::reverse(straight.payload->begin(), straight.payload->end());
    dcb::msgpack_codec::decode(straight, event);
  }
};
struct Secret {
  dcb::id<> user_id;
  std::string text;
  using codec = reversing_codec;
};

}  // namespace guide

template <>
struct dcb::json_as<guide::Money> {
  static std::int64_t to(const guide::Money& money) { return money.cents(); }
  static guide::Money from(std::int64_t cents) { return guide::Money{cents}; }
};

template <class E>
requires dcb::has_alternative<guide::SensorEvent, E>
struct dcb::codec_for<E> {
  using type = dcb::msgpack_codec;
};

namespace guide {

struct Paid {
  dcb::id<> user_id;
  Money amount;
};

TEST(guide_codecs, types_with_a_form_through_another) {
  EXPECT_EQ(dcb::to_json(Paid{"ann", Money{250}}), R"({"user_id":"ann","amount":250})");
  EXPECT_EQ(dcb::from_json<Paid>(R"({"user_id":"ann","amount":250})").amount.cents(), 250);
}

TEST(guide_codecs, events_of_several_codecs_in_one_log) {
  const dcb::memory_store<dcb::events<SensorEvent, Reading, Secret, Paid>> store;
  store.append(Started{"s1"}, Reading{"s1", {1.5, NAN}, {std::byte{0xff}}}, Secret{"ann", "psst"}, Paid{"ann", Money{1}});
  std::vector<std::string> types;
  store.log().read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& stored) { return types.push_back(dcb::content_type(stored)), true; });
  EXPECT_EQ(types, (std::vector<std::string>{"application/msgpack", "application/msgpack", "application/x-reversed", "application/json"}));
  std::string text;
  double value = 0;
  for (const auto& recorded : store.read()) {
    if (const auto* secret = std::get_if<Secret>(&recorded.event)) text = secret->text;
    if (const auto* reading = std::get_if<Reading>(&recorded.event)) value = reading->values.at(0);
  }
  EXPECT_EQ(text, "psst");
  EXPECT_EQ(value, 1.5);
}

TEST(guide_codecs, export_and_import) {
  const std::filesystem::path path = testing::TempDir() + "guide_codecs.jsonl";
  const dcb::memory_store<std::variant<Paid>> store, copy;
  store.append(Paid{"ann", Money{1}}, Paid{"bob", Money{2}}, Paid{"ann", Money{3}});
  const std::int64_t position = 2;
  {
    std::ofstream file{path};
    dcb::export_events(store.log(), file, {.upto = position});
  }
  std::ifstream lines{path};
  dcb::import_events(copy.log(), lines, {.numbering = dcb::positions::kept});
  EXPECT_EQ(copy.head(), 2);
  std::filesystem::remove(path);
}

}  // namespace guide
