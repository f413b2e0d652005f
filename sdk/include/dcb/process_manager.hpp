// Process managers: structs whose when() overloads turn events into what is to be done about them.
//
//   auto when(const OrderPlaced& e) const { return ReserveSeats{e.order_id}; }                                 // a decision
//   auto when(const SeatsReserved& e, const dcb::meta& m) const {                                              // a due command
//     return dcb::at(m.recorded_at + 15min, ReservationExpired{e.order_id}).named(e.order_id).unless(…);
//   }
//   auto when(const OrderConfirmed& e) const { return dcb::cancel(e.order_id); }
//
// when() answers a decision, events, dcb::at(…), dcb::cancel(…) or dcb::nothing; or a std::optional, std::variant or std::tuple of these. It looks
// nothing up itself: what a process manager has to know it reads as the states of its decisions.
//
// All that is done about an event, and the checkpoint, are one transaction: exactly once. The append carries an append id made of the
// process manager's name and the event's position, so that a rewind or a replay does not repeat it; its events carry the correlation id of the event
// that caused them, and that as their cause. The other members are those of a projection (projection.hpp).
#pragma once

#include <dcb/decision.hpp>
#include <dcb/due.hpp>
#include <dcb/error_text.hpp>
#include <dcb/projection.hpp>

#include <concepts>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace dcb::inline v0 {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
concept any_decision = decision_traits<T, decltype(states_of(std::declval<const T&>()))>::decides;

// Puts what when() answered into the sink.
template <class Event, class Answer>
void perform(reaction_sink& sink, const Answer& answer) {
  if constexpr (std::same_as<Answer, nothing_t>) {
  } else if constexpr (has_alternative<Event, Answer>) {
    sink.append({event_schema<Event>::encode(Event{answer})});
  } else if constexpr (contains_all<Event, Answer>) {
    sink.append({event_schema<Event>::encode(widen<Event>(answer))});
  } else if constexpr (is_optional<Answer>) {
    if (answer) perform<Event>(sink, *answer);
  } else if constexpr (is_variant<Answer>) {
    std::visit([&](const auto& one) { perform<Event>(sink, one); }, answer);
  } else if constexpr (is_tuple<Answer>) {
    std::apply([&](const auto&... one) { (perform<Event>(sink, one), ...); }, answer);
  } else if constexpr (is_vector<Answer>) {
    for (const auto& one : answer) perform<Event>(sink, one);
  } else if constexpr (std::same_as<Answer, cancellation>) {
    sink.cancel(answer.key);
  } else if constexpr (std::derived_from<Answer, due_command_base>) {
    static_assert(schedules_only<Event, Answer>, "dcb: this due command appends events that the store's variant does not have");
    sink.schedule(answer);
  } else if constexpr (reflect::aggregate<Answer>) {
    static_assert(any_decision<Answer>,
                  "dcb: when() has to answer events of the store, a decision, dcb::at(…), dcb::cancel(…) or dcb::nothing, or an optional, variant or "
                  "tuple of these");
    if constexpr (any_decision<Answer>) {
      typed_steps<Event, Answer> steps{answer};
      sink.decide(steps);
      if (!steps.answer()) sink.refused(error_text(steps.answer().error()));
    }
  } else {
    static_assert(reflect::aggregate<Answer>,
                  "dcb: when() has to answer events of the store, a decision, dcb::at(…), dcb::cancel(…) or dcb::nothing, or an optional, variant or "
                  "tuple of these");
  }
}

template <class... E, class P>
class process_subscriber<std::variant<E...>, P> final : public subscriber {
  using Event = std::variant<E...>;
  static_assert(!((handles<P, E> || reacts_to<P, E>) || ...),
                "dcb: a process manager has when() only: make another projection of its handle() or react()");

 public:
  explicit process_subscriber(P manager) : subscriber(settings(manager)), manager_(std::move(manager)) {}

  void decide(reaction_sink& sink, const recorded_event& stored, const meta& about) override {
    const auto event = event_schema<Event>::decode(stored);
    std::unique_lock<std::mutex> alone;
    if constexpr (!is_const) alone = std::unique_lock{one_at_a_time_};
    std::visit(
        [&]<class X>(const X& x) {
          if constexpr (requires { manager_.when(x, about); })
            perform<Event>(sink, manager_.when(x, about));
          else if constexpr (requires { manager_.when(x); })
            perform<Event>(sink, manager_.when(x));
        },
        event);
  }

 private:
  static constexpr bool wanted[] = {decides_on<P, E>...};
  static constexpr bool is_const = ((decides_on<P, E> == decides_on<const P, E>)&&...);

  static subscriber_settings settings(const P& manager) {
    auto settings = settings_of(manager, query_of<E...>(wanted));
    settings.reacts = true;
    return settings;
  }

  P manager_;
  std::mutex one_at_a_time_;
};

/// A projection or process manager for the events of a variant, as the runner takes it.
template <class Event, class P>
std::unique_ptr<subscriber> make_subscriber(P p) {
  if constexpr (is_process_manager<Event, P>)
    return std::make_unique<process_subscriber<Event, P>>(std::move(p));
  else
    return std::make_unique<projection_subscriber<Event, P>>(std::move(p));
}

}  // namespace dcb::inline v0
