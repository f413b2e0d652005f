// Reflection of aggregates: how many members a plain struct has, their names and the members themselves, without macros. What the compiler
// cannot find out by itself, a specialisation of dcb::members says.
//
// Members are counted by trying how many initialisers the struct takes, reached by a structured binding of that many names, and named by
// what the compiler prints for the address of the member of an object that is declared but never defined.
#pragma once
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-inline"
#pragma clang diagnostic ignored "-Wundefined-internal"
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#pragma clang diagnostic ignored "-Wmissing-braces"
#elif defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif

namespace dcb {
inline namespace v0 {

/// Specialise to describe a type that one cannot change, or that is no plain struct, by its accessible data members:
/// `template <> struct dcb::members<lib::Ship> : dcb::members_of<&lib::Ship::name, &lib::Ship::port> {};`
/// It may also hold what an event says about itself: `event_name`, `event_aliases`, `event_versions` with `upcast`, `defaulted`.
template <class T>
struct members {};

namespace reflect {

inline constexpr std::size_t max_members = 32;

template <class T>
concept described = requires {
  members<T>::names;
};

// What can be taken apart.
template <class T>
concept aggregate = std::is_class_v<T> &&(std::is_aggregate_v<T> || described<T>);

struct anything {
  template <class T>
  operator T() const noexcept {  // never called, but clang wants it defined for types without linkage
    __builtin_unreachable();
  }
};

// Converts to the bases of T only: a struct that takes it as its first initialiser has a base.
template <class T>
struct any_base_of {
  template <class Base>
  requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>) operator Base() const noexcept;
};

template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{((void)I, anything{})...}; };
}

template <class T, class... Empty>
constexpr bool takes_braces(Empty...) {
  return requires { T{Empty{}...}; };
}

template <class T>
concept with_base = requires {
  T{any_base_of<T>{}};
};

template <class T, std::size_t N = 0>
consteval std::size_t count_members() {
  if constexpr (N > max_members)
    return N;
  else if constexpr (takes<T>(std::make_index_sequence<N>{}) && !takes<T>(std::make_index_sequence<N + 1>{}))
    return N;
  else
    return count_members<T, N + 1>();
}

// The number of data members of T.
template <class T>
consteval std::size_t member_count() {
  static_assert(aggregate<T>, "dcb: this type has to be a plain struct: no constructors, no private members, no virtual functions");
  constexpr std::size_t count = [] {
    if constexpr (described<T>) {
      return members<T>::names.size();
    } else {
      static_assert(!with_base<T>, "dcb: a struct with a base class cannot be taken apart: repeat the members, or hold the base as a member");
      return count_members<T>();
    }
  }();
  static_assert(count <= max_members,
                "dcb: more than 32 members (an array member counts as its elements): group some of them in a struct, or use std::array");
  return count;
}

// Calls f with a reference to every member of the object.
template <class T, class F>
constexpr decltype(auto) with_members(T& object, F&& f) {
  constexpr std::size_t count = member_count<std::remove_cv_t<T>>();
  if constexpr (described<std::remove_cv_t<T>>) return members<std::remove_cv_t<T>>::visit(object, std::forward<F>(f));
  else if constexpr (count == 0) return f();
  // clang-format off
  else if constexpr (count == 1) { auto& [m1] = object; return f(m1); }
  else if constexpr (count == 2) { auto& [m1, m2] = object; return f(m1, m2); }
  else if constexpr (count == 3) { auto& [m1, m2, m3] = object; return f(m1, m2, m3); }
  else if constexpr (count == 4) { auto& [m1, m2, m3, m4] = object; return f(m1, m2, m3, m4); }
  else if constexpr (count == 5) { auto& [m1, m2, m3, m4, m5] = object; return f(m1, m2, m3, m4, m5); }
  else if constexpr (count == 6) { auto& [m1, m2, m3, m4, m5, m6] = object; return f(m1, m2, m3, m4, m5, m6); }
  else if constexpr (count == 7) { auto& [m1, m2, m3, m4, m5, m6, m7] = object; return f(m1, m2, m3, m4, m5, m6, m7); }
  else if constexpr (count == 8) { auto& [m1, m2, m3, m4, m5, m6, m7, m8] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8); }
  else if constexpr (count == 9) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9); }
  else if constexpr (count == 10) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10); }
  else if constexpr (count == 11) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11); }
  else if constexpr (count == 12) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12); }
  else if constexpr (count == 13) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13); }
  else if constexpr (count == 14) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14); }
  else if constexpr (count == 15) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15); }
  else if constexpr (count == 16) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16); }
  else if constexpr (count == 17) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17); }
  else if constexpr (count == 18) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18); }
  else if constexpr (count == 19) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19); }
  else if constexpr (count == 20) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20); }
  else if constexpr (count == 21) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21); }
  else if constexpr (count == 22) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22); }
  else if constexpr (count == 23) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23); }
  else if constexpr (count == 24) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24); }
  else if constexpr (count == 25) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25); }
  else if constexpr (count == 26) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26); }
  else if constexpr (count == 27) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27); }
  else if constexpr (count == 28) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28); }
  else if constexpr (count == 29) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29); }
  else if constexpr (count == 30) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30); }
  else if constexpr (count == 31) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31); }
  else if constexpr (count == 32) { auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32] = object; return f(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32); }
  // clang-format on
}

template <class T>
constexpr auto tie(T& object) {
  return with_members(object, [](auto&... member) { return std::tie(member...); });
}

template <class T, std::size_t I>
using member_type = std::remove_cvref_t<std::tuple_element_t<I, decltype(tie(std::declval<T&>()))>>;

template <class T>
struct holder {
  T value;
};

template <class T>
extern const holder<T> nowhere;

template <class T>
struct address {
  const T* at;
};
template <class T>
address(const T*) -> address<T>;

// What follows the last scope or member operator in what the compiler prints.
constexpr std::string_view last_name(std::string_view text) { return text.substr(text.find_last_of(".:>&) ") + 1); }

template <auto Address>
consteval std::string_view member_name() {
  std::string_view text = __PRETTY_FUNCTION__;
#if defined(__clang__)
  return last_name(text.substr(0, text.rfind('}')));
#else
  return last_name(text.substr(0, text.rfind(")}")));
#endif
}

// The name of the member behind a pointer to member; it may have been converted from a base's, which is printed in parentheses.
template <auto Pointer>
consteval std::string_view pointed_name() {
  std::string_view text = __PRETTY_FUNCTION__;
#if defined(__clang__)
  text = text.substr(0, text.rfind(']'));
#else
  text = text.substr(0, text.find(';', text.find("Pointer = ")));
#endif
  return last_name(text.substr(0, text.find_last_not_of(')') + 1));
}

// The name of T without its namespaces; a template's name stays as the compiler prints it.
template <class T>
consteval std::string_view type_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  const auto start = text.find("T = ") + 4;
#if defined(__clang__)
  text = text.substr(start, text.rfind(']') - start);
#else
  text = text.substr(start, text.find(';', start) - start);
#endif
  return text.find('<') != text.npos ? text : last_name(text);
}

template <class T>
consteval auto find_member_names() {
  if constexpr (described<T>)
    return members<T>::names;
  else
    return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<std::string_view, sizeof...(I)>{member_name<address{&std::get<I>(tie(nowhere<T>.value))}>()...};
  }
  (std::make_index_sequence<member_count<T>()>{});
}

// The names of T's members in order.
template <class T>
inline constexpr auto member_names = find_member_names<T>();

}  // namespace reflect

/// The base of a specialisation of `members`: pointers to the data members that count, in the order of their declaration.
template <auto... Member>
struct members_of {
  static constexpr std::array<std::string_view, sizeof...(Member)> names{reflect::pointed_name<Member>()...};
  template <class T, class F>
  static constexpr decltype(auto) visit(T& object, F&& f) {
    return f(object.*Member...);
  }
};

}  // namespace v0
}  // namespace dcb

#if defined(__clang__)
#pragma clang diagnostic pop
#elif defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
