#include <dcb/event_store.hpp>

#include <algorithm>
#include <utility>

namespace dcb::inline v0 {

event_query known_types_only(const event_query& query, std::span<const event_type* const> types) {
  std::vector<query_item> items = query.items();
  for (query_item& item : items) {
    if (!item.types.empty()) continue;
    for (const event_type* type : types) {
      for (const auto name : type->names) {
        if (std::find(item.except_types.begin(), item.except_types.end(), name) == item.except_types.end()) item.types.emplace_back(name);
      }
    }
    if (item.types.empty()) continue;  // nothing is left of it; the item stays as it is and its events are refused one by one
    item.except_types.clear();
  }
  return event_query{std::move(items)};
}

append_options because_of(const meta& cause) {
  return {.correlation_id = cause.correlation_id ? cause.correlation_id : cause.name(), .causation_id = cause.name()};
}

void set_metadata(std::span<new_event> events, const append_options& options) {
  auto shared = options.metadata;
  if (options.causation_id) add_metadata(shared, "causation_id", *options.causation_id);
  if (options.correlation_id) add_metadata(shared, "correlation_id", *options.correlation_id);
  for (new_event& event : events) {
    const auto encoded = std::exchange(event.metadata, shared);
    if (encoded) join_metadata(event.metadata, *encoded);
  }
}

}  // namespace dcb::inline v0
