// Snapshots: a state that takes many events to fold is kept now and then, so that a decision reads what came after. A state asks for it itself:
//
//   struct Account {
//     dcb::id<> account_id;
//     std::int64_t cents = 0;
//     static constexpr auto snapshot = dcb::every(100);
//     void apply(const Paid& e) { cents += e.cents; }
//   };
//
// A snapshot is taken for this state's own only: same name, same query (so the same ids, and the same events applied), same shape of the struct, same
// members before the first event, same version. A change of any of these reads from the first event again, as if there were none. What cannot be seen from outside, another
// way of folding the same events into the same members, needs a new version: dcb::every(100, 2).
#pragma once

#include <dcb/enum_names.hpp>
#include <dcb/event_log.hpp>
#include <dcb/export.hpp>
#include <dcb/json.hpp>
#include <dcb/reflect.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace dcb::inline v0 {

struct snapshot_policy {
  std::int64_t events = 0;   ///< this many folded since the last snapshot make the next one
  std::int64_t version = 0;  ///< of the way of folding
};

/// For the `snapshot` member of a state.
consteval snapshot_policy every(std::int64_t events, std::int64_t version = 0) {
  if (events < 1) throw "dcb: a snapshot every so many events: at least 1";
  return {events, version};
}

template <class State>
concept has_snapshots = requires {
  { State::snapshot } -> std::convertible_to<snapshot_policy>;
};

// The structs around the type whose shape is being written, so that one that holds itself comes to an end.
struct shapes_around {
  const void* type;
  const shapes_around* outer;
};

// Writes what the JSON form of a type depends on: the names and types of its members, and of theirs.
template <class T>
void add_shape(std::string& text, const shapes_around* around = nullptr) {
  if constexpr (json::custom<T>) {
    text += reflect::type_name<T>();
    text += " as ";
    add_shape<std::remove_cvref_t<decltype(json_as<T>::to(std::declval<const T&>()))>>(text, around);
  } else if constexpr (is_id<T>) {
    add_shape<typename T::value_type>(text, around);
  } else if constexpr (std::same_as<T, bool>) {
    text += "bool";
  } else if constexpr (std::is_enum_v<T>) {
    text += "enum";
    if constexpr (reflect::named_enum<T>)
      for (const auto name : reflect::enum_names<T>)
        if (!name.empty()) (text += ',') += name;
  } else if constexpr (std::integral<T>) {
    text += (std::signed_integral<T> ? "int" : "unsigned") + std::to_string(sizeof(T));
  } else if constexpr (std::floating_point<T>) {
    text += "float" + std::to_string(sizeof(T));
  } else if constexpr (std::same_as<T, uuid>) {
    text += "uuid";
  } else if constexpr (std::same_as<T, std::vector<std::byte>>) {
    text += "bytes";
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    text += "text";
  } else if constexpr (json::is_optional<T>::value) {
    text += '?';
    add_shape<typename T::value_type>(text, around);
  } else if constexpr (json::is_variant<T>::value) {
    text += '(';
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((text += json::name_of<std::variant_alternative_t<I, T>>(), add_shape<std::variant_alternative_t<I, T>>(text, around), text += '|'), ...);
    }
    (std::make_index_sequence<std::variant_size_v<T>>{});
    text += ')';
  } else if constexpr (json::map_like<T>) {
    text += '<';
    add_shape<typename T::key_type>(text, around);
    text += ':';
    add_shape<typename T::mapped_type>(text, around);
    text += '>';
  } else if constexpr (json::sequence<T> || json::is_array<T>::value) {
    text += '[';
    add_shape<typename T::value_type>(text, around);
    if constexpr (json::is_array<T>::value) (text += ';') += std::to_string(std::tuple_size_v<T>);
    text += ']';
  } else {
    const shapes_around inner{&json::layout_of<T>, around};
    for (auto* outer = around; outer; outer = outer->outer) {
      if (outer->type != inner.type) continue;
      text += reflect::type_name<T>();
      return;
    }
    text += '{';
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((text += reflect::member_names<T>[I], text += ':', add_shape<reflect::member_type<T, I>>(text, &inner), text += ','), ...);
    }
    (std::make_index_sequence<reflect::member_count<T>()>{});
    text += '}';
  }
}

// Hashes one text after the other. What is hashed tells snapshots of a state from those of one that looks alike.
DCB_EXPORT std::uint64_t hash_of(std::string_view text, std::uint64_t before = 0xcbf29ce484222325);

// A part to load for a state: its query, and where its snapshots are found, if it has any.
template <class State>
load_part part_of(const State& fresh, event_query query) {
  load_part part{std::move(query)};
  if constexpr (has_snapshots<State>) {
    static const auto shape = [] {
      std::string text = std::to_string(State::snapshot.version);
      add_shape<State>(text);
      return hash_of(text);
    }();
    part.snapshot_name = json::name_of<State>();
    part.snapshot_version = static_cast<std::int64_t>(hash_of(to_json(fresh), shape));
  }
  return part;
}

/// Saves snapshots behind the caller's back: from a thread of its own, which begins with the first snapshot. What fails is told to the log's observer
/// and otherwise forgotten, as is what comes when too many are waiting. Thread safety: every member may be called from any thread at any time.
class DCB_EXPORT snapshot_keeper {
 public:
  /// The log must outlive it.
  explicit snapshot_keeper(event_log& log);
  snapshot_keeper(const snapshot_keeper&) = delete;
  snapshot_keeper& operator=(const snapshot_keeper&) = delete;
  /// Saves what is waiting, for some seconds at most.
  ~snapshot_keeper();

  void keep(load_part part, saved_state state) noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace dcb::inline v0
