#pragma once

#include <dcb/event.hpp>
#include <dcb/export.hpp>
#include <dcb/query.hpp>
#include <dcb/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace dcb::inline v0 {

class observer;
class reaction_store;

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
  /// Questions only: a standby may answer (`store_options::reader_conninfo`), which may be behind; the primary does if none can be reached. A position read
  /// there is as true as any other, but older, so that a condition upon it finds more conflicts.
  bool may_lag = false;
};

/// Receives the events of a read one by one; answering false ends the read.
using event_sink = std::function<bool(const recorded_event&)>;

/// A part of what is loaded for a decision: the events that match a query or, if it has a name for snapshots, the latest of these and the
/// events after it.
struct load_part {
  event_query query{};
  std::string snapshot_name{};  ///< empty: no snapshots
  std::int64_t snapshot_version = 0;
};

/// A state as of a position, in whatever form its owner gave it.
struct saved_state {
  std::int64_t position = 0;
  std::string state{};
};

/// Receives what is loaded; each part in order, first its snapshot if it has one. Parts may come interleaved.
class DCB_EXPORT load_sink {
 public:
  virtual void restore(std::size_t part, const saved_state& saved) = 0;
  virtual void fold(std::size_t part, const recorded_event& stored) = 0;

 protected:
  load_sink() = default;
  load_sink(const load_sink&) = default;
  load_sink& operator=(const load_sink&) = default;
  ~load_sink() = default;
};

/// One of several appends that are sent together, or the append of a decision that waited in line.
struct append_command {
  std::vector<new_event> events{};
  std::optional<append_condition> condition{};
  std::optional<uuid> append_id{};
};

/// What became of it.
struct DCB_EXPORT append_outcome {
  std::int64_t position = 0;                 ///< of its last event
  std::string sqlstate{};                    ///< of the refusal: DCB01 (condition), DCB07 (append id), DCB09 (`after`); empty: it is appended
  std::optional<std::int64_t> conflict_at{};  ///< with DCB01: the position of the event that matched

  explicit operator bool() const noexcept { return sqlstate.empty(); }
  /// The position, or the refusal as `append` throws it.
  std::int64_t value() const;
};

/// A queue before a hot boundary, by tags: those who wait in a line that has one of them are served one after the other, first come first served.
struct waiting_line {
  std::vector<std::string> tags{};
  std::chrono::milliseconds at_most{1000};  ///< how long to wait for one's turn
};

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

  /// Hands all parts to the sink, read at once, and answers the position that this vouches for, as `read` does. A snapshot counts only if it was
  /// saved for the same name, version and query, in this log. Throws `error` DCB02 (query), 55000 and 42501 when there are no snapshots or
  /// no right to them, and whatever the sink throws. A log that does not say otherwise has no snapshots.
  virtual std::int64_t load(std::span<const load_part> parts, load_sink& sink, const call_options& call = {});

  /// Keeps a state of a part as of a position, unless a later one is kept or somebody is just saving; answers whether it did. Throws `error` 22023
  /// (no position), DCB06 (name) and DCB09 (beyond the head).
  virtual bool save_snapshot(const load_part& part, const saved_state& state, const call_options& call = {});

  /// Appends each command or refuses it, independently of the others but all at once and in this order: a later one's condition sees the
  /// events of earlier ones. Throws what `append` throws for bad input in any of them, and then appends none, and 0A000 from a log that cannot do it.
  virtual std::vector<append_outcome> submit_many(std::span<const append_command> commands, const call_options& call = {});

  /// Decides on the position read up to; nothing to append is an answer.
  using decide_function = std::function<std::optional<append_command>(std::int64_t read_upto)>;

  /// Waits for the turn in a line, then loads, decides and appends before the next in line gets on. Answers the position of the last event appended, or
  /// the one read up to. The line keeps those apart who wait in it; what others append meanwhile is a matter of the condition. Throws what
  /// `load` and `append` throw, `timeout` 55P03 when the turn did not come in time, whatever `decide` throws, and 0A000 from a log
  /// without lines.
  virtual std::int64_t append_in_line(const waiting_line& line, std::span<const load_part> parts, load_sink& sink, const decide_function& decide,
                                      const call_options& call = {});

  /// Subscriptions and due appends of this log. Throws `error` 0A000 if it has none.
  virtual reaction_store& reactions();

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
  result<std::vector<append_outcome>> try_submit_many(std::span<const append_command> commands, const call_options& call = {}) {
    return try_call([&] { return submit_many(commands, call); });
  }
};

/// The rule behind what `read` answers, for those who implement it. `head` belongs to the snapshot that the rows come from.
struct read_progress {
  std::int64_t head = 0;
  std::int64_t delivered = 0;      ///< number of events handed to the sink
  std::int64_t last_position = 0;  ///< of the last event handed to the sink
  bool stopped = false;            ///< by the sink
};
/// Which parts want an event; for those who implement `load` without snapshots.
DCB_EXPORT void fold_into_parts(std::span<const load_part> parts, load_sink& sink, const recorded_event& event);
DCB_EXPORT std::int64_t vouched_position(const read_options& options, const read_progress& progress);

}  // namespace dcb::inline v0
