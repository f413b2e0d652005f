#include <dcb/codec.hpp>
#include <dcb/error.hpp>
#include <dcb/meta.hpp>

#include "base64.hpp"

namespace dcb::inline v0 {

std::string content_type(const recorded_event& stored) {
  const auto named = stored.metadata ? metadata_member(*stored.metadata, "content_type") : std::nullopt;
  return named ? *named : std::string{json_codec::content_type};
}

std::string readable_data(const recorded_event& stored) {
  const auto type = content_type(stored);
  if (type == json_codec::content_type || !stored.payload) return stored.data;
  if (type == msgpack_codec::content_type) {
    std::string text;
    msgpack::parse(stored.type, *stored.payload, &text, [](json::reader& in, void* into) { *static_cast<std::string*>(into) = in.take_json(); });
    return text;
  }
  std::string text{'"'};
  append_base64(text, *stored.payload);
  return text += '"';
}

void decode_values(const recorded_event& stored, std::string_view name, void* event, void (*take)(json::reader&, void*)) {
  const auto type = content_type(stored);
  if (type == json_codec::content_type) return json::parse(name, stored.data, event, take);
  if (type == msgpack_codec::content_type) return msgpack::parse(name, msgpack::payload_of(stored), event, take);
  refuse_content(stored, "application/json and application/msgpack");
}

void refuse_content(const recorded_event& stored, std::string_view readable) {
  throw decode_error{"the content type \"" + content_type(stored) + "\" cannot be read as an event of type \"" + stored.type + '"',
                     {.hint = "The codec of the event's type reads " + std::string{readable} + "."}};
}

}  // namespace dcb::inline v0
