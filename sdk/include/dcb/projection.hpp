// Projections: structs whose handle() or react() overloads say which events they are handed.
//
//   static constexpr auto name       the name of its subscription in the store
//   handle(dcb::transaction&, const E&[, const dcb::meta&])   effects in the same database. The transaction also holds the checkpoint: every
//                                    event has its effect exactly once
//   react(const E&[, const dcb::meta&])   effects elsewhere: at least once, with `meta.dedup_key()` to recognise a repetition
//
// and, all optional, as static or ordinary members:
//   query()                          narrows the events by tags
//   on_failure                       a dcb::failure_policy
//   batch_size                       how many events a transaction spans at most
//   partition_by, partitions         a tag's name, and how many partitions by its value: these are handled side by side, each in order
//   start_after                      the position to begin after when the subscription is new; std::nullopt: only what comes from now on
//   replaces, swap(dcb::transaction&)   the name of the former version: this one is built beside it and takes its place when it has caught up
//
// A projection whose handlers are const may be called by several threads at the same time, for different partitions; others by one at a time.
#pragma once

#include <dcb/event_schema.hpp>
#include <dcb/state.hpp>
#include <dcb/subscriber.hpp>

#include <array>
#include <concepts>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace dcb::inline v0 {

template <class P, class E>
concept handles = requires(P& p, transaction& in, const E& event) { p.handle(in, event); } ||
                  requires(P& p, transaction& in, const E& event, const meta& about) { p.handle(in, event, about); };
template <class P, class E>
concept handles_without_transaction = requires(P& p, const E& event) { p.handle(event); } ||
                                      requires(P& p, const E& event, const meta& about) { p.handle(event, about); };
template <class P, class E>
concept reacts_to = requires(P& p, const E& event) { p.react(event); } || requires(P& p, const E& event, const meta& about) { p.react(event, about); };
template <class P, class E>
concept decides_on = requires(P& p, const E& event) { p.when(event); } || requires(P& p, const E& event, const meta& about) { p.when(event, about); };

template <class P, class E>
concept subscribes_to = handles<P, E> || reacts_to<P, E> || decides_on<P, E>;

template <class P>
concept named = requires(const P& p) {
  std::string{p.name};
};

// What the members of a subscriber's struct say; `handled` are its event types.
template <class P>
subscriber_settings settings_of(const P& p, const event_query& handled) {
  static_assert(named<P>, "dcb: a projection or process manager needs `static constexpr auto name = \"…\"`: its place in the log is kept under it");
  subscriber_settings settings;
  auto& definition = settings.definition;
  if constexpr (named<P>) definition.name = std::string{p.name};
  if constexpr (requires { p.query(); })
    definition.query = narrowed_query(p.query(), handled, definition.name);
  else
    definition.query = handled;
  if constexpr (requires { p.start_after; }) definition.start_after = p.start_after;
  if constexpr (requires { p.partition_by; }) definition.partition_by = std::string{p.partition_by};
  if constexpr (requires { p.partitions; }) definition.partitions = p.partitions;
  if constexpr (requires { p.on_failure; }) settings.on_failure = p.on_failure;
  if constexpr (requires { p.batch_size; }) settings.batch_size = p.batch_size;
  if constexpr (requires { p.replaces; }) settings.replaces = std::string{p.replaces};
  static_assert(!requires { p.partitions; } || requires { p.partition_by; },
                "dcb: `partitions` needs `partition_by`, the name of the tag whose value says of which partition an event is");
  return settings;
}

// The types of a variant for which the question has a yes, as a query.
template <class... E>
event_query query_of(std::span<const bool> wanted) {
  return query_for(event_schema<std::variant<E...>>::types, wanted, {}, {});
}

template <class Event, class P>
class projection_subscriber;

template <class... E, class P>
class projection_subscriber<std::variant<E...>, P> final : public subscriber {
  using Event = std::variant<E...>;
  static_assert((subscribes_to<P, E> || ...) || !(handles_without_transaction<P, E> || ...),
                "dcb: handle() takes the transaction first: handle(dcb::transaction&, const E&); effects outside of the database are react(const E&)");
  static_assert((subscribes_to<P, E> || ...) || (handles_without_transaction<P, E> || ...),
                "dcb: this projection has no handle(dcb::transaction&, const E&) and no react(const E&) for any event E of the store");
  static constexpr bool in_transaction = (handles<P, E> || ...);
  static_assert(!(in_transaction && (reacts_to<P, E> || ...)),
                "dcb: a projection has either handle() or react(): what is done exactly once and what is done at least once are two projections");

 public:
  explicit projection_subscriber(P projection) : subscriber(settings(projection)), projection_(std::move(projection)) {}

  void handle(transaction& in, const recorded_event& stored, const meta& about) override { call(&in, stored, about); }
  void react(const recorded_event& stored, const meta& about) override { call(nullptr, stored, about); }
  void swap(transaction& in) override {
    if constexpr (requires { projection_.swap(in); }) projection_.swap(in);
  }

 private:
  static constexpr bool wanted[] = {(handles<P, E> || reacts_to<P, E>)...};
  // Handlers that are const for every event.
  static constexpr bool is_const = ((handles<P, E> == handles<const P, E> && reacts_to<P, E> == reacts_to<const P, E>)&&...);

  static subscriber_settings settings(const P& projection) {
    auto settings = settings_of(projection, query_of<E...>(wanted));
    settings.transactional = in_transaction;
    return settings;
  }

  void call(transaction* in, const recorded_event& stored, const meta& about) {
    const auto event = event_schema<Event>::decode(stored);
    std::unique_lock<std::mutex> alone;
    if constexpr (!is_const) alone = std::unique_lock{one_at_a_time_};
    std::visit(
        [&]<class X>(const X& x) {
          if constexpr (requires { projection_.handle(*in, x, about); })
            projection_.handle(*in, x, about);
          else if constexpr (requires { projection_.handle(*in, x); })
            projection_.handle(*in, x);
          else if constexpr (requires { projection_.react(x, about); })
            projection_.react(x, about);
          else if constexpr (requires { projection_.react(x); })
            projection_.react(x);
        },
        event);
  }

  P projection_;
  std::mutex one_at_a_time_;
};

template <class Event, class P>
class process_subscriber;  // process_manager.hpp

template <class Event, class P>
inline constexpr bool is_process_manager = false;
template <class... E, class P>
inline constexpr bool is_process_manager<std::variant<E...>, P> = (decides_on<P, E> || ...);

}  // namespace dcb::inline v0
