#pragma once

#include <dcb/export.hpp>

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// Matches an event whose type is one of `types` (none: any), is none of `except_types`, and that has all of `tags`.
/// Thread safety: a value.
struct query_item {
  std::vector<std::string> types{};
  std::vector<std::string> except_types{};
  std::vector<std::string> tags{};
  std::optional<std::int64_t> after{};  ///< only events after this position; wins over the `after` of the call

  friend bool operator==(const query_item&, const query_item&) = default;
  friend std::strong_ordering operator<=>(const query_item&, const query_item&) = default;
};

/// A set of items joined by OR, always kept as the server keeps it: items and their lists sorted, nothing twice.
/// Without items it matches nothing; it is then good for building a union, but no store accepts it.
/// Thread safety: a value.
class DCB_EXPORT event_query {
 public:
  event_query() = default;
  event_query(query_item item);
  event_query(std::initializer_list<query_item> items);
  explicit event_query(std::vector<query_item> items);

  /// Matches every event.
  static event_query all();

  const std::vector<query_item>& items() const noexcept { return items_; }
  bool empty() const noexcept { return items_.empty(); }

  /// The union: matches what one of the two matches.
  event_query& operator|=(const event_query& other);
  friend event_query operator|(event_query left, const event_query& right) { return left |= right; }

  /// The same query with every item bound to events after this position, which wins over the `after` of the call; 0: to the whole log.
  event_query after(std::int64_t position) const;

  /// The same query without events of these types.
  event_query except(std::span<const std::string> types) const;

  /// Whether an event of this type and these tags matches, wherever it stands (`after` of items is ignored). `tags` in any order.
  bool matches(std::string_view type, std::span<const std::string> tags) const;
  /// The same for the event at `position`, where an item matches only after its own `after`, or else after the given one.
  bool matches(std::string_view type, std::span<const std::string> tags, std::int64_t position, std::int64_t after) const;

  /// Throws what a store answers to a query it refuses: `error` DCB02 (no items, empty strings, negative `after`), DCB06 (limits),
  /// 22021 (a NUL character).
  void validate() const;

  /// The server's text form: `{"items":[{"types":[…],"except":[…],"tags":[…],"after":n}]}`, empty lists left out.
  std::string to_json() const;
  /// Reads that form. Throws `error` DCB02 for anything else, a member of another name included.
  static event_query from_json(std::string_view text);

  friend bool operator==(const event_query&, const event_query&) = default;

 private:
  void normalise();

  std::vector<query_item> items_;
};

}  // namespace dcb::inline v0
