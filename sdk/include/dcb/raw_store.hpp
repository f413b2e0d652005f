#pragma once

#include <dcb/event_log.hpp>
#include <dcb/export.hpp>
#include <dcb/observer.hpp>
#include <dcb/transaction.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace dcb::inline v0 {

/// Connections are made when they are needed and kept for later calls. There is no thread behind: what is to be closed is closed when the
/// store is used the next time. Durations of 0 mean never for `max_age` and `idle_timeout`.
struct pool_options {
  std::size_t max_connections = 8;
  std::chrono::milliseconds acquire_timeout{30'000};    ///< how long a call waits for a free connection; who waits is served in order
  std::chrono::milliseconds connect_timeout{10'000};    ///< for each host that is tried
  std::chrono::milliseconds reconnect_timeout{10'000};  ///< how long a store that was connected before tries again, with growing random pauses
  std::chrono::milliseconds max_age{3'600'000};         ///< a connection older than that (or up to a fifth less) is closed after its call
  std::chrono::milliseconds idle_timeout{600'000};      ///< one that lay idle for so long is closed
  std::chrono::milliseconds validate_after{30'000};     ///< one that lay idle for so long is asked for a sign of life before it is used
};

struct store_options {
  pool_options pool{};
  std::string application_name = "dcb";               ///< unless the conninfo or PGAPPNAME says otherwise
  std::chrono::milliseconds cancel_grace{5'000};      ///< how long a cancelled statement may take to end before its connection is dropped
  std::chrono::milliseconds resolve_timeout{30'000};  ///< how long an append with an id whose answer was lost is sent again
  std::string reader_conninfo{};                      ///< of standbys, for calls with `call_options::may_lag`; a pool of its own. Empty: none
  bool transaction_pooling = false;                   ///< PgBouncer stands in between and pools transactions: nothing is kept in a session
  std::shared_ptr<observer> watch{};                  ///< is told of connections, calls and retries
};

/// A store on a PostgreSQL server with the extension pg_dcb, through a pool of connections made when needed.
/// Thread safety: every member may be called from any thread at any time, except moving and destroying. A moved-from store may only be
/// assigned to or destroyed. A sink that uses the store takes a second connection.
class DCB_EXPORT raw_store final : public event_log {
 public:
  /// `conninfo` as libpq takes it (`host=… dbname=…` or a URI; empty: the PG… environment). Of several hosts, the first that accepts writes is used,
  /// unless `target_session_attrs` says otherwise; one that becomes read-only is left. Does not connect yet.
  raw_store(std::string conninfo, std::string store, store_options options = {});
  raw_store(raw_store&&) noexcept;
  raw_store& operator=(raw_store&&) noexcept;
  ~raw_store() override;

  std::string_view name() const noexcept;
  observer* watched_by() const noexcept override;

  /// As `event_log::append`, in a transaction of its own. When the answer is lost: with an `append_id` the append is sent again
  /// until an answer comes, otherwise `connection_error` with `in_doubt()` is thrown.
  std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition = {},
                      const call_options& call = {}) override;

  /// As `event_log::read`, streamed: memory does not grow with the number of events.
  std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call = {}) override;

  std::int64_t head(const call_options& call = {}) override;
  bool exists(const event_query& query, std::int64_t after = 0, const call_options& call = {}) override;
  std::int64_t count(const event_query& query, std::int64_t after = 0, const call_options& call = {}) override;
  std::optional<std::int64_t> last(const event_query& query, const call_options& call = {}) override;
  std::int64_t position_at(timestamp time, const call_options& call = {}) override;

  /// As `event_log::load`, one statement.
  std::int64_t load(std::span<const load_part> parts, load_sink& sink, const call_options& call = {}) override;
  bool save_snapshot(const load_part& part, const saved_state& state, const call_options& call = {}) override;

  /// As `event_log::submit_many`, one statement and one transaction. When the answer is lost, all are sent again as with `append`,
  /// provided that each has an `append_id`.
  std::vector<append_outcome> submit_many(std::span<const append_command> commands, const call_options& call = {}) override;

  /// As `event_log::append_in_line`, in one transaction, which holds a connection while it waits.
  std::int64_t append_in_line(const waiting_line& line, std::span<const load_part> parts, load_sink& sink, const decide_function& decide,
                              const call_options& call = {}) override;

  reaction_store& reactions() override;

  /// Begins a transaction of the caller's on a connection of the pool. `call` bounds the wait for the connection and the BEGIN.
  transaction begin(isolation level = isolation::read_committed, const call_options& call = {});

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace dcb::inline v0
