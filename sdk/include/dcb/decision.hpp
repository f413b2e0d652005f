// Decisions: from what was read to new events or a refusal, and the loop that makes them good.
//
// A decision is a struct with
//   states()              the state, or the tuple of states, that it needs (left out: none)
//   decide(states...)     const, answers dcb::decided<Event, Error>
//   guard(states...)      optional, const: what makes the decision stale, if that is not everything it read: states, `without<E>(state)`,
//                         queries, or a tuple of these; an empty tuple means nothing does
#pragma once

#include <dcb/event_store.hpp>
#include <dcb/export.hpp>
#include <dcb/result.hpp>
#include <dcb/snapshot.hpp>
#include <dcb/state.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace dcb::inline v0 {

/// A decision's answer when there is nothing to do: no events, and no refusal.
struct nothing_t {};
inline constexpr nothing_t nothing{};

/// A decision's answer: events to append, or the error that is the reason not to. Thread safety: a value.
template <class Event, class Error>
class [[nodiscard]] decided {
 public:
  using event_type = Event;
  using error_type = Error;

  decided(Error error) : answer_(std::in_place_index<1>, std::move(error)) {}
  template <class Reason>
  requires(std::convertible_to<Reason, Error> && !std::same_as<std::remove_cvref_t<Reason>, Error> &&
           !has_alternative<Event, std::remove_cvref_t<Reason>>) decided(Reason&& reason)
      : answer_(std::in_place_index<1>, std::forward<Reason>(reason)) {}
  decided(nothing_t) {}
  decided(std::vector<Event> events) : answer_(std::in_place_index<0>, std::move(events)) {}
  template <class... E>
  requires(sizeof...(E) > 0 && (has_alternative<Event, std::remove_cvref_t<E>> && ...)) decided(E&&... events) {
    auto& all = std::get<0>(answer_);
    all.reserve(sizeof...(E));
    (all.emplace_back(std::forward<E>(events)), ...);
  }

  /// Whether it is events, none included.
  explicit operator bool() const noexcept { return answer_.index() == 0; }
  const std::vector<Event>& events() const { return std::get<0>(answer_); }
  const Error& error() const { return std::get<1>(answer_); }

 private:
  std::variant<std::vector<Event>, Error> answer_{};
};

/// An event with its place in the log.
template <class Event>
struct placed {
  std::int64_t position = 0;
  Event event{};
};

/// What became of a decision: the events that were appended, each with its position, or the error. Thread safety: a value.
template <class Event, class Error>
class [[nodiscard]] made {
 public:
  made(decided<Event, Error> answer, std::int64_t position, int attempts, int conflicts)
      : position_(position), attempts_(attempts), conflicts_(conflicts) {
    if (!answer) {
      error_ = answer.error();
      return;
    }
    auto at = position - static_cast<std::int64_t>(answer.events().size());
    for (const auto& event : answer.events()) events_.push_back({++at, event});
  }

  /// Whether it was accepted, with or without events.
  explicit operator bool() const noexcept { return !error_; }
  const std::vector<placed<Event>>& events() const noexcept { return events_; }
  /// Only of a decision that was refused.
  const Error& error() const { return error_.value(); }
  /// The position of the last event appended, or the one up to which the decision had read if it appended none.
  std::int64_t position() const noexcept { return position_; }
  /// How often it was decided, and how many of these answers turned out stale.
  int attempts() const noexcept { return attempts_; }
  int conflicts() const noexcept { return conflicts_; }

 private:
  std::vector<placed<Event>> events_{};
  std::optional<Error> error_{};
  std::int64_t position_;
  int attempts_;
  int conflicts_;
};

/// A conflict strategy, the usual one: after a conflict or another retryable error, read and decide again. The wait before each further attempt is
/// random, from 0 to a bound that doubles from `first_wait` up to `longest_wait`.
struct retry {
  int attempts = 30;
  std::chrono::milliseconds first_wait{2};
  std::chrono::milliseconds longest_wait{500};

  static retry none() { return {.attempts = 1}; }
};

/// A conflict strategy for a hot boundary, where most attempts of `retry` would be in vain: decide one after the other, first come first served. Those
/// who wait for the same tag keep out of each other's way; what anybody else appends is still found by the condition, and then tried again.
/// A turn that does not come in time is a `timeout` (55P03), which is not tried again. A waiting decision holds a connection.
struct wait_in_line {
  std::chrono::milliseconds at_most{1000};
  std::vector<std::string> tags{};  ///< to wait for; none: all that the decision's states have
  retry after_conflict{};
};

using conflict_strategy = std::variant<retry, wait_in_line>;

// One decision with its types erased: what the compiled loop calls. The states are the parts of its load.
class DCB_EXPORT decision_steps : public load_sink {
 public:
  virtual std::string_view name() const = 0;
  virtual std::vector<load_part> begin() = 0;  // with fresh states; empty: there are none
  virtual std::vector<new_event> decide() = 0;
  virtual event_query guard() = 0;                             // empty: nothing makes it stale
  virtual std::int64_t snapshot_every(std::size_t part) = 0;  // 0: never
  virtual std::string snapshot(std::size_t part) = 0;

 protected:
  decision_steps() = default;
  decision_steps(const decision_steps&) = default;
  decision_steps& operator=(const decision_steps&) = default;
  ~decision_steps() = default;
};

struct decision_outcome {
  std::int64_t position = 0;
  int attempts = 0;
  int conflicts = 0;
};

DCB_EXPORT decision_outcome run_decision(event_log& log, decision_steps& steps, const conflict_strategy& strategy, const append_options& options,
                                         snapshot_keeper* keeper = nullptr);

DCB_EXPORT std::vector<result<decision_outcome>> run_decisions(event_log& log, std::span<decision_steps* const> steps,
                                                               const conflict_strategy& strategy, const append_options& options,
                                                               snapshot_keeper* keeper = nullptr);

template <class Decision>
auto states_of(const Decision& decision) {
  if constexpr (requires { decision.states(); })
    return as_tuple(decision.states());
  else
    return std::tuple<>{};
}

// What decide() answers to the states, and whether there is a guard() of them.
template <class Decision, class States>
struct decision_traits;
template <class Decision, class... State>
struct decision_traits<Decision, std::tuple<State...>> {
  static constexpr bool decides = requires(const Decision& decision, const State&... state) { decision.decide(state...); };
  static constexpr bool guards = requires(const Decision& decision, const State&... state) { decision.guard(state...); };
  static auto answer() {
    static_assert(decides, "dcb: a decision needs decide(const State&...) const with the states that its states() answers, in that order");
    if constexpr (decides) return std::type_identity<decltype(std::declval<const Decision&>().decide(std::declval<const State&>()...))>{};
  }
};

template <class T>
inline constexpr bool is_decided = false;
template <class Event, class Error>
inline constexpr bool is_decided<decided<Event, Error>> = true;

template <class Wide, class Narrow>
inline constexpr bool contains_all = false;
template <class Wide, class... E>
inline constexpr bool contains_all<Wide, std::variant<E...>> = (has_alternative<Wide, E> && ...);

// The states of a decision while they are loaded.
template <class Event, class States>
class state_parts;
template <class Event, class... State>
class state_parts<Event, std::tuple<State...>> {
 public:
  explicit state_parts(std::tuple<State...> fresh) : states_(std::move(fresh)) {}

  const std::tuple<State...>& states() const { return states_; }

  std::vector<load_part> parts() const {
    return std::apply([](const auto&... state) { return std::vector<load_part>{part_of(state, state_schema<Event>::query(state))...}; }, states_);
  }

  void restore(std::size_t part, std::string_view saved) {
    with(part, [&]<class S>(S& state) {
      if constexpr (has_snapshots<S>) json::parse(json::name_of<S>(), saved, &state, &json::take_object<S>);
    });
  }

  // An event that several states want comes once for each.
  void fold(std::size_t part, const recorded_event& stored) {
    if (decoded_at_ != stored.position) {
      event_ = event_schema<Event>::decode(stored);
      decoded_at_ = stored.position;
    }
    with(part, [&](auto& state) { state_schema<Event>::apply(state, event_); });
  }

  std::int64_t snapshot_every(std::size_t part) {
    std::int64_t every = 0;
    with(part, [&]<class S>(S&) {
      if constexpr (has_snapshots<S>) every = S::snapshot.events;
    });
    return every;
  }

  std::string snapshot(std::size_t part) {
    std::string text;
    with(part, [&]<class S>(S& state) {
      if constexpr (has_snapshots<S>) text = to_json(state);
    });
    return text;
  }

 private:
  template <class F>
  void with(std::size_t part, F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { ((part == I ? f(std::get<I>(states_)) : void()), ...); }
    (std::index_sequence_for<State...>{});
  }

  std::tuple<State...> states_;
  Event event_{};
  std::int64_t decoded_at_ = 0;
};

template <class Event, class Decision>
class typed_steps final : public decision_steps {
  using States = decltype(states_of(std::declval<const Decision&>()));
  using traits = decision_traits<Decision, States>;

 public:
  using Answer = typename decltype(traits::answer())::type;
  static_assert(is_decided<Answer>, "dcb: decide() has to answer dcb::decided<Event, Error>");
  static_assert(contains_all<Event, typename Answer::event_type>, "dcb: this decision answers events that the store's variant does not have");

  explicit typed_steps(const Decision& decision) : decision_(decision) {}

  std::string_view name() const override { return reflect::type_name<Decision>(); }

  std::vector<load_part> begin() override {
    loaded_.emplace(states_of(decision_));
    return loaded_->parts();
  }

  void restore(std::size_t part, const saved_state& saved) override { loaded_->restore(part, saved.state); }
  void fold(std::size_t part, const recorded_event& stored) override { loaded_->fold(part, stored); }

  std::vector<new_event> decide() override {
    answer_.emplace(std::apply([&](const auto&... state) { return decision_.decide(state...); }, loaded_->states()));
    return *answer_ ? event_schema<typename Answer::event_type>::encode(answer_->events()) : std::vector<new_event>{};
  }

  event_query guard() override {
    const auto& states = loaded_->states();
    if constexpr (traits::guards) {
      const auto parts = as_tuple(std::apply([&](const auto&... state) { return decision_.guard(state...); }, states));
      return std::apply([](const auto&... part) { return (event_query{} | ... | state_schema<Event>::query(part)); }, parts);
    } else {
      return std::apply([](const auto&... state) { return (event_query{} | ... | state_schema<Event>::query(state)); }, states);
    }
  }

  std::int64_t snapshot_every(std::size_t part) override { return loaded_->snapshot_every(part); }
  std::string snapshot(std::size_t part) override { return loaded_->snapshot(part); }

  Answer& answer() { return *answer_; }

 private:
  const Decision& decision_;
  std::optional<state_parts<Event, States>> loaded_{};
  std::optional<Answer> answer_{};
};

// A decision made of its states and a function of them.
template <class States, class Decide>
struct decision_from {
  States its_states;
  Decide its_decide;
  const States& states() const { return its_states; }
  template <class... State>
  auto decide(const State&... state) const -> decltype(its_decide(state...)) {
    return its_decide(state...);
  }
};

/// Makes decisions on a store: reads all their states at once, decides, and appends under the condition that nothing the decision read (or its
/// guard names) has changed since; after a conflict, all of it again. Each append has an id of its own, so that one whose answer was lost is
/// resolved. States with snapshots are kept after the answer, by a thread in the background.
/// Thread safety: may be used from any thread at any time. Copies share their snapshots' thread.
template <class Event>
class decision_maker {
 public:
  /// The store must outlive the decision maker.
  explicit decision_maker(const event_store<Event>& store, retry strategy = {}) : decision_maker(store, conflict_strategy{strategy}) {}
  decision_maker(const event_store<Event>& store, wait_in_line strategy) : decision_maker(store, conflict_strategy{std::move(strategy)}) {}
  decision_maker(const event_store<Event>& store, conflict_strategy strategy)
      : log_(&store.log()), strategy_(std::move(strategy)), keeper_(std::make_shared<snapshot_keeper>(*log_)) {}

  /// The same decision maker with another strategy: `maker.with(dcb::wait_in_line{}).make(…)`.
  decision_maker with(conflict_strategy strategy) const {
    auto other = *this;
    other.strategy_ = std::move(strategy);
    return other;
  }

  /// `options.call.timeout` and `.stop` hold for all attempts and waits together. Throws `conflict` or another retryable error when it was the answer to
  /// the last attempt; `timeout` and `cancelled` by the options; every other `error` of the store at once; and whatever the decision itself throws.
  template <class Decision>
  auto make(const Decision& decision, const append_options& options = {}) const {
    static_cast<void>(states_are_known<Event, decltype(states_of(decision))>{});
    typed_steps<Event, Decision> steps{decision};
    using Answer = typename typed_steps<Event, Decision>::Answer;
    const auto outcome = run_decision(*log_, steps, strategy_, with_append_id(options), keeper_.get());
    return made<typename Answer::event_type, typename Answer::error_type>{std::move(steps.answer()), outcome.position, outcome.attempts,
                                                                          outcome.conflicts};
  }

  /// The same for a decision that is not worth a struct: the state or states, and a function from these to a dcb::decided.
  template <class States, class Decide>
  requires(!std::convertible_to<Decide, append_options>) auto make(const States& states, const Decide& decide,
                                                                   const append_options& options = {}) const {
    return make(decision_from<States, Decide>{states, decide}, options);
  }

  /// Makes decisions independently of each other but together: all their states are read at once, and what they append is sent at once. Each has its own
  /// answer, in the same order; those that are in each other's way are made one after the other. `options.call.append_id` is not used. Throws only what a
  /// decision itself throws, `timeout` and `cancelled`: every other `error` is the answer of those it befell.
  template <class Decision>
  auto make_all(std::span<const Decision> decisions, const append_options& options = {}) const {
    using Answer = typename typed_steps<Event, Decision>::Answer;
    using Made = made<typename Answer::event_type, typename Answer::error_type>;
    std::deque<typed_steps<Event, Decision>> steps;
    std::vector<decision_steps*> erased;
    for (const auto& decision : decisions) erased.push_back(&steps.emplace_back(decision));
    const auto outcomes = run_decisions(*log_, erased, strategy_, options, keeper_.get());
    std::vector<result<Made>> all;
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      all.push_back(try_call([&] {
        const auto& outcome = outcomes[i].value();
        return Made{std::move(steps[i].answer()), outcome.position, outcome.attempts, outcome.conflicts};
      }));
    return all;
  }

  /// The same for those who do not want exceptions: an `error` is part of the answer, beside the decision's own: `result<made<Event, Error>>`.
  template <class... Args>
  auto try_make(const Args&... args) const {
    return try_call([&] { return make(args...); });
  }

 private:
  static append_options with_append_id(append_options options) {
    if (!options.call.append_id) options.call.append_id = uuid::random();
    return options;
  }

  event_log* log_;
  conflict_strategy strategy_;
  std::shared_ptr<snapshot_keeper> keeper_;
};

template <class Event>
decision_maker(const event_store<Event>&) -> decision_maker<Event>;
template <class Event, class Strategy>
decision_maker(const event_store<Event>&, Strategy) -> decision_maker<Event>;
template <class Event>
decision_maker(const event_store<Event>&, retry) -> decision_maker<Event>;

}  // namespace dcb::inline v0
