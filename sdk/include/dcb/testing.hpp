// Tests of decisions without a database:
//   dcb::given(CouponEmitted{"c1", 1}).when(ApplyCoupon{"u1", "c1"}).then(CouponApplied{"c1", "u1"});
// What does not hold throws dcb::expectation_failed, which every test framework reports with its text.
#pragma once

#include <dcb/decision.hpp>
#include <dcb/error_text.hpp>
#include <dcb/export.hpp>
#include <dcb/json.hpp>
#include <dcb/memory_store.hpp>

#include <concepts>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace dcb::inline v0 {

class DCB_EXPORT expectation_failed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  expectation_failed(const expectation_failed&);
  expectation_failed& operator=(const expectation_failed&);
  ~expectation_failed() override;
};

DCB_EXPORT std::string listed(std::span<const new_event> events);
[[noreturn]] DCB_EXPORT void fail_expectation(const std::string& expected, const std::string& got);

/// What the decision answered; see `given`.
template <class Event, class Error>
class answered {
 public:
  explicit answered(decided<Event, Error> answer) : answer_(std::move(answer)) {}

  /// Exactly these events, in this order.
  template <class... E>
  requires(has_alternative<Event, E>&&...) void then(const E&... events) const {
    const std::vector<Event> all{Event{events}...};
    const auto expected = listed(event_schema<Event>::encode(all));
    if (expected != got()) fail_expectation(expected, got());
  }

  void then_error(const Error& expected) const {
    if (answer_ || !(answer_.error() == expected)) fail_expectation("the error " + error_text(expected), got());
  }

  /// Accepted, without events.
  void then_nothing() const {
    if (!answer_ || !answer_.events().empty()) fail_expectation("nothing", got());
  }

  /// Hands the events to a function with expectations of its own.
  template <std::invocable<const std::vector<Event>&> Check>
  void then_check(Check&& check) const {
    if (!answer_) fail_expectation("events", got());
    check(answer_.events());
  }

 private:
  std::string got() const {
    if (!answer_) return "the error " + error_text(answer_.error());
    return listed(event_schema<Event>::encode(answer_.events()));
  }

  decided<Event, Error> answer_;
};

template <class... Given>
class given_events {
 public:
  explicit given_events(Given... events) : events_(std::move(events)...) {}

  /// Makes the decision on a log of the given events, stored and read back as a store does it.
  template <class Decision>
  auto when(const Decision& decision) const {
    using Answer = typename decltype(decision_traits<Decision, decltype(states_of(decision))>::answer())::type;
    static_assert(is_decided<Answer>, "dcb: decide() has to answer dcb::decided<Event, Error>");
    return answered<typename Answer::event_type, typename Answer::error_type>{answer<Answer>(decision)};
  }

 private:
  template <class Answer, class Decision>
  Answer answer(const Decision& decision) const {
    using Event = events<typename Answer::event_type, Given...>;
    const memory_store<Event> store;
    if constexpr (sizeof...(Given) > 0) std::apply([&](const auto&... event) { store.append(event...); }, events_);
    typed_steps<Event, Decision> steps{decision};
    if (const auto parts = steps.begin(); !parts.empty()) store.log().load(parts, steps);
    static_cast<void>(steps.decide());
    return steps.answer();
  }

  std::tuple<Given...> events_;
};

/// The events that a decision finds, in this order; none is fine. Continue with `when(decision)` and one of
/// `then(events…)`, `then_error(error)`, `then_nothing()`, `then_check(function)`.
template <class... E>
given_events<E...> given(E... events) {
  return given_events<E...>{std::move(events)...};
}

}  // namespace dcb::inline v0
