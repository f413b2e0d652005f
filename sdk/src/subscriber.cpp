#include <dcb/error.hpp>
#include <dcb/subscriber.hpp>

#include <algorithm>

namespace dcb::inline v0 {

subscriber::~subscriber() = default;

void subscriber::handle(transaction&, const recorded_event&, const meta&) {}
void subscriber::react(const recorded_event&, const meta&) {}
void subscriber::decide(reaction_sink&, const recorded_event&, const meta&) {}
void subscriber::swap(transaction&) {}

event_query narrowed_query(const event_query& own, const event_query& handled, std::string_view name) {
  std::vector<std::string> types;
  for (const auto& item : handled.items()) types.insert(types.end(), item.types.begin(), item.types.end());
  std::vector<query_item> items = own.items();
  for (auto& item : items) {
    for (const auto& type : item.types)
      if (std::ranges::find(types, type) == types.end())
        throw error("the query() of \"" + std::string{name} + "\" asks for events of type \"" + type + "\", which it does not handle",
                    {.sqlstate = "22023", .hint = "Add the overload, or leave the type out of the query."});
    if (!item.types.empty()) continue;
    std::ranges::copy_if(types, std::back_inserter(item.types),
                         [&](const auto& type) { return std::ranges::find(item.except_types, type) == item.except_types.end(); });
    item.except_types.clear();
  }
  return event_query{std::move(items)};
}

}  // namespace dcb::inline v0
