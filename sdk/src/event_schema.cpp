#include <dcb/error.hpp>
#include <dcb/event_schema.hpp>

namespace dcb::inline v0 {

new_event encode(const event_type& type, const void* event) {
  new_event encoded{.type = std::string{type.name}};
  type.add_tags(event, encoded.tags);
  json::text_writer out{type.name};
  type.write(out, event);
  encoded.data = out.take();
  return encoded;
}

static std::string at(const recorded_event& stored) { return "event " + std::to_string(stored.position) + " of type \"" + stored.type + '"'; }

void decode(const event_type& type, const recorded_event& stored, void* event) {
  try {
    json::parse(type.name, stored.data, event, type.read);
  } catch (const decode_error& failure) {
    throw decode_error{failure.what(), {.detail = "This is " + at(stored) + '.', .hint = std::string{failure.hint()}}};
  }
}

void refuse_unknown(const recorded_event& stored) {
  throw decode_error{at(stored) + " is none of the events of this variant", {.hint = "Read with a query for the types that the variant has."}};
}

}  // namespace dcb::inline v0
