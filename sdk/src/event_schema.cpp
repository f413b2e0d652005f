#include <dcb/error.hpp>
#include <dcb/event_schema.hpp>
#include <dcb/meta.hpp>

#include <charconv>

namespace dcb::inline v0 {

new_event encode(const event_type& type, const void* event) {
  new_event encoded{.type = std::string{type.name}};
  type.add_tags(event, encoded.tags);
  type.encode(event, encoded);
  if (type.content_type != json_codec::content_type) add_metadata(encoded.metadata, "content_type", type.content_type);
  if (!type.old_shapes.empty()) join_metadata(encoded.metadata, "{\"event_version\":" + std::to_string(type.old_shapes.size() + 1) + '}');
  return encoded;
}

static std::string at(const recorded_event& stored) { return "event " + std::to_string(stored.position) + " of type \"" + stored.type + '"'; }

static std::size_t version_of(const recorded_event& stored) {
  const auto text = stored.metadata ? metadata_member(*stored.metadata, "event_version") : std::nullopt;
  if (!text) return 1;
  std::size_t version = 0;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), version);
  if (failure != std::errc{} || end != text->data() + text->size() || version == 0)
    throw decode_error{at(stored) + " has no version: its metadata says \"event_version\": " + *text, {.hint = "Versions are 1, 2, 3 …"}};
  return version;
}

void read_data(const event_type& shape, const recorded_event& stored, void* event) {
  try {
    shape.decode(stored, event);
  } catch (const decode_error& failure) {
    throw decode_error{failure.what(), {.detail = "This is " + at(stored) + '.', .hint = std::string{failure.hint()}}};
  }
}

void decode(const event_type& type, const recorded_event& stored, void* event) {
  const auto version = version_of(stored);
  const auto present = type.old_shapes.size() + 1;
  if (version > present)
    throw decode_error{at(stored) + " has version " + std::to_string(version) + ", of which this program knows nothing",
                       {.detail = "The newest that it knows is " + std::to_string(present) + '.', .hint = "Update the program that reads."}};
  if (version < present)
    type.old_shapes[version - 1].read(stored, event);
  else
    read_data(type, stored, event);
}

void refuse_unknown(const recorded_event& stored) {
  throw decode_error{at(stored) + " is none of the events of this variant", {.hint = "Read with a query for the types that the variant has."}};
}

}  // namespace dcb::inline v0
