// The JSON codec: any aggregate of the types below to JSON text and back, by reflection.
//
//   bool, integers (exact to 64 bits), float and double (shortest text that reads back the same; never NaN or infinite)
//   std::string, dcb::uuid                        strings
//   vector of std::byte                           a string in base64
//   dcb::id<T>                                    as its T
//   enum                                          by name if its type is fixed (enum class) and its value 0 to 127, otherwise by number
//   std::optional                                 null or the value
//   vector, list, deque, set, array …             arrays
//   map, unordered_map                            objects; keys are text, integers, uuids, ids or enums
//   std::variant of structs                       {"Name": {…}}
//   aggregates                                    objects
//   anything else                                 specialise dcb::json_as
//
// Reading is tolerant: members that the struct does not have are skipped. A member that the text does not have keeps the struct's initialiser if it is
// an optional or a container, if its initialiser is something else than its type's empty value, or if the struct names it in
// `static constexpr std::string_view defaulted[] = {"member", …};` (needed for `= 0`, which the language does not tell from no initialiser).
// Otherwise, and for a value of the wrong type, decode_error is thrown with the path: `ItemAdded.quantity: missing`. So it is for a number that
// its type cannot hold, and for values nested more than max_depth deep.
//
// Only what depends on the type is a template here: a table of a struct's members. Walking it and parsing is compiled once, in json.cpp. The
// templates know a reader and a writer of values and no notation: MessagePack (msgpack.hpp) is another pair of them.
#pragma once

#include <dcb/enum_names.hpp>
#include <dcb/event.hpp>
#include <dcb/export.hpp>
#include <dcb/id.hpp>
#include <dcb/notation.hpp>
#include <dcb/reflect.hpp>

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace dcb::inline v0 {

/// Specialise to give a type a JSON form through a type that has one:
/// `template <> struct dcb::json_as<money> { static std::int64_t to(const money&); static money from(std::int64_t); };`
template <class T>
struct json_as;

namespace json {

// Writes JSON text.
class DCB_EXPORT text_writer final : public writer {
 public:
  explicit text_writer(std::string_view name) : writer(name) {}
  void put_null() override;
  void put_bool(bool value) override;
  void put_integer(std::int64_t value) override;
  void put_unsigned(std::uint64_t value) override;
  void put_double(double value) override;
  void put_float(float value) override;
  void put_string(std::string_view value) override;
  void put_bytes(std::span<const std::byte> value) override;
  void separate() override;
  void put_key(std::string_view key) override;

 private:
  void opened(char bracket) override;
  void closed(char bracket) override;
  bool first_ = true;
};

// Reads the whole text as one value; name is the first part of the path in errors. What the value does not want is only looked at as far as it takes
// to step over it: good for text that a server or a writer has made.
DCB_EXPORT void parse(std::string_view name, std::string_view text, void* object, void (*read)(reader&, void*));

// Throws decode_error unless the text is one JSON value.
DCB_EXPORT void check_json(std::string_view name, std::string_view text);

// Throws what the server answers to text that it cannot store: error 22021 for a NUL character or invalid UTF-8.
DCB_EXPORT void check_text(std::string_view text);
// The same, and error 22P02 unless the text is one JSON value, 22P05 for a NUL character in a string of it.
DCB_EXPORT void check(std::string_view text);

template <class T>
concept custom = requires(const T& t) {
  json_as<T>::to(t);
};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_variant : std::false_type {};
template <class... T>
struct is_variant<std::variant<T...>> : std::true_type {};
template <class T>
struct is_array : std::false_type {};
template <class T, std::size_t N>
struct is_array<std::array<T, N>> : std::true_type {};
template <class T>
concept map_like = requires(T& t) {
  typename T::mapped_type;
  t.insert_or_assign(std::declval<typename T::key_type>(), std::declval<typename T::mapped_type>());
};
template <class T>
concept sequence = !map_like<T> && !std::same_as<T, std::string> && !std::same_as<T, std::vector<std::byte>> && requires(T & t) {
  typename T::value_type;
  t.clear();
  t.insert(t.end(), std::declval<typename T::value_type>());
};

template <class T>
consteval std::string_view name_of() {
  if constexpr (requires { T::event_name; })
    return T::event_name;
  else if constexpr (requires { v0::members<T>::event_name; })
    return v0::members<T>::event_name;
  else
    return reflect::type_name<T>();
}

template <class T>
void put(writer& out, const T& value);
template <class T>
void take(reader& in, T& value);

// Writes the value as the whole text; name is the first part of the path in errors.
DCB_EXPORT std::string write(std::string_view name, const void* value, void (*put)(writer&, const void*));

// The two ways of a type, erased.
template <class T>
void put_object(writer& out, const void* value) {
  put(out, *static_cast<const T*>(value));
}
template <class T>
void take_object(reader& in, void* value) {
  take(in, *static_cast<T*>(value));
}

template <class T>
consteval std::span<const std::string_view> defaulted_members() {
  if constexpr (requires { T::defaulted; })
    return T::defaulted;
  else if constexpr (requires { v0::members<T>::defaulted; })
    return v0::members<T>::defaulted;
  else
    return {};
}

// What a member that the text does not have may do.
template <class T, std::size_t I>
consteval bool may_be_missing() {
  using M = reflect::member_type<T, I>;
  for (std::string_view name : defaulted_members<T>()) {
    if (name == reflect::member_names<T>[I]) return true;
  }
  return is_optional<M>::value || map_like<M> || sequence<M> || std::same_as<M, std::vector<std::byte>>;
}

template <class T>
consteval bool defaulted_are_members() {
  for (std::string_view name : defaulted_members<T>()) {
    bool found = false;
    for (auto member : reflect::member_names<T>) found = found || member == name;
    if (!found) return false;
  }
  return true;
}

template <class M>
inline constexpr form form_of{
    &take_object<M>,
    &put_object<M>,
    [](writer& out) { put(out, M{}); },
};

template <class T>
inline constexpr auto members = []<std::size_t... I>(std::index_sequence<I...>) {
  static_assert(defaulted_are_members<T>(), "dcb: `defaulted` names something that is no member of this struct");
  return std::array<member, sizeof...(I)>{member{reflect::member_names<T>[I], may_be_missing<T, I>(), &form_of<reflect::member_type<T, I>>}...};
}
(std::make_index_sequence<reflect::member_count<T>()>{});

template <class T>
void* member_at(void* object, [[maybe_unused]] std::size_t index) {
  return reflect::with_members(*static_cast<T*>(object), [&](auto&... member) -> void* {
    void* const all[]{&member..., nullptr};
    return all[index];
  });
}

template <class T>
bool with_fresh(bool (*question)(const layout&, void*, std::size_t), std::size_t index);

template <class T>
inline constexpr layout layout_of{members<T>, &member_at<T>, &with_fresh<T>};

template <class T>
bool with_fresh(bool (*question)(const layout&, void*, std::size_t), std::size_t index) {
  T fresh{};
  return question(layout_of<T>, &fresh, index);
}

DCB_EXPORT uuid read_uuid(const reader& in, std::string_view text);

// Keys of objects are text.
template <class K>
std::string key_text(const K& key) {
  if constexpr (is_id<K>)
    return key_text(key.value);
  else if constexpr (std::is_enum_v<K>)
    return std::string{reflect::enum_name(key)}.empty() ? to_tag(static_cast<std::underlying_type_t<K>>(key)) : std::string{reflect::enum_name(key)};
  else
    return to_tag(key);
}

template <class K>
K read_key(const reader& in, std::string_view text) {
  if constexpr (is_id<K>)
    return read_key<typename K::value_type>(in, text);
  else if constexpr (std::same_as<K, uuid>)
    return read_uuid(in, text);
  else if constexpr (std::is_enum_v<K>) {
    K key{};
    if (!reflect::enum_value(text, key)) key = static_cast<K>(read_key<std::underlying_type_t<K>>(in, text));
    return key;
  } else if constexpr (std::integral<K>) {
    K key{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), key);
    if (failure != std::errc{} || end != text.data() + text.size()) in.fail("the key \"" + std::string{text} + "\" is not a number of this type");
    return key;
  } else {
    static_assert(std::constructible_from<K, std::string>, "dcb: the keys of a map have to be text, integers, uuids, ids or enums to become JSON");
    return K(std::string{text});
  }
}

template <class T>
void put(writer& out, const T& value) {
  if constexpr (custom<T>)
    put(out, json_as<T>::to(value));
  else if constexpr (is_id<T>)
    put(out, value.value);
  else if constexpr (std::same_as<T, bool>)
    out.put_bool(value);
  else if constexpr (std::is_enum_v<T>) {
    if (const auto name = reflect::enum_name(value); !name.empty())
      out.put_string(name);
    else
      put(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::signed_integral<T>)
    out.put_integer(value);
  else if constexpr (std::unsigned_integral<T>)
    out.put_unsigned(value);
  else if constexpr (std::same_as<T, float>)
    out.put_float(value);
  else if constexpr (std::same_as<T, double>)
    out.put_double(value);
  else if constexpr (std::same_as<T, uuid>)
    out.put_string(value.to_string());
  else if constexpr (std::same_as<T, std::vector<std::byte>>)
    out.put_bytes(value);
  else if constexpr (std::convertible_to<const T&, std::string_view>)
    out.put_string(value);
  else if constexpr (is_optional<T>::value) {
    if (value)
      put(out, *value);
    else
      out.put_null();
  } else if constexpr (is_variant<T>::value) {
    std::visit(
        [&]<class Alternative>(const Alternative& alternative) {
          static_assert(reflect::aggregate<Alternative>, "dcb: the alternatives of a variant inside an event have to be structs");
          out.open('{');
          out.put_key(name_of<Alternative>());
          put(out, alternative);
          out.close('}');
        },
        value);
  } else if constexpr (map_like<T>) {
    out.open('{');
    for (const auto& [key, mapped] : value) {
      out.put_key(key_text(key));
      put(out, mapped);
    }
    out.close('}');
  } else if constexpr (sequence<T> || is_array<T>::value) {
    out.open('[');
    for (const typename T::value_type& element : value) {
      out.separate();
      put(out, element);
    }
    out.close(']');
  } else {
    static_assert(reflect::aggregate<T>, "dcb: this type has no JSON form: make it a plain struct, or specialise dcb::json_as for it");
    out.put_object(&value, layout_of<T>);
  }
}

template <class T, std::size_t I = 0>
void take_alternative(reader& in, std::string_view name, T& value) {
  if constexpr (I == std::variant_size_v<T>)
    in.fail("no alternative is named \"" + std::string{name} + "\"");
  else if (name_of<std::variant_alternative_t<I, T>>() == name)
    take(in, value.template emplace<I>());
  else
    take_alternative<T, I + 1>(in, name, value);
}

template <class T>
void take(reader& in, T& value) {
  if constexpr (custom<T>) {
    std::remove_cvref_t<decltype(json_as<T>::to(value))> form{};
    take(in, form);
    value = json_as<T>::from(std::move(form));
  } else if constexpr (is_id<T>)
    take(in, value.value);
  else if constexpr (std::same_as<T, bool>)
    value = in.take_bool();
  else if constexpr (std::is_enum_v<T>) {
    std::optional<std::int64_t> number;
    const auto name = in.take_enum(number);
    if (number)
      value = static_cast<T>(*number);
    else if (!reflect::enum_value(name, value))
      in.fail("no enumerator is named \"" + std::string{name} + "\"");
  } else if constexpr (std::signed_integral<T>) {
    value = static_cast<T>(in.take_integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  } else if constexpr (std::unsigned_integral<T>) {
    value = static_cast<T>(in.take_unsigned(std::numeric_limits<T>::max()));
  } else if constexpr (std::same_as<T, float>)
    value = in.take_float();
  else if constexpr (std::same_as<T, double>)
    value = in.take_double();
  else if constexpr (std::same_as<T, uuid>)
    value = in.take_uuid();
  else if constexpr (std::same_as<T, std::vector<std::byte>>)
    value = in.take_bytes();
  else if constexpr (std::same_as<T, std::string>)
    value = in.take_string();
  else if constexpr (is_optional<T>::value) {
    if (in.take_null())
      value.reset();
    else
      take(in, value.emplace());
  } else if constexpr (is_variant<T>::value) {
    const auto alternatives = in.take_entries(
        &value, [](reader& entry, std::string_view name, void* variant) { take_alternative(entry, name, *static_cast<T*>(variant)); });
    if (alternatives != 1) in.fail("expected one alternative, found " + std::to_string(alternatives));
  } else if constexpr (map_like<T>) {
    value.clear();
    in.take_entries(&value, [](reader& entry, std::string_view text, void* map) {
      auto key = read_key<typename T::key_type>(entry, text);
      typename T::mapped_type mapped{};
      take(entry, mapped);
      static_cast<T*>(map)->insert_or_assign(std::move(key), std::move(mapped));
    });
  } else if constexpr (sequence<T>) {
    value.clear();
    in.take_elements(&value, [](reader& element, std::size_t, void* container) {
      typename T::value_type read{};
      take(element, read);
      auto& sequence = *static_cast<T*>(container);
      sequence.insert(sequence.end(), std::move(read));
    });
  } else if constexpr (is_array<T>::value) {
    const auto elements = in.take_elements(&value, [](reader& element, std::size_t index, void* container) {
      auto& array = *static_cast<T*>(container);
      if (index >= array.size()) element.fail("more elements than the array has");
      take(element, array[index]);
    });
    if (elements != value.size()) in.fail("expected " + std::to_string(value.size()) + " elements, found " + std::to_string(elements));
  } else {
    static_assert(reflect::aggregate<T>, "dcb: this type has no JSON form: make it a plain struct, or specialise dcb::json_as for it");
    in.take_object(&value, layout_of<T>);
  }
}

}  // namespace json

/// The JSON text of a value. Throws `error` DCB03 with the path for what JSON or PostgreSQL cannot hold: NaN, infinity, NUL, invalid UTF-8.
template <class T>
std::string to_json(const T& value) {
  return json::write(json::name_of<T>(), &value, &json::put_object<T>);
}

/// The value of a JSON text. Throws `decode_error` with the path.
template <class T>
T from_json(std::string_view text) {
  static_assert(std::default_initializable<T>, "dcb: a type that is read from JSON has to be default-constructible");
  T value{};
  json::check_json(json::name_of<T>(), text);
  json::parse(json::name_of<T>(), text, &value, &json::take_object<T>);
  return value;
}

}  // namespace dcb::inline v0
