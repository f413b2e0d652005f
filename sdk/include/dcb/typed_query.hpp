// Queries in terms of event types and their members:
//   dcb::query<ItemAdded, ItemRemoved>(dcb::where<&ItemAdded::user_id>("u1")) | dcb::query<CouponEmitted>().after(position)
//   dcb::never<UserRegistered>(dcb::where<&UserRegistered::email>("ann@example.com"))
#pragma once

#include <dcb/event_schema.hpp>
#include <dcb/id.hpp>
#include <dcb/query.hpp>
#include <dcb/reflect.hpp>

#include <concepts>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dcb::inline v0 {

template <class Pointer>
struct pointer_traits {};
template <class M, class C>
requires(!std::is_function_v<M>) struct pointer_traits<M C::*> {
  using member = std::remove_cv_t<M>;
};

template <auto Member>
consteval std::string_view key_of() {
  using M = typename pointer_traits<decltype(Member)>::member;
  const std::string_view own = identifier_traits<typename id_member<M>::id_type>::key;
  return own.empty() ? reflect::pointed_name<Member>() : own;
}

/// The tag that events with this id have; see `where`.
template <auto Member>
struct where_tag {
  static constexpr std::string_view key = key_of<Member>();
  std::string text;
  operator const std::string&() const& noexcept { return text; }
  operator std::string() && noexcept { return std::move(text); }
};

/// For queries: the event's id member has this value, or, if it is a vector, set or optional of ids, has it among its values.
template <auto Member, class Value>
auto where(const Value& value) {
  using traits = pointer_traits<decltype(Member)>;
  static_assert(requires { typename traits::member; }, "dcb: where takes a pointer to a data member: where<&ItemAdded::user_id>(value)");
  if constexpr (requires { typename traits::member; }) {
    constexpr bool identifies = has_ids<typename traits::member>;
    static_assert(identifies, "dcb: where<&Event::member>: the member is no dcb::id, so events have no tag of it");
    if constexpr (identifies) {
      using Id = typename id_member<typename traits::member>::id_type;
      constexpr bool fits = std::convertible_to<const Value&, Id>;
      static_assert(fits, "dcb: where<&Event::member>(value): the value is of another type than the id's");
      if constexpr (fits) return where_tag<Member>{identifier_traits<Id>::to_tag(where_tag<Member>::key, Id(value))};
    }
  }
}

template <class Tag>
struct is_where : std::false_type {};
template <auto Member>
struct is_where<where_tag<Member>> : std::true_type {};

template <class E, class Tag>
consteval bool may_have() {
  if constexpr (is_where<Tag>::value) {
    for (const id_key& id : id_keys<E>) {
      if (id.key == Tag::key) return true;
    }
    return false;
  } else {
    return true;
  }
}

// The names of these event types, old ones included.
template <class... E>
std::vector<std::string> names_of() {
  std::vector<std::string> names;
  names.reserve((0 + ... + event_names<E>.size()));
  (names.insert(names.end(), event_names<E>.begin(), event_names<E>.end()), ...);
  return names;
}

/// A query for events of these types (none: of any type) that have all of these tags: `where<&ItemAdded::user_id>("u1")`, or by their text,
/// `dcb::tag("user_id", "u1")`. A type is asked for by its old names too.
template <class... E, std::convertible_to<std::string>... Tag>
event_query query(Tag&&... tags) {
  [[maybe_unused]] auto check = []<class Of>(std::type_identity<Of>) {
    static_assert((may_have<Of, std::remove_cvref_t<Tag>>() && ...),
                  "dcb: where<&Event::member>(value): a queried event type has no id of this key, so none of its events would ever match");
  };
  (check(std::type_identity<E>{}), ...);
  return query_item{.types = names_of<E...>(), .tags = {std::string(std::forward<Tag>(tags))...}};
}

/// The same over the whole log, whatever was read: as the condition of an append it fails if there is such an event at all. For what has to be unique.
template <class... E, std::convertible_to<std::string>... Tag>
event_query never(Tag&&... tags) {
  return query<E...>(std::forward<Tag>(tags)...).after(0);
}

/// The union of the queries that the function makes of the elements: `any_of(emails, [](auto& e) { return never<UserRegistered>(where<…>(e)); })`.
template <std::ranges::input_range Range, class ToQuery>
event_query any_of(Range&& range, ToQuery&& to_query) {
  std::vector<query_item> items;
  for (auto&& element : range) {
    const event_query query = to_query(element);
    items.insert(items.end(), query.items().begin(), query.items().end());
  }
  return event_query{std::move(items)};
}

/// The query without events of these types.
template <class... E>
event_query without(const event_query& query) {
  return query.except(names_of<E...>());
}

}  // namespace dcb::inline v0
