// The typed front of a log of events: what stores on a server and in memory have in common.
#pragma once

#include <dcb/event_log.hpp>
#include <dcb/event_schema.hpp>
#include <dcb/meta.hpp>
#include <dcb/state.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace dcb::inline v0 {

/// How events are appended.
struct append_options {
  std::optional<std::string> metadata{};        ///< JSON text, stored with each of the events
  std::optional<std::string> correlation_id{};  ///< goes into the metadata, which then has to be an object; as does the next
  std::optional<std::string> causation_id{};
  call_options call{};
};

/// For what is done because of an event: it is the cause, and the correlation goes on.
DCB_EXPORT append_options because_of(const meta& cause);

// A log's events of types that the variant does not have are not for a typed reader: items for any type become items for these.
DCB_EXPORT event_query known_types_only(const event_query& query, std::span<const event_type* const> types);
// Adds what the options say to what encoding put into the events' metadata.
DCB_EXPORT void set_metadata(std::span<new_event> events, const append_options& options);

/// The events of a read, fetched in batches while they are walked through: for (const auto& recorded : store.read(query)).
/// What is appended after the walk began is not part of it. Thread safety: to be used by one thread at a time; the store must outlive it.
template <class Event>
class history {
 public:
  class iterator {
   public:
    using value_type = recorded<Event>;
    using difference_type = std::ptrdiff_t;
    const value_type& operator*() const { return from_->batch_[from_->next_]; }
    const value_type* operator->() const { return &**this; }
    iterator& operator++() {
      if (++from_->next_ == from_->batch_.size()) from_->fetch();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) { return i.at_end(); }

   private:
    friend class history;
    bool at_end() const { return from_->next_ == from_->batch_.size(); }
    explicit iterator(history& from) : from_(&from) {}
    history* from_;
  };

  /// Begins the walk, or goes on with it.
  iterator begin() {
    if (!begun_) fetch();
    return iterator{*this};
  }
  std::default_sentinel_t end() const { return {}; }

  history(event_log& log, event_query query, read_options options, call_options call)
      : log_(&log), query_(std::move(query)), options_(options), call_(std::move(call)) {}

 private:
  static constexpr std::int64_t batch_size = 1000;

  void fetch() {
    batch_.clear();
    next_ = 0;
    if (done_) return;
    if (!begun_ && !options_.backwards && !options_.upto) options_.upto = log_->head(call_);
    auto bounded = options_;
    bounded.max_count = std::min(options_.max_count.value_or(batch_size), batch_size);
    log_->read(
        query_, bounded, [&](const recorded_event& stored) { return batch_.push_back(event_schema<Event>::record(stored)), true; }, call_);
    begun_ = true;
    const auto count = static_cast<std::int64_t>(batch_.size());
    done_ = count < *bounded.max_count || options_.max_count == count;
    if (done_) return;
    if (options_.max_count) *options_.max_count -= count;
    if (options_.backwards)
      options_.upto = batch_.back().position - 1;
    else
      options_.after = batch_.back().position;
  }

  event_log* log_;
  event_query query_;
  read_options options_;
  call_options call_;
  std::vector<recorded<Event>> batch_{};
  std::size_t next_ = 0;
  bool begun_ = false;
  bool done_ = false;
};

/// One of several appends that are sent together.
template <class Event>
struct submission {
  std::vector<Event> events{};
  std::optional<append_condition> condition{};
  std::optional<uuid> append_id{};
};

// Holds the log that the typed front refers to; a base, so that it is there first.
template <class Log>
struct log_holder {
  Log held;
  log_holder() requires std::default_initializable<Log>
  = default;
  explicit log_holder(Log&& log) : held(std::move(log)) {}
  log_holder(const log_holder&) = delete;
  log_holder& operator=(const log_holder&) = delete;
};

/// A log whose events are the alternatives of a variant; `store` and `memory_store` are such, so that functions can take either.
/// Thread safety: every member may be called from any thread at any time. Errors: those of `event_log`, and `decode_error`.
template <class Event>
class event_store {
 public:
  using event_type = Event;

  /// The log behind, with events as text.
  event_log& log() const noexcept { return *log_; }

  /// Appends all events or none and answers the position of the last.
  std::int64_t append(std::span<const Event> events, const append_options& options = {}) const { return append_encoded(events, {}, options); }

  template <class... E>
  requires(sizeof...(E) > 0 && (has_alternative<Event, E> && ...)) std::int64_t append(const E&... events)
  const {
    const Event all[]{Event{events}...};
    return append(std::span<const Event>{all});
  }

  /// Appends unless an event after `condition.after` matches `condition.fail_if_events_match`; then throws `conflict`.
  std::int64_t append_if(std::span<const Event> events, const append_condition& condition, const append_options& options = {}) const {
    return append_encoded(events, condition, options);
  }

  /// Appends each or refuses it, independently of the others but all in one call and in this order; see `event_log::submit_many`.
  std::vector<append_outcome> submit_many(std::span<const submission<Event>> submissions, const append_options& options = {}) const {
    std::vector<append_command> commands;
    for (const auto& [events, condition, append_id] : submissions) {
      commands.push_back({event_schema<Event>::encode(events), condition, append_id});
      set_metadata(commands.back().events, options);
    }
    return log_->submit_many(commands, options.call);
  }

  /// The matching events, to be walked through once. Events of types that the variant does not have are left out.
  history<Event> read(const event_query& query = event_query::all(), const read_options& options = {}, const call_options& call = {}) const {
    return {*log_, known(query), options, call};
  }

  /// Hands the matching events to `sink`, which takes a `const recorded<Event>&` and may answer false to stop. Answers the position that the
  /// read vouches for, as `event_log::read`.
  template <std::invocable<const recorded<Event>&> Sink>
  std::int64_t read(const event_query& query, const read_options& options, Sink&& sink, const call_options& call = {}) const {
    return log_->read(
        known(query), options,
        [&](const recorded_event& stored) {
          if constexpr (std::convertible_to<std::invoke_result_t<Sink&, const recorded<Event>&>, bool>)
            return bool(sink(event_schema<Event>::record(stored)));
          else
            return sink(event_schema<Event>::record(stored)), true;
        },
        call);
  }

  /// Feeds a state, or a tuple of states, with the events after `after`. Answers the position that the read vouches for: given as `after` next time,
  /// it makes a state that is kept catch up. A state without ids sees the events of all.
  template <class States>
  std::int64_t load(States& states, std::int64_t after = 0, const call_options& call = {}) const {
    return load_range(states, {.after = after}, call);
  }

  /// The same as it was: feeds a fresh state, or a tuple of these, with the events up to and including a position; `position_at` has that of a time.
  template <class States>
  std::int64_t load_as_of(States& states, std::int64_t position, const call_options& call = {}) const {
    return load_range(states, {.upto = position}, call);
  }

  std::int64_t head(const call_options& call = {}) const { return log_->head(call); }
  bool exists(const event_query& query, std::int64_t after = 0, const call_options& call = {}) const { return log_->exists(query, after, call); }
  std::int64_t count(const event_query& query, std::int64_t after = 0, const call_options& call = {}) const {
    return log_->count(query, after, call);
  }
  std::optional<std::int64_t> last(const event_query& query = event_query::all(), const call_options& call = {}) const {
    return log_->last(query, call);
  }
  std::int64_t position_at(timestamp time, const call_options& call = {}) const { return log_->position_at(time, call); }

  /// The same calls for those who do not want exceptions: an `error` is part of the answer.
  result<std::int64_t> try_append(std::span<const Event> events, const append_options& options = {}) const {
    return try_call([&] { return append(events, options); });
  }
  template <class... E>
  requires(sizeof...(E) > 0 && (has_alternative<Event, E> && ...)) result<std::int64_t> try_append(const E&... events)
  const {
    return try_call([&] { return append(events...); });
  }
  result<std::int64_t> try_append_if(std::span<const Event> events, const append_condition& condition, const append_options& options = {}) const {
    return try_call([&] { return append_if(events, condition, options); });
  }
  template <std::invocable<const recorded<Event>&> Sink>
  result<std::int64_t> try_read(const event_query& query, const read_options& options, Sink&& sink, const call_options& call = {}) const {
    return try_call([&] { return read(query, options, sink, call); });
  }
  template <class States>
  result<std::int64_t> try_load(States& states, std::int64_t after = 0, const call_options& call = {}) const {
    return try_call([&] { return load(states, after, call); });
  }
  template <class States>
  result<std::int64_t> try_load_as_of(States& states, std::int64_t position, const call_options& call = {}) const {
    return try_call([&] { return load_as_of(states, position, call); });
  }
  result<std::int64_t> try_head(const call_options& call = {}) const { return log_->try_head(call); }
  result<bool> try_exists(const event_query& query, std::int64_t after = 0, const call_options& call = {}) const {
    return log_->try_exists(query, after, call);
  }
  result<std::int64_t> try_count(const event_query& query, std::int64_t after = 0, const call_options& call = {}) const {
    return log_->try_count(query, after, call);
  }
  result<std::optional<std::int64_t>> try_last(const event_query& query = event_query::all(), const call_options& call = {}) const {
    return log_->try_last(query, call);
  }
  result<std::int64_t> try_position_at(timestamp time, const call_options& call = {}) const { return log_->try_position_at(time, call); }

 protected:
  explicit event_store(event_log& log) : log_(&log) {}
  ~event_store() = default;

 private:
  static event_query known(const event_query& query) { return known_types_only(query, event_schema<Event>::types); }

  std::int64_t append_encoded(std::span<const Event> events, const std::optional<append_condition>& condition, const append_options& options) const {
    auto encoded = event_schema<Event>::encode(events);
    set_metadata(encoded, options);
    return log_->append(encoded, condition, options.call);
  }

  template <class States>
  std::int64_t load_range(States& states, const read_options& range, const call_options& call) const {
    if constexpr (is_tuple<States>) {
      static_cast<void>(states_are_known<Event, States>{});
      loading<Event, States> load{states};
      return log_->read(
          load.query(), range, [&](const recorded_event& stored) { return load.fold(stored), true; }, call);
    } else {
      std::tuple<States&> one{states};
      return load_range(one, range, call);
    }
  }

  event_log* log_;
};

}  // namespace dcb::inline v0
