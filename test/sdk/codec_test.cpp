#include <dcb/dcb.hpp>
#include <dcb/testing.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace codec_tests {

struct Plain {
  dcb::id<> user_id;
  int n;
};
struct Packed {
  dcb::id<> user_id;
  double n;
  std::vector<std::byte> seal;
  using codec = dcb::msgpack_codec;
};

// A codec of one's own, over another one.
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

struct ShapeV1 {
  dcb::id<> user_id;
  std::string count;
  using codec = dcb::msgpack_codec;
};
struct Shape {
  dcb::id<> user_id;
  int count;
  using event_versions = dcb::versions<ShapeV1>;
  static Shape upcast(const ShapeV1& old) { return {old.user_id, std::stoi(old.count)}; }
};

struct Early {
  dcb::id<> user_id;
};
struct Late {
  dcb::id<> user_id;
};
using Family = std::variant<Early, Late>;

using Event = std::variant<Plain, Packed, Secret, Shape>;

dcb::recorded_event stored(const dcb::new_event& event) {
  return {.position = 1, .type = event.type, .tags = event.tags, .data = event.data, .payload = event.payload, .metadata = event.metadata};
}
template <class E>
E decoded(const dcb::recorded_event& event) {
  return std::get<E>(dcb::event_schema<Event>::decode(event));
}

struct Add {
  std::string user_id;
  double n;
  auto states() const { return std::tuple{}; }
  dcb::decided<std::variant<Packed>, int> decide() const { return Packed{user_id, n, {}}; }
};

}  // namespace codec_tests

template <class E>
requires dcb::has_alternative<codec_tests::Family, E>
struct dcb::codec_for<E> {
  using type = dcb::msgpack_codec;
};

namespace codec_tests {

TEST(codec, json_is_data_without_content_type) {
  const auto event = dcb::event_schema<Event>::encode(Plain{"ann", 1});
  EXPECT_EQ(event.data, R"({"user_id":"ann","n":1})");
  EXPECT_EQ(event.payload, std::nullopt);
  EXPECT_EQ(event.metadata, std::nullopt);
  EXPECT_EQ(dcb::content_type(stored(event)), "application/json");
}

TEST(codec, message_pack_is_payload_with_content_type) {
  const auto event = dcb::event_schema<Event>::encode(Packed{"ann", NAN, {std::byte{1}}});
  EXPECT_EQ(event.data, "{}");
  EXPECT_EQ(event.tags, std::vector<std::string>{"user_id:ann"}) << "tags do not depend on the codec";
  EXPECT_EQ(event.metadata, R"({"content_type":"application/msgpack"})");
  EXPECT_EQ(decoded<Packed>(stored(event)).seal, std::vector{std::byte{1}});
  EXPECT_EQ(dcb::readable_data(stored(event)), R"({"user_id":"ann","n":null,"seal":"AQ=="})");
}

TEST(codec, what_is_stored_decides_how_it_is_read) {
  const dcb::recorded_event json{.position = 1, .type = "Packed", .data = R"({"user_id":"ann","n":2,"seal":""})"};
  EXPECT_EQ(decoded<Packed>(json).n, 2) << "stored before the codec was chosen";
  const dcb::recorded_event packed{.position = 1,
                                   .type = "Plain",
                                   .data = "{}",
                                   .payload = dcb::to_msgpack(Plain{"ann", 3}),
                                   .metadata = R"({"content_type":"application/msgpack"})"};
  EXPECT_EQ(decoded<Plain>(packed).n, 3) << "stored before JSON was chosen again";
  EXPECT_EQ(decoded<Secret>({.position = 1, .type = "Secret", .data = R"({"user_id":"ann","text":"x"})"}).text, "x");
}

TEST(codec, of_ones_own) {
  const auto event = stored(dcb::event_schema<Event>::encode(Secret{"ann", "psst"}));
  EXPECT_EQ(dcb::content_type(event), "application/x-reversed");
  EXPECT_EQ(decoded<Secret>(event).text, "psst");
  EXPECT_EQ(dcb::readable_data(event).front(), '"');
}

TEST(codec, for_many_types_at_once) {
  EXPECT_EQ(dcb::event_schema<Family>::encode(Late{"ann"}).metadata, R"({"content_type":"application/msgpack"})");
}

TEST(codec, old_shapes_have_codecs_of_their_own) {
  auto old = dcb::event_schema<std::variant<ShapeV1>>::encode(ShapeV1{"ann", "7"});
  old.type = "Shape";
  EXPECT_EQ(decoded<Shape>(stored(old)).count, 7);
  EXPECT_EQ(dcb::event_schema<Event>::encode(Shape{"ann", 1}).metadata, R"({"event_version":2})");
}

TEST(codec, unknown_content_types_are_refused) {
  const auto failure = [](const dcb::recorded_event& event) -> std::string {
    try {
      dcb::event_schema<Event>::decode(event);
    } catch (const dcb::decode_error& refused) {
      return refused.what();
    }
    return "decoded";
  };
  EXPECT_EQ(failure({.type = "Plain", .data = "{}", .metadata = R"({"content_type":"text/xml"})"}),
            "the content type \"text/xml\" cannot be read as an event of type \"Plain\"");
  EXPECT_EQ(failure({.type = "Plain", .data = "{}", .metadata = R"({"content_type":"application/msgpack"})"}),
            "Plain: no payload, where MessagePack was expected");
  EXPECT_EQ(failure({.type = "Plain", .data = R"({"user_id":"ann","n":"1"})", .metadata = R"({"content_type":"application/json"})"}),
            "Plain.n: expected an integer of at most 64 bits, found a string");
}

TEST(codec, content_type_stays_beside_the_callers_metadata) {
  const dcb::memory_store<Event> store;
  const std::vector<Event> events{Packed{"ann", 1, {}}, Plain{"bob", 2}};
  store.append(events, {.metadata = R"({"by":"carl"})"});
  std::vector<std::string> metadata;
  std::vector<Event> read;
  for (const auto& recorded : store.read()) {
    metadata.push_back(*recorded.metadata);
    read.push_back(recorded.event);
  }
  EXPECT_EQ(metadata, (std::vector<std::string>{R"({"by":"carl","content_type":"application/msgpack"})", R"({"by":"carl"})"}));
  EXPECT_EQ(std::get<Packed>(read.at(0)).n, 1);
  EXPECT_EQ(std::get<Plain>(read.at(1)).n, 2);
}

TEST(codec, tests_of_decisions_see_the_payload) {
  dcb::given().when(Add{"ann", 1}).then(Packed{"ann", 1, {}});
  EXPECT_THROW(dcb::given().when(Add{"ann", 1}).then(Packed{"ann", 2, {}}), dcb::expectation_failed);
}

}  // namespace codec_tests
