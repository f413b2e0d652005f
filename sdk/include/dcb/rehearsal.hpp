// Tests of projections and process managers without a database:
//
//   dcb::rehearsal<OrderEvent> on_stage;
//   on_stage.add(HoldReservation{}).given(SeatsReserved{"o1"}).then_nothing();
//   on_stage.after(15min).then(ReservationExpired{"o1"});
//
// What does not hold throws dcb::expectation_failed, which every test framework reports with its text.
#pragma once

#include <dcb/memory_store.hpp>
#include <dcb/runner.hpp>
#include <dcb/testing.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dcb::inline v0 {

/// An SQL statement with its parameters, as `then_sql` compares them.
template <class... Params>
raw_memory_store::executed statement_of(std::string sql, const Params&... params) {
  return {std::move(sql), {to_sql_text(params)...}};
}

DCB_EXPORT std::string listed(const std::vector<raw_memory_store::executed>& statements);

// Remembers failures, and throws the first one where the test can see it.
class DCB_EXPORT strict_observer final : public runner_observer {
 public:
  strict_observer();
  ~strict_observer() override;
  void failed(const failure_report& report) noexcept override;
  void stopped(const reaction_place& where, std::string_view reason) noexcept override;
  void disconnected(std::string_view store, std::string_view reason) noexcept override;
  void check();  // throws expectation_failed

 private:
  std::optional<std::string> failure_;
};

/// A store in memory, whose clock moves only when it is told to, with projections and process managers that have always dealt with everything.
/// Thread safety: to be used by one thread.
template <class Event>
class rehearsal {
 public:
  rehearsal() {
    store_.log().set_clock([this] { return now_; });
  }
  rehearsal(const rehearsal&) = delete;
  rehearsal& operator=(const rehearsal&) = delete;

  template <class P>
  rehearsal& add(P projection) {
    runner_.add(std::move(projection));
    return *this;
  }

  /// What stands for the database in handlers; without it, statements answer no rows.
  rehearsal& answering(raw_memory_store::sql_function answer) {
    store_.log().set_sql(std::move(answer));
    return *this;
  }

  /// These events happen, and are reacted to.
  template <class... E>
  requires(has_alternative<Event, E>&&...) rehearsal& given(const E&... events) {
    if constexpr (sizeof...(E) > 0) store_.append(events...);
    return play();
  }

  /// So much time goes by; what is due in it is carried out at its time.
  template <class Rep, class Period>
  rehearsal& after(std::chrono::duration<Rep, Period> time) {
    const auto until = now_ + std::chrono::duration_cast<timestamp::duration>(time);
    const auto from = store_.head();
    const auto statements_before = store_.log().statements().size();
    for (auto next = next_due(); next && *next <= until; next = next_due()) {
      now_ = std::max(now_, *next);
      play();
    }
    now_ = until;
    play();
    from_ = from;
    statements_before_ = statements_before;
    return *this;
  }

  /// Exactly these events were appended in answer to the last `given` or `after`, in this order.
  template <class... E>
  requires(has_alternative<Event, E>&&...) rehearsal& then(const E&... events) {
    const std::vector<Event> all{Event{events}...};
    const auto expected = listed(event_schema<Event>::encode(all));
    if (expected != got()) fail_expectation(expected, got());
    return *this;
  }
  rehearsal& then_nothing() { return then(); }

  /// Exactly these statements were executed since the last `given` or `after`: dcb::statement_of("DELETE …", "a1").
  template <class... Statement>
  rehearsal& then_sql(const Statement&... statements) {
    const auto expected = listed(std::vector<raw_memory_store::executed>{statements...});
    auto all = store_.log().statements();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(statements_before_));
    if (const auto executed = listed(all); expected != executed) fail_expectation(expected, executed);
    return *this;
  }

  /// The store, for what else a test wants to know, and its time.
  const memory_store<Event>& store() const noexcept { return store_; }
  timestamp now() const noexcept { return now_; }

 private:
  std::optional<timestamp> next_due() {
    std::optional<timestamp> next;
    for (const auto& each : store_.log().reactions().due())
      if (each.state == due_state::pending && (!next || each.due < *next)) next = each.due;
    return next;
  }

  rehearsal& play() {
    from_ = store_.head();
    statements_before_ = store_.log().statements().size();
    runner_.run_once();
    failures_.check();
    return *this;
  }

  std::string got() const {
    std::vector<Event> all;
    for (const auto& recorded : store_.read(event_query::all(), {.after = from_})) all.push_back(recorded.event);
    return listed(event_schema<Event>::encode(all));
  }

  timestamp now_{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};
  memory_store<Event> store_;
  strict_observer failures_;
  runner<Event> runner_{store_, {.run_due = std::chrono::milliseconds{1}, .watch = &failures_}};
  std::int64_t from_ = 0;
  std::size_t statements_before_ = 0;
};

}  // namespace dcb::inline v0
