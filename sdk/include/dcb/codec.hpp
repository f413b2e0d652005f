// How events are stored. An event says its codec by itself, `using codec = dcb::msgpack_codec;`, or codec_for is specialised for it; without, it is
// stored as JSON. A codec's content type stands in the metadata of the stored event, `"content_type": "application/msgpack"`; an event without
// it is JSON. Reading goes by what is stored, so that one log holds events of one type in several formats, as after a change of the codec.
//
//   json_codec      data holds the JSON                                  what SQL, tag rules and projections in the database can look into
//   msgpack_codec   payload holds the MessagePack, data is empty         smaller, binary, NaN and NUL characters
//   others          what fits the concept below; dcb/protobuf.hpp is one
#pragma once

#include <dcb/event.hpp>
#include <dcb/export.hpp>
#include <dcb/json.hpp>
#include <dcb/msgpack.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// Writes an event into a new event's data and payload, and reads it from there. `decode` is called for events stored with this content
/// type. For events that are no plain structs it also has `ids<E>`, an array of id_key, and `add_tags(const E&, std::vector<std::string>&)`;
/// `decode_json` like `decode` if it can read events that were stored as JSON.
template <class C, class E>
concept codec = requires(const E& event, E& into, new_event& fresh, const recorded_event& stored) {
  { C::content_type } -> std::convertible_to<std::string_view>;
  C::encode(event, fresh);
  C::decode(stored, into);
};

/// What a stored event's data and payload are: the content type of its metadata, `application/json` if it has none.
DCB_EXPORT std::string content_type(const recorded_event& stored);

/// The data of an event as JSON text, for people to look at: MessagePack is turned into JSON, other payloads are shown in base64.
DCB_EXPORT std::string readable_data(const recorded_event& stored);

struct json_codec {
  static constexpr std::string_view content_type = "application/json";
  template <class E>
  static void encode(const E& event, new_event& into) {
    into.data = to_json(event);
  }
  template <class E>
  static void decode(const recorded_event& stored, E& event) {
    json::parse(json::name_of<E>(), stored.data, &event, &json::take_object<E>);
  }
};

struct msgpack_codec {
  static constexpr std::string_view content_type = "application/msgpack";
  template <class E>
  static void encode(const E& event, new_event& into) {
    into.payload = to_msgpack(event);
  }
  template <class E>
  static void decode(const recorded_event& stored, E& event) {
    msgpack::parse(json::name_of<E>(), msgpack::payload_of(stored), &event, &json::take_object<E>);
  }
};

/// Specialise to choose the codec of types that one cannot change, or of many at once:
/// `template <class E> requires dcb::has_alternative<ShopEvent, E> struct dcb::codec_for<E> { using type = dcb::msgpack_codec; };`
template <class E>
struct codec_for {
  using type = json_codec;
};
template <class E>
requires requires { typename E::codec; }
struct codec_for<E> {
  using type = typename E::codec;
};
template <class E>
using codec_of = typename codec_for<E>::type;

// A codec that knows the ids of events which cannot be taken apart.
template <class C, class E>
concept names_ids = requires(const E& event, std::vector<std::string>& tags) {
  C::template ids<E>;
  C::add_tags(event, tags);
};

[[noreturn]] DCB_EXPORT void refuse_content(const recorded_event& stored, std::string_view readable);

// Reads what one of the two codecs above has written, whichever it was.
DCB_EXPORT void decode_values(const recorded_event& stored, std::string_view name, void* event, void (*take)(json::reader&, void*));

template <class E>
void encode_as(const E& event, new_event& into) {
  static_assert(codec<codec_of<E>, E>,
                "dcb: the codec of this event needs content_type, encode(const E&, dcb::new_event&) and decode(const dcb::recorded_event&, E&)");
  codec_of<E>::encode(event, into);
}

template <class E>
void decode_as_stored(const recorded_event& stored, E& event) {
  using own = codec_of<E>;
  if constexpr (std::same_as<own, json_codec> || std::same_as<own, msgpack_codec>)
    decode_values(stored, json::name_of<E>(), &event, &json::take_object<E>);
  else if (content_type(stored) == own::content_type)
    own::decode(stored, event);
  else if constexpr (!names_ids<own, E>)
    decode_values(stored, json::name_of<E>(), &event, &json::take_object<E>);
  else if constexpr (requires { own::decode_json(stored, event); })
    content_type(stored) == json_codec::content_type ? own::decode_json(stored, event) : refuse_content(stored, own::content_type);
  else
    refuse_content(stored, own::content_type);
}

}  // namespace dcb::inline v0
