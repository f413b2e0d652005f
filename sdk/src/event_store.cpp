#include <dcb/event_store.hpp>

#include <algorithm>

namespace dcb::inline v0 {

event_query known_types_only(const event_query& query, std::span<const event_type* const> types) {
  std::vector<query_item> items = query.items();
  for (query_item& item : items) {
    if (!item.types.empty()) continue;
    for (const event_type* type : types) {
      if (std::find(item.except_types.begin(), item.except_types.end(), type->name) == item.except_types.end()) item.types.emplace_back(type->name);
    }
    if (item.types.empty()) continue;  // nothing is left of it; the item stays as it is and its events are refused one by one
    item.except_types.clear();
  }
  return event_query{std::move(items)};
}

void set_metadata(std::span<new_event> events, const std::optional<std::string>& metadata) {
  for (new_event& event : events) event.metadata = metadata;
}

}  // namespace dcb::inline v0
