#pragma once

#include <dcb/event.hpp>

#include <algorithm>
#include <charconv>
#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
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

/// The tag `key:value`, as the ids of events make it.
template <class T>
std::string tag(std::string_view key, const T& value) {
  std::string text{key};
  text += ':';
  if constexpr (std::convertible_to<const T&, std::string_view>)
    text += std::string_view{value};
  else
    text += to_tag(value);
  return text;
}

struct id_base {};

/// A domain identifier as a member of an event or a state: it becomes the tag `key:value`. Without a key the member's name is the key.
/// Converts to and from its value. Thread safety: a value.
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

// What a member contributes as tags: itself, or one tag per element of an optional or a vector of ids.
template <class M>
struct id_member {};
template <is_id M>
struct id_member<M> {
  using id_type = M;
};
template <is_id M>
struct id_member<std::optional<M>> {
  using id_type = M;
};
template <is_id M>
struct id_member<std::vector<M>> {
  using id_type = M;
};
template <class M>
concept has_ids = requires {
  typename id_member<M>::id_type;
};

}  // namespace dcb::inline v0

template <class T, dcb::literal Key>
struct std::hash<dcb::id<T, Key>> {
  std::size_t operator()(const dcb::id<T, Key>& i) const noexcept(noexcept(std::hash<T>{}(i.value))) { return std::hash<T>{}(i.value); }
};
