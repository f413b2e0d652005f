#include <dcb/state.hpp>

#include <algorithm>

namespace dcb::inline v0 {

event_query query_for(std::span<const event_type* const> types, std::span<const bool> wanted, std::span<const id_key> keys,
                      std::span<const std::string> tags) {
  std::vector<query_item> items;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (!wanted[i]) continue;
    std::vector<std::string> shared;
    for (std::size_t k = 0; k < keys.size(); ++k) {
      for (const id_key& id : types[i]->ids) {
        if (id.key != keys[k].key) continue;
        shared.push_back(tags[k]);
        break;
      }
    }
    const auto same = std::find_if(items.begin(), items.end(), [&](const query_item& item) { return item.tags == shared; });
    if (same != items.end())
      same->types.insert(same->types.end(), types[i]->names.begin(), types[i]->names.end());
    else
      items.push_back({.types = {types[i]->names.begin(), types[i]->names.end()}, .tags = std::move(shared)});
  }
  return event_query{std::move(items)};
}

}  // namespace dcb::inline v0
