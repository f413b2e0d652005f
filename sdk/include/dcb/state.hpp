// States: structs whose ids say which events they want and whose apply() overloads say of which types.
#pragma once

#include <dcb/event_schema.hpp>
#include <dcb/query.hpp>
#include <dcb/typed_query.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace dcb::inline v0 {

template <class State, class E>
concept applies = requires(State& state, const E& event) {
  state.apply(event);
};

/// A state without some of the event types that it applies; see `without`.
template <class State, class... E>
struct narrowed {
  State state;
};

/// For `guard`: what the state read, except events of these types. They may be appended meanwhile without making the decision stale.
template <class... E, class State>
requires(!std::same_as<State, event_query>) narrowed<State, E...> without(State state) {
  static_assert((applies<State, E> && ...), "dcb: without<E>(state): the state has no apply(const E&), so there is nothing to leave out");
  return {std::move(state)};
}

// The item set for the wanted types: each type with the tags of those of the state's ids that events of the type have.
DCB_EXPORT event_query query_for(std::span<const event_type* const> types, std::span<const bool> wanted, std::span<const id_key> keys,
                                 std::span<const std::string> tags);

template <class State>
consteval bool has_plain_ids() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return ((!has_ids<reflect::member_type<State, I>> || identifier<reflect::member_type<State, I>>)&&...);
  }
  (std::make_index_sequence<reflect::member_count<State>()>{});
}

// Whether each of the state's ids is one of some event that it applies: one that is misspelt would filter nothing, and let it see the events of all.
template <class Event, class State>
inline constexpr bool ids_are_known = false;
template <class... E, class State>
inline constexpr bool ids_are_known<std::variant<E...>, State> = [] {
  if (!(applies<State, E> || ...)) return true;  // another complaint, made where its query is
  for (const id_key& own : id_keys<State>) {
    const auto has_it = [&]<class Each>(std::type_identity<Each>) {
      if constexpr (applies<State, Each>) {
        for (const id_key& id : id_keys<Each>) {
          if (id.key == own.key) return true;
        }
      }
      return false;
    };
    if (!(has_it(std::type_identity<E>{}) || ...)) return false;
  }
  return true;
}();

// To be asked where the variant is the whole store's; a narrower one may lack the events that have the id.
template <class Event, class States>
struct states_are_known;
template <class Event, class... State>
struct states_are_known<Event, std::tuple<State...>> {
  static_assert((ids_are_known<Event, std::remove_cvref_t<State>> && ...),
                "dcb: this state has an id whose key is in no event that the state applies, so it would filter nothing");
};

template <class Event>
struct state_schema;

template <class... E>
struct state_schema<std::variant<E...>> {
  using schema = event_schema<std::variant<E...>>;

  template <class State>
  static event_query wanted(const State& state, std::span<const bool> types) {
    static_assert(has_plain_ids<State>(),
                  "dcb: the ids of a state have to be plain dcb::id members: what would an optional or a vector of them filter?");
    static_assert(keys_agree<State, E...>(), "dcb: an id of this state has another value type than the events' id of the same key");
    std::vector<std::string> tags;
    add_tags(state, tags);
    return query_for(schema::types, types, id_keys<State>, tags);
  }

  /// What the state wants to see of the events.
  template <class State>
  static event_query query(const State& state) {
    static_assert((applies<State, E> || ...), "dcb: this state has no apply(const E&) for any event E of the store");
    static constexpr bool types[] = {applies<State, E>...};
    return wanted(state, types);
  }
  template <class State, class... X>
  static event_query query(const narrowed<State, X...>& part) {
    static constexpr bool types[] = {(applies<State, E> && !has_alternative<std::variant<X...>, E>)...};
    return wanted(part.state, types);
  }
  static event_query query(const event_query& own) { return own; }

  template <class State>
  static void apply(State& state, const std::variant<E...>& event) {
    using step = void (*)(State&, const std::variant<E...>&);
    static constexpr std::array<step, sizeof...(E)> steps{[]() -> step {
      if constexpr (applies<State, E>)
        return [](State& s, const std::variant<E...>& e) { s.apply(*std::get_if<E>(&e)); };
      else
        return nullptr;
    }()...};
    if (const auto f = steps[event.index()]) f(state, event);
  }
};

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

// One or several as several.
template <class T>
auto as_tuple(T value) {
  if constexpr (is_tuple<T>)
    return value;
  else
    return std::tuple<T>{std::move(value)};
}

// States with the query of each: folds events, each into the states that want it.
template <class Event, class States>
class loading;
template <class Event, class... State>
class loading<Event, std::tuple<State...>> {
 public:
  explicit loading(std::tuple<State...>& states)
      : states_(states),
        queries_{std::apply([](const auto&... state) { return std::array<event_query, sizeof...(State)>{state_schema<Event>::query(state)...}; },
                            states)} {}

  event_query query() const {
    event_query all;
    for (const auto& query : queries_) all |= query;
    return all;
  }

  void fold(const recorded_event& stored) {
    const auto event = event_schema<Event>::decode(stored);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      [[maybe_unused]] auto apply = [&](auto& state, const event_query& query) {
        if (sizeof...(State) == 1 || query.matches(stored.type, stored.tags)) state_schema<Event>::apply(state, event);
      };
      (apply(std::get<I>(states_), queries_[I]), ...);
    }
    (std::index_sequence_for<State...>{});
  }

 private:
  std::tuple<State...>& states_;
  std::array<event_query, sizeof...(State)> queries_;
};

}  // namespace dcb::inline v0
