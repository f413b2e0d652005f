// The query as a value: its normal form, the matching rule, its limits and its JSON.

#include <dcb/error.hpp>
#include <dcb/query.hpp>

#include <algorithm>
#include <utility>

namespace dcb::inline v0 {
namespace {

constexpr std::size_t max_items = 1024;
constexpr std::size_t max_strings_per_list = 1024;
constexpr std::size_t max_strings = 4096;
constexpr std::size_t max_type_bytes = 256;
constexpr std::size_t max_tag_bytes = 1024;

template <class T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

bool contains(std::span<const std::string> values, std::string_view value) { return std::ranges::find(values, value) != values.end(); }

bool item_matches(const query_item& item, std::string_view type, std::span<const std::string> tags) {
  return (item.types.empty() || contains(item.types, type)) && !contains(item.except_types, type) &&
         std::ranges::all_of(item.tags, [&](const std::string& tag) { return contains(tags, tag); });
}

[[noreturn]] void invalid(const std::string& detail, const char* hint) {
  throw error("invalid event query", {.sqlstate = "DCB02", .detail = detail, .hint = hint});
}

void limit(std::size_t size, std::size_t max, const char* message, const char* hint) {
  if (size <= max) return;
  throw error(message,
              {.sqlstate = "DCB06", .detail = "It is " + std::to_string(size) + "; the limit is " + std::to_string(max) + ".", .hint = hint});
}

void validate_strings(const std::vector<std::string>& values, std::size_t max_bytes) {
  limit(values.size(), max_strings_per_list, "too many types or tags in a query item", "Split the item into several.");
  for (const auto& value : values) {
    if (value.empty()) invalid("A type or tag is an empty string.", "Leave it out to mean \"any\".");
    limit(value.size(), max_bytes, "a type or tag of a query has too many bytes", "No stored event has a longer one.");
    if (value.find('\0') != std::string::npos)
      throw error("a type or tag of the query holds a NUL character",
                  {.sqlstate = "22021", .detail = "PostgreSQL's text cannot hold it.", .hint = "No stored event has it."});
  }
}

void write_json_string(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += digits[c >> 4];
          out += digits[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void write_json_list(std::string& out, const char* key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  if (out.back() != '{') out += ',';
  out += '"';
  out += key;
  out += "\":[";
  for (const auto& value : values) {
    if (out.back() != '[') out += ',';
    write_json_string(out, value);
  }
  out += ']';
}

}  // namespace

event_query::event_query(query_item item) : items_{std::move(item)} { normalise(); }
event_query::event_query(std::initializer_list<query_item> items) : items_(items) { normalise(); }
event_query::event_query(std::vector<query_item> items) : items_(std::move(items)) { normalise(); }

event_query event_query::all() { return event_query{query_item{}}; }

event_query& event_query::operator|=(const event_query& other) {
  std::vector<query_item> both;
  both.reserve(items_.size() + other.items_.size());
  std::ranges::set_union(items_, other.items_, std::back_inserter(both));
  items_ = std::move(both);
  return *this;
}

event_query event_query::after(std::int64_t position) const {
  auto items = items_;
  for (auto& item : items) item.after = position;
  return event_query{std::move(items)};
}

// An item that names its types loses these, and goes when none is left; an item for any type excludes them.
event_query event_query::except(std::span<const std::string> types) const {
  std::vector<query_item> items;
  for (auto item : items_) {
    if (item.types.empty()) {
      item.except_types.insert(item.except_types.end(), types.begin(), types.end());
    } else {
      std::erase_if(item.types, [&](const std::string& type) { return contains(types, type); });
      if (item.types.empty()) continue;
    }
    items.push_back(std::move(item));
  }
  return event_query{std::move(items)};
}

bool event_query::matches(std::string_view type, std::span<const std::string> tags) const {
  return std::ranges::any_of(items_, [&](const query_item& item) { return item_matches(item, type, tags); });
}

bool event_query::matches(std::string_view type, std::span<const std::string> tags, std::int64_t position, std::int64_t after) const {
  return std::ranges::any_of(items_, [&](const query_item& item) { return position > item.after.value_or(after) && item_matches(item, type, tags); });
}

void event_query::validate() const {
  if (items_.empty()) invalid("The query has no items.", "event_query::all() matches every event.");
  limit(items_.size(), max_items, "too many items in a query", "Put types of the same tags into one item.");
  std::size_t strings = 0;
  for (const auto& item : items_) {
    validate_strings(item.types, max_type_bytes);
    validate_strings(item.except_types, max_type_bytes);
    validate_strings(item.tags, max_tag_bytes);
    strings += item.types.size() + item.except_types.size() + item.tags.size();
    if (item.after && *item.after < 0) invalid("The \"after\" of an item is negative.", "0 stands for the whole log.");
  }
  limit(strings, max_strings, "too many types and tags in a query", "Split the query into several.");
}

std::string event_query::to_json() const {
  std::string out = R"({"items":[)";
  for (const auto& item : items_) {
    if (out.back() != '[') out += ',';
    out += '{';
    write_json_list(out, "types", item.types);
    write_json_list(out, "except", item.except_types);
    write_json_list(out, "tags", item.tags);
    if (item.after) {
      if (out.back() != '{') out += ',';
      out += "\"after\":" + std::to_string(*item.after);
    }
    out += '}';
  }
  return out += "]}";
}

void event_query::normalise() {
  for (auto& item : items_) {
    sort_unique(item.types);
    sort_unique(item.except_types);
    sort_unique(item.tags);
  }
  sort_unique(items_);
}

}  // namespace dcb::inline v0
