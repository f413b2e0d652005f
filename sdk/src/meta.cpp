#include <dcb/error.hpp>
#include <dcb/json.hpp>
#include <dcb/meta.hpp>

#include <simdjson.h>

#include "uuid_name.hpp"

namespace dcb::inline v0 {

std::string meta::name() const { return id ? id->to_string() : std::to_string(position); }

uuid meta::dedup_key(std::string_view part) const {
  auto name = subscription + ':' + std::to_string(position);
  if (!part.empty()) (name += ':') += part;
  return uuid_of_name(name);
}

meta meta_of(const recorded_event& stored) {
  meta about{.position = stored.position,
             .type = stored.type,
             .tags = stored.tags,
             .id = stored.id,
             .recorded_at = stored.recorded_at,
             .metadata = stored.metadata};
  if (stored.metadata) {
    about.correlation_id = metadata_member(*stored.metadata, "correlation_id");
    about.causation_id = metadata_member(*stored.metadata, "causation_id");
  }
  return about;
}

// By a parser that skips the members it is not asked for: a number among them may be larger than any type of ours.
std::optional<std::string> metadata_member(std::string_view metadata, std::string_view name) {
  if (metadata.find(name) == metadata.npos) return {};
  static thread_local simdjson::ondemand::parser parser;
  const simdjson::padded_string padded{metadata};
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  if (parser.iterate(padded).get(document) || document.get_object().get(object)) return {};
  std::optional<std::string> found;  // the last one counts, as on the server
  for (auto each : object) {
    simdjson::ondemand::field field;
    std::string_view key, text;
    simdjson::ondemand::json_type type{};
    if (std::move(each).get(field) || field.unescaped_key().get(key)) return {};
    if (key != name) continue;
    if (field.value().type().get(type)) return {};
    if (type == simdjson::ondemand::json_type::string) {
      if (field.value().get_string().get(text)) return {};
      found = text;
    } else if (type == simdjson::ondemand::json_type::number || type == simdjson::ondemand::json_type::boolean) {
      text = field.value().raw_json_token();
      found = text.substr(0, text.find_first_of(" \t\r\n"));
    } else {
      found.reset();
    }
  }
  return found;
}

// The text between the braces.
static std::string_view inside_of(std::string_view object) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = object.find_first_not_of(blank), last = object.find_last_not_of(blank);
  if (first == object.npos || first == last || object[first] != '{' || object[last] != '}')
    throw error{"metadata has to be a JSON object here",
                {.sqlstate = "22023", .detail = "It is: " + std::string{object}, .hint = "Correlation, causation and version are members of it."}};
  object = object.substr(first + 1, last - first - 1);
  return object.find_first_not_of(blank) == object.npos ? std::string_view{} : object;
}

void join_metadata(std::optional<std::string>& metadata, std::string_view object) {
  const auto more = inside_of(object);
  if (!metadata) metadata = "{}";
  const auto own = inside_of(*metadata);
  std::string joined{'{'};
  joined += own;
  if (!own.empty() && !more.empty()) joined += ',';
  metadata = (joined += more) += '}';
}

void add_metadata(std::optional<std::string>& metadata, std::string_view name, std::string_view text) {
  json::text_writer member{name};
  member.open('{');
  member.put_key(name);
  member.put_string(text);
  member.close('}');
  join_metadata(metadata, member.take());
}

}  // namespace dcb::inline v0
