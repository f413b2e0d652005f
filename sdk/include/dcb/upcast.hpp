// Upcasting: an event whose data had other shapes in former versions of the program is read as one of the present shape.
//
//   struct ItemAddedV1 { dcb::id<> user_id; std::string item; };
//   struct ItemAdded {
//     dcb::id<> user_id, item_id;
//     unsigned quantity;
//     using event_versions = dcb::versions<ItemAddedV1>;          // the former shapes, oldest first: this one is version 2
//     static ItemAdded upcast(ItemAddedV1 old) { return {old.user_id, old.item, 1}; }
//   };
//
// An old shape is cast up by the event itself, or by the next newer shape's `upcast`, and so on. The version stands in the metadata of the stored
// event, `"event_version": 2`; without it, it is 1. The type stays the same, so a query or a condition for it finds all versions.
// Tags are stored: an old event has those that it was appended with.
#pragma once

#include <dcb/event.hpp>
#include <dcb/reflect.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace dcb::inline v0 {

/// The shapes that an event's data had, oldest first, for its `event_versions`.
template <class... Old>
struct versions {};

// Reads the data of a stored event of an old shape into an event of the present one.
struct old_shape {
  void (*read)(const recorded_event& stored, void* event);
};

template <class Old>
void read_shape(const recorded_event& stored, Old& old);

template <class New, class Old>
concept upcasts_itself = requires(Old old) {
  { New::upcast(std::move(old)) } -> std::same_as<New>;
};
template <class New, class Old>
concept upcasts_outside = requires(Old old) {
  { members<New>::upcast(std::move(old)) } -> std::same_as<New>;
};
template <class New, class Old>
concept upcasts = upcasts_itself<New, Old> || upcasts_outside<New, Old>;

template <class New, class Old>
requires upcasts<New, Old> New upcast_once(Old old) {
  if constexpr (upcasts_itself<New, Old>)
    return New::upcast(std::move(old));
  else
    return members<New>::upcast(std::move(old));
}

// Newer are the shapes between Old and E.
template <class E, class Old, class... Newer>
struct way_up {
  static constexpr bool exists = upcasts<E, Old>;
  static E upcast(Old old) { return upcast_once<E>(std::move(old)); }
};
template <class E, class Old, class Next, class... Newer>
requires(!upcasts<E, Old>) struct way_up<E, Old, Next, Newer...> {
  static constexpr bool exists = upcasts<Next, Old> && way_up<E, Next, Newer...>::exists;
  static E upcast(Old old) { return way_up<E, Next, Newer...>::upcast(upcast_once<Next>(std::move(old))); }
};

template <class E, class... Old>
inline constexpr std::array<old_shape, sizeof...(Old)> ways_up{};
template <class E, class Old, class... Newer>
inline constexpr std::array<old_shape, 1 + sizeof...(Newer)> ways_up<E, Old, Newer...> = [] {
  using way = way_up<E, Old, Newer...>;
  static_assert(way::exists, "dcb: an old shape of this event cannot be cast up: give the event, or the next newer shape, `static New upcast(Old)`");
  std::array<old_shape, 1 + sizeof...(Newer)> all{};
  if constexpr (way::exists) {
    all[0].read = [](const recorded_event& stored, void* event) {
      Old old{};
      read_shape(stored, old);
      *static_cast<E*>(event) = way::upcast(std::move(old));
    };
  }
  std::copy(ways_up<E, Newer...>.begin(), ways_up<E, Newer...>.end(), all.begin() + 1);
  return all;
}();

template <class E, class... Old>
consteval std::span<const old_shape> shapes_of(versions<Old...>) {
  return ways_up<E, Old...>;
}

// Those of E, oldest first: of version 1, 2 and so on.
template <class E>
inline constexpr std::span<const old_shape> old_shapes = [] {
  if constexpr (requires { typename E::event_versions; })
    return shapes_of<E>(typename E::event_versions{});
  else if constexpr (requires { typename members<E>::event_versions; })
    return shapes_of<E>(typename members<E>::event_versions{});
  else
    return std::span<const old_shape>{};
}();

}  // namespace dcb::inline v0
