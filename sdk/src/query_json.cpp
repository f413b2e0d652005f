#include <dcb/error.hpp>
#include <dcb/json.hpp>
#include <dcb/query.hpp>

#include <limits>

namespace dcb::inline v0 {
namespace {

void read_item(json::reader& in, std::string_view name, void* into) {
  auto& item = *static_cast<query_item*>(into);
  if (name == "types")
    json::take(in, item.types);
  else if (name == "except")
    json::take(in, item.except_types);
  else if (name == "tags")
    json::take(in, item.tags);
  else if (name == "after")
    item.after = in.take_integer(0, std::numeric_limits<std::int64_t>::max());
  else
    in.fail("an item has \"types\", \"except\", \"tags\" and \"after\"");
}

void read_query(json::reader& in, std::string_view name, void* into) {
  if (name != "items") in.fail("a query has \"items\"");
  in.take_elements(into, [](json::reader& element, std::size_t, void* items) {
    element.take_entries(&static_cast<std::vector<query_item>*>(items)->emplace_back(), read_item);
  });
}

}  // namespace

event_query event_query::from_json(std::string_view text) {
  std::vector<query_item> items;
  try {
    json::check(text);
    json::parse("query", text, &items, [](json::reader& in, void* into) { in.take_entries(into, read_query); });
  } catch (const error& failure) {
    throw error{
        "invalid event query",
        {.sqlstate = "DCB02", .detail = failure.what(), .hint = R"(For example {"items": [{"types": ["ItemAdded"], "tags": ["cart:ann"]}]}.)"}};
  }
  return event_query{std::move(items)};
}

}  // namespace dcb::inline v0
