// Reflection of enums: the names of values, as the compiler prints them, and back.
#pragma once

#include <dcb/reflect.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace dcb::inline v0::reflect {

// The names of an enum's values 0 to 127 (empty where there is none), from one instantiation.
template <class E, E... Values>
consteval auto find_enum_names() {
  std::string_view text = __PRETTY_FUNCTION__;
#if defined(__clang__)
  text = text.substr(text.find("Values = <") + 10);
  constexpr std::string_view separators = ",>";
#else
  text = text.substr(text.find("Values = {") + 10);
  constexpr std::string_view separators = ",}";
#endif
  std::array<std::string_view, sizeof...(Values)> names{};
  for (auto& name : names) {
    const auto end = text.find_first_of(separators);
    const std::string_view value = text.substr(0, end);
    if (value.find(')') == value.npos || value.rfind(':') > value.rfind(')')) {  // not a cast such as (colour)7
      if (value.rfind(':') != value.npos) name = last_name(value);
    }
    text = text.substr(end + 2 < text.size() ? end + 2 : end);
  }
  return names;
}
template <class E>
concept named_enum = std::is_enum_v<E> && requires {
  E{0};
};
template <named_enum E>
inline constexpr auto enum_names = []<std::size_t... I>(std::index_sequence<I...>) {
  return find_enum_names<E, static_cast<E>(I)...>();
}
(std::make_index_sequence<128>{});

template <class E>
std::string_view enum_name(E value) {
  if constexpr (named_enum<E>) {
    const auto number = static_cast<std::underlying_type_t<E>>(value);
    if (number >= 0 && static_cast<std::size_t>(number) < enum_names<E>.size()) return enum_names<E>[static_cast<std::size_t>(number)];
  }
  return {};
}

template <class E>
bool enum_value(std::string_view name, E& value) {
  if constexpr (named_enum<E>) {
    for (std::size_t i = 0; i < enum_names<E>.size(); ++i) {
      if (enum_names<E>[i] == name && !name.empty()) return value = static_cast<E>(i), true;
    }
  }
  return false;
}

}  // namespace dcb::inline v0::reflect
