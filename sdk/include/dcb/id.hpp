#pragma once

#include <dcb/event.hpp>

#include <algorithm>
#include <charconv>
#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dcb::inline v0 {

/// A string literal as a template argument.
template <std::size_t N>
struct literal {
  char text[N]{};
  constexpr literal(const char (&source)[N]) { std::copy_n(source, N, text); }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

/// The value part of a tag. Other types take part by an overload `std::string to_tag(const X&)` found by argument-dependent lookup.
inline std::string to_tag(const std::string& value) { return value; }
inline std::string to_tag(const uuid& value) { return value.to_string(); }
template <std::integral Number>
requires(!std::same_as<Number, bool>) std::string to_tag(Number value) {
  char buffer[24];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

template <class T>
concept taggable = std::convertible_to<const T&, std::string_view> || requires(const T& value) {
  { to_tag(value) } -> std::convertible_to<std::string>;
};

/// The tag `key:value`, as the ids of events make it.
template <class T>
std::string tag(std::string_view key, const T& value) {
  static_assert(taggable<T>, "dcb: a value of this type cannot become a tag: give its namespace an overload `std::string to_tag(const X&)`");
  std::string text{key};
  text += ':';
  if constexpr (std::convertible_to<const T&, std::string_view>)
    text += std::string_view{value};
  else if constexpr (taggable<T>)
    text += to_tag(value);
  return text;
}

/// Specialise to make a type that one cannot change a domain identifier wherever it is a member of an event or a state. Without a key the member's
/// name is the key.
/// `template <> struct dcb::tags<lib::Iban> { static constexpr std::string_view key = "iban"; static std::string to(const lib::Iban&); };`
template <class X>
struct tags;

struct id_base {};

/// A domain identifier as a member of an event or a state: it becomes the tag `key:value`. Without a key the member's name is the key.
/// Converts to and from its value. A strong type of its own: `struct OrderId : dcb::id<std::int64_t, "order"> { using id::id; };`
/// Thread safety: a value.
template <class T = std::string, literal Key = "">
struct id : id_base {
  using value_type = T;
  static constexpr std::string_view key = Key.view();

  T value{};

  id() = default;
  template <class From>
  requires(std::convertible_to<From, T> && !std::same_as<std::remove_cvref_t<From>, id>) id(From&& from) : value(std::forward<From>(from)) {}

  operator const T&() const noexcept { return value; }
  const T& operator*() const noexcept { return value; }
  const T* operator->() const noexcept { return &value; }

  friend bool operator==(const id& left, const id& right) { return left.value == right.value; }
  friend auto operator<=>(const id& left, const id& right) requires std::three_way_comparable<T> { return left.value <=> right.value; }
};

template <class Stream, class T, literal Key>
auto operator<<(Stream& stream, const id<T, Key>& i) -> decltype(stream << i.value) {
  return stream << i.value;
}

template <class T>
concept is_id = std::derived_from<T, id_base>;

// What an identifier is called and what it identifies with.
template <class M>
struct identifier_traits {};
template <is_id M>
struct identifier_traits<M> {
  using value_type = typename M::value_type;
  static constexpr std::string_view key = M::key;
  static std::string to_tag(std::string_view by, const M& identifier) { return tag(by, identifier.value); }
};
template <class M>
requires requires(const M& member) {
  { tags<M>::to(member) } -> std::convertible_to<std::string>;
}
struct identifier_traits<M> {
  using value_type = M;
  static constexpr std::string_view key = [] {
    if constexpr (requires { tags<M>::key; })
      return std::string_view{tags<M>::key};
    else
      return std::string_view{};
  }();
  static std::string to_tag(std::string_view by, const M& identifier) { return tag(by, std::string{tags<M>::to(identifier)}); }
};

template <class M>
concept identifier = requires {
  typename identifier_traits<M>::value_type;
};

// What a member contributes as tags: itself, or one tag for each element of an optional, a vector or a set of identifiers.
template <class M>
struct id_member {};
template <identifier M>
struct id_member<M> {
  using id_type = M;
};
template <identifier M>
struct id_member<std::optional<M>> {
  using id_type = M;
};
template <identifier M>
struct id_member<std::vector<M>> {
  using id_type = M;
};
template <identifier M>
struct id_member<std::set<M>> {
  using id_type = M;
};
template <class M>
concept has_ids = requires {
  typename id_member<M>::id_type;
};

}  // namespace dcb::inline v0

template <dcb::is_id Id>
struct std::hash<Id> {
  std::size_t operator()(const Id& i) const noexcept(noexcept(std::hash<typename Id::value_type>{}(i.value))) {
    return std::hash<typename Id::value_type>{}(i.value);
  }
};
