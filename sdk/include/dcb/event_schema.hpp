// Facts about event types, gathered at compile time, and the way between typed and stored events.
//
// What an event says about itself, all of it optional, in its struct or in its dcb::members:
//   event_name       static constexpr auto: the name under which it is stored, if not the struct's
//   event_aliases    static constexpr std::string_view[]: names under which it was stored; reads and conditions ask for these too
//   event_versions   dcb::versions<Old…>: the shapes that its data had, oldest first (see upcast.hpp)
//   codec            how it is stored, if not as JSON (see codec.hpp)
#pragma once

#include <dcb/codec.hpp>
#include <dcb/event.hpp>
#include <dcb/export.hpp>
#include <dcb/id.hpp>
#include <dcb/json.hpp>
#include <dcb/reflect.hpp>
#include <dcb/upcast.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace dcb::inline v0 {

/// The name under which events of this type are stored: `static constexpr auto event_name` of the struct, or else the struct's name.
template <class E>
consteval std::string_view event_name() {
  constexpr std::string_view name = json::name_of<E>();
  static_assert(!name.empty() && name.find('<') == name.npos,
                "dcb: an event type that is a template needs `static constexpr auto event_name = \"Name\"`");
  return name;
}

// All the names under which events of this type are stored, the present one first.
template <class E>
consteval auto find_event_names() {
  auto with = [](const auto& aliases) {
    static_assert(std::is_array_v<std::remove_cvref_t<decltype(aliases)>>,
                  "dcb: `event_aliases` has to be an array: static constexpr std::string_view event_aliases[] = {\"OldName\"}");
    if constexpr (std::is_array_v<std::remove_cvref_t<decltype(aliases)>>) {
      std::array<std::string_view, 1 + std::extent_v<std::remove_cvref_t<decltype(aliases)>>> names{event_name<E>()};
      std::copy(std::begin(aliases), std::end(aliases), names.begin() + 1);
      return names;
    } else {
      return std::array{event_name<E>()};
    }
  };
  if constexpr (requires { E::event_aliases; })
    return with(E::event_aliases);
  else if constexpr (requires { members<E>::event_aliases; })
    return with(members<E>::event_aliases);
  else
    return std::array{event_name<E>()};
}
template <class E>
inline constexpr auto event_names = find_event_names<E>();

/// An event of the store with what the store knows about it. Thread safety: a value.
template <class Event>
struct recorded {
  std::int64_t position = 0;
  Event event{};
  std::vector<std::string> tags{};
  std::optional<std::string> metadata{};  ///< JSON text
  std::optional<uuid> id{};
  timestamp recorded_at{};
};

// The keys of a struct's ids, with what their values are.
struct id_key {
  std::string_view key;
  const void* value_type;  // the address of its mark; null: not known at compile time
};

template <class T>
inline constexpr char type_mark{};

template <class M>
constexpr std::size_t ids_of_member = has_ids<M> ? 1 : 0;

template <class T>
inline constexpr auto id_keys = []<std::size_t... I>(std::index_sequence<I...>) {
  std::array<id_key, (0 + ... + ids_of_member<reflect::member_type<T, I>>)> keys{};
  [[maybe_unused]] std::size_t n = 0;
  [[maybe_unused]] auto add = [&]<class M>(std::type_identity<M>, std::string_view member) {
    if constexpr (has_ids<M>) {
      using Id = identifier_traits<typename id_member<M>::id_type>;
      keys[n++] = {Id::key.empty() ? member : Id::key, &type_mark<typename Id::value_type>};
    }
  };
  (add(std::type_identity<reflect::member_type<T, I>>{}, reflect::member_names<T>[I]), ...);
  return keys;
}
(std::make_index_sequence<reflect::member_count<T>()>{});

template <class T>
requires names_ids<codec_of<T>, T>
inline constexpr auto id_keys<T> = codec_of<T>::template ids<T>;

// The tags of a struct's ids, in the order of id_keys for plain ids.
template <class T>
void add_tags(const T& object, std::vector<std::string>& tags) {
  [[maybe_unused]] std::size_t n = 0;
  [[maybe_unused]] auto add = [&]<class M>(const M& member) {
    if constexpr (has_ids<M>) {
      using Id = identifier_traits<typename id_member<M>::id_type>;
      const auto key = id_keys<T>[n++].key;
      if constexpr (identifier<M>)
        tags.push_back(Id::to_tag(key, member));
      else if constexpr (requires { member.has_value(); }) {
        if (member) tags.push_back(Id::to_tag(key, *member));
      } else {
        for (const auto& each : member) tags.push_back(Id::to_tag(key, each));
      }
    }
  };
  if constexpr (names_ids<codec_of<T>, T>)
    codec_of<T>::add_tags(object, tags);
  else
    reflect::with_members(object, [&](const auto&... member) { (add(member), ...); });
}

// Everything the compiled code needs to know of an event type.
struct event_type {
  std::string_view name;
  std::span<const std::string_view> names;  // name, and the old ones
  std::span<const old_shape> old_shapes;
  std::span<const id_key> ids;
  void (*add_tags)(const void*, std::vector<std::string>&);
  std::string_view content_type;
  void (*encode)(const void*, new_event&);
  void (*decode)(const recorded_event&, void*);
};

template <class E>
inline constexpr event_type event_type_of{
    event_name<E>(),
    event_names<E>,
    old_shapes<E>,
    id_keys<E>,
    [](const void* event, std::vector<std::string>& tags) { add_tags(*static_cast<const E*>(event), tags); },
    codec_of<E>::content_type,
    [](const void* event, new_event& into) { encode_as(*static_cast<const E*>(event), into); },
    [](const recorded_event& stored, void* event) { decode_as_stored(stored, *static_cast<E*>(event)); },
};

DCB_EXPORT new_event encode(const event_type& type, const void* event);
// Reads the data as that of an event of that very shape.
DCB_EXPORT void read_data(const event_type& shape, const recorded_event& stored, void* event);
// Reads the data into an event of that type, whatever the version of the stored event's shape.
DCB_EXPORT void decode(const event_type& type, const recorded_event& stored, void* event);
[[noreturn]] DCB_EXPORT void refuse_unknown(const recorded_event& stored);

template <class Old>
void read_shape(const recorded_event& stored, Old& old) {
  static_assert(reflect::aggregate<Old>, "dcb: an old shape of an event has to be a plain struct, as the event itself");
  read_data(event_type_of<Old>, stored, &old);
}

template <class Event, class E>
inline constexpr bool has_alternative = false;
template <class... All, class E>
inline constexpr bool has_alternative<std::variant<All...>, E> = (std::same_as<All, E> || ...);

// Two event types must not share a name, nor two types of value a key.
template <class... E>
consteval bool names_differ() {
  std::array<std::string_view, (1 + ... + event_names<E>.size())> names{};
  auto next = names.begin() + 1;
  ((next = std::copy(event_names<E>.begin(), event_names<E>.end(), next)), ...);
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (names[i] == names[j]) return false;
    }
  }
  return true;
}

template <class... E>
consteval bool keys_agree() {
  std::array<id_key, (1 + ... + id_keys<E>.size())> known{};
  std::size_t n = 0;
  bool agree = true;
  auto add = [&](const id_key& key) {
    for (std::size_t i = 0; i < n; ++i) {
      if (known[i].key != key.key) continue;
      agree = agree && (known[i].value_type == key.value_type || !known[i].value_type || !key.value_type);
      return;
    }
    known[n++] = key;
  };
  auto add_all = [&](const auto& keys) {
    for (const auto& key : keys) add(key);
  };
  (add_all(id_keys<E>), ...);
  return agree;
}

template <class Event>
struct event_schema {
  static_assert(sizeof(Event) == 0,
                "dcb: the events of a store have to be a std::variant of structs, for example std::variant<ItemAdded, ItemRemoved>");
};

// A store's events: the alternatives of a variant.
template <class... E>
struct event_schema<std::variant<E...>> {
  using Event = std::variant<E...>;
  static_assert(
      ((reflect::aggregate<E> || names_ids<codec_of<E>, E>)&&...),
      "dcb: every event has to be a plain struct: no constructors, no private members, no virtual functions (or be described by dcb::members)");
  static_assert(names_differ<E...>(),
                "dcb: two events of this variant are stored under the same name: give one of them another `event_name` (or take an alias away)");
  static_assert(keys_agree<E...>(), "dcb: ids with the same key have values of different types in two events: give one of them another key");

  static constexpr std::array<const event_type*, sizeof...(E)> types{&event_type_of<E>...};

  static new_event encode(const Event& event) {
    return std::visit([&](const auto& e) { return v0::encode(*types[event.index()], &e); }, event);
  }

  static std::vector<new_event> encode(std::span<const Event> events) {
    std::vector<new_event> encoded;
    encoded.reserve(events.size());
    for (const auto& event : events) encoded.push_back(encode(event));
    return encoded;
  }

  // Throws decode_error for a type that the variant does not have, or data that its struct does not fit.
  static Event decode(const recorded_event& stored) {
    using maker = void* (*)(Event&);
    static constexpr auto makers = []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<maker, sizeof...(I)>{[](Event& event) -> void* { return &event.template emplace<I>(); }...};
    }
    (std::index_sequence_for<E...>{});
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (std::find(types[i]->names.begin(), types[i]->names.end(), stored.type) == types[i]->names.end()) continue;
      Event event;
      v0::decode(*types[i], stored, makers[i](event));
      return event;
    }
    refuse_unknown(stored);
  }

  static recorded<Event> record(const recorded_event& stored) {
    return {stored.position, decode(stored), stored.tags, stored.metadata, stored.id, stored.recorded_at};
  }
};

// Joins variants and single types to one variant that holds each type once.
template <class Joined, class... More>
struct join_events {
  using type = Joined;
};
template <class... E, class Next, class... More>
struct join_events<std::variant<E...>, Next, More...>
    : join_events<std::conditional_t<(std::same_as<E, Next> || ...), std::variant<E...>, std::variant<E..., Next>>, More...> {};
template <class... E, class... Next, class... More>
struct join_events<std::variant<E...>, std::variant<Next...>, More...> : join_events<std::variant<E...>, Next..., More...> {};

/// The variant of all these events; variants among them are taken apart: `dcb::events<CartEvent, CouponEmitted, CouponApplied>`.
template <class... E>
using events = typename join_events<std::variant<>, E...>::type;

// An event of a narrower variant as one of a wider.
template <class Wide, class Narrow>
Wide widen(Narrow&& event) {
  if constexpr (std::same_as<std::remove_cvref_t<Narrow>, Wide>)
    return std::forward<Narrow>(event);
  else
    return std::visit([]<class E>(E&& e) { return Wide{std::forward<E>(e)}; }, std::forward<Narrow>(event));
}

}  // namespace dcb::inline v0
