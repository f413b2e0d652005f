#pragma once

#include <dcb/event.hpp>
#include <dcb/export.hpp>
#include <dcb/query.hpp>
#include <dcb/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>

namespace dcb::inline v0 {

class observer;

/// Which of the matching events a read delivers: those with `after < position <= upto`, in order of position.
struct read_options {
  std::int64_t after = 0;
  std::optional<std::int64_t> max_count{};
  std::optional<std::int64_t> upto{};
  bool backwards = false;  ///< newest first; the bounds keep their meaning
};

/// The append fails if an event after `after` matches.
struct append_condition {
  event_query fail_if_events_match{};
  std::int64_t after = 0;
};

/// How one call is carried out.
struct call_options {
  std::optional<uuid> append_id{};                     ///< appends only: makes a repeated append have one effect and one answer
  std::optional<std::chrono::milliseconds> timeout{};  ///< for the whole call, waiting for a connection included
  std::stop_token stop{};
};

/// Receives the events of a read one by one; answering false ends the read.
using event_sink = std::function<bool(const recorded_event&)>;

/// A log of events with appends under a condition: a store on a server (`raw_store`) or in memory.
/// Thread safety: every member may be called from any thread at any time.
/// Every member throws `error` and its subclasses: `connection_error`, `timeout`, `cancelled`, and `error` with the SQLSTATEs DCB05 (no such
/// store), 42501 (no right) and 22023 (senseless argument) are possible everywhere and not repeated below.
class DCB_EXPORT event_log {
 public:
  event_log() = default;
  event_log(const event_log&) = default;
  event_log& operator=(const event_log&) = default;
  virtual ~event_log();

  /// Appends all events or none and answers the position of the last. Throws `conflict` if the condition fails, `error` DCB02 (query),
  /// DCB03 (event), DCB04 (no events), DCB06 (limit), DCB07 (append id used for other content), DCB09 (`after` is beyond the head; retryable).
  virtual std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition = {},
                              const call_options& call = {}) = 0;

  /// Hands the matching events to the sink and answers the position that this read vouches for: nothing that matches is unknown to the
  /// caller up to there, so that an append under the same query with this position as `after` is exact. It is at or near the head at the time of
  /// the read, or `upto` if that is less, and the last position delivered if `max_count` or the sink ended a forward read (see `vouched_position`).
  /// Throws `error` DCB02 (query), and whatever the sink throws.
  virtual std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call = {}) = 0;

  /// The position of the last event, 0 when there is none.
  virtual std::int64_t head(const call_options& call = {}) = 0;

  /// Whether an event after `after` matches. Throws `error` DCB02.
  virtual bool exists(const event_query& query, std::int64_t after = 0, const call_options& call = {}) = 0;

  /// How many events after `after` match. Throws `error` DCB02.
  virtual std::int64_t count(const event_query& query, std::int64_t after = 0, const call_options& call = {}) = 0;

  /// The position of the last event that matches. Throws `error` DCB02.
  virtual std::optional<std::int64_t> last(const event_query& query, const call_options& call = {}) = 0;

  /// The position of the last event recorded at or before `time`, 0 when there is none.
  virtual std::int64_t position_at(timestamp time, const call_options& call = {}) = 0;

  /// Who is told of what happens on this log; nullptr: nobody.
  virtual observer* watched_by() const noexcept { return nullptr; }

  /// The same calls for those who do not want exceptions: an `error` is part of the answer.
  result<std::int64_t> try_append(std::span<const new_event> events, const std::optional<append_condition>& condition = {},
                                  const call_options& call = {}) {
    return try_call([&] { return append(events, condition, call); });
  }
  result<std::int64_t> try_read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call = {}) {
    return try_call([&] { return read(query, options, sink, call); });
  }
  result<std::int64_t> try_head(const call_options& call = {}) {
    return try_call([&] { return head(call); });
  }
  result<bool> try_exists(const event_query& query, std::int64_t after = 0, const call_options& call = {}) {
    return try_call([&] { return exists(query, after, call); });
  }
  result<std::int64_t> try_count(const event_query& query, std::int64_t after = 0, const call_options& call = {}) {
    return try_call([&] { return count(query, after, call); });
  }
  result<std::optional<std::int64_t>> try_last(const event_query& query, const call_options& call = {}) {
    return try_call([&] { return last(query, call); });
  }
  result<std::int64_t> try_position_at(timestamp time, const call_options& call = {}) {
    return try_call([&] { return position_at(time, call); });
  }
};

/// The rule behind what `read` answers, for those who implement it. `head` belongs to the snapshot that the rows come from.
struct read_progress {
  std::int64_t head = 0;
  std::int64_t delivered = 0;      ///< number of events handed to the sink
  std::int64_t last_position = 0;  ///< of the last event handed to the sink
  bool stopped = false;            ///< by the sink
};
DCB_EXPORT std::int64_t vouched_position(const read_options& options, const read_progress& progress);

}  // namespace dcb::inline v0
