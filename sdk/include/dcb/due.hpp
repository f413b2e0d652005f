// Appends in the future:
//   dcb::at(reserved_at + 15min, ReservationExpired{order_id}).unless(dcb::query<OrderConfirmed>(dcb::tag("order_id", order_id)))
#pragma once

#include <dcb/event_schema.hpp>
#include <dcb/event_store.hpp>
#include <dcb/export.hpp>
#include <dcb/reactions.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dcb::inline v0 {

// What a due command is but for the types of its events.
struct DCB_EXPORT due_command_base {
  timestamp due{};
  std::vector<new_event> events{};
  std::optional<event_query> fail_if_events_match{};
  std::optional<std::int64_t> after{};
  std::string key{};

  /// `fallback` stands for an `after` that was not given. Without a key the id is random.
  due_append append(std::int64_t fallback) const;
};

/// The id of the due command that was scheduled under a key. Thread safety: a value.
DCB_EXPORT uuid due_id(std::string_view key);

/// Events to be appended at a time, and on what condition. Thread safety: a value.
template <class... E>
class due_command : public due_command_base {
 public:
  due_command(timestamp at, const E&... each) {
    due = at;
    using Event = dcb::events<E...>;
    events = event_schema<Event>::encode(std::array{Event{each}...});
  }
  /// Only if no event that matches is there when it is due. Several are joined by OR.
  due_command&& unless(const event_query& query) && {
    fail_if_events_match = fail_if_events_match ? *fail_if_events_match | query : query;
    return std::move(*this);
  }
  /// Only events after this position count; by default, those after the event that a process manager reacts to, or else all.
  due_command&& since(std::int64_t position) && {
    after = position;
    return std::move(*this);
  }
  /// A name by which it is cancelled, and which makes it one, however often it is scheduled.
  due_command&& named(std::string name) && {
    key = std::move(name);
    return std::move(*this);
  }
};

/// Events to be appended once the store's clock shows this time.
template <class... E>
requires(sizeof...(E) > 0) due_command<E...> at(timestamp due, const E&... events) {
  return {due, events...};
}
template <class Duration, class... E>
requires(sizeof...(E) > 0) due_command<E...> at(std::chrono::sys_time<Duration> due, const E&... events) {
  return {std::chrono::time_point_cast<timestamp::duration>(due), events...};
}

/// A due command to be taken back, by its key. Thread safety: a value.
struct cancellation {
  std::string key{};
};
inline cancellation cancel(std::string key) { return {std::move(key)}; }

template <class Wide, class Command>
inline constexpr bool schedules_only = false;
template <class Wide, class... E>
inline constexpr bool schedules_only<Wide, due_command<E...>> = (has_alternative<Wide, E> && ...);

/// Schedules a due command, in the transaction if one is given, and answers its id.
template <class Event, class... E>
uuid schedule(const event_store<Event>& store, const due_command<E...>& command, transaction* in = nullptr) {
  static_assert(schedules_only<Event, due_command<E...>>, "dcb: this due command appends events that the store's variant does not have");
  const auto append = command.append(0);
  store.log().reactions().schedule(append, in);
  return append.id;
}

/// Takes a due command back. Answers whether it was still pending.
template <class Event>
bool cancel(const event_store<Event>& store, const cancellation& what, transaction* in = nullptr) {
  return store.log().reactions().cancel(due_id(what.key), in);
}

}  // namespace dcb::inline v0
