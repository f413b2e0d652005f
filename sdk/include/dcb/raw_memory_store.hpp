#pragma once

#include <dcb/event_log.hpp>
#include <dcb/export.hpp>
#include <dcb/transaction.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace dcb::inline v0 {

class memory_reactions;

/// A log in memory that answers as a store on a server does, errors and limits included; for tests and for programs that need no durability.
/// JSON texts are kept as given, while a server answers them as it writes jsonb.
/// Thread safety: every member may be called from any thread at any time.
class DCB_EXPORT raw_memory_store final : public event_log {
 public:
  explicit raw_memory_store(std::shared_ptr<observer> watch = {});
  raw_memory_store(const raw_memory_store&) = delete;
  raw_memory_store& operator=(const raw_memory_store&) = delete;
  ~raw_memory_store() override;

  /// What tells the time from now on, for `recorded_at`, leases and what is due; a test's own, or the system's clock.
  void set_clock(std::function<timestamp()> clock);

  /// What stands for a database in transactions: answers their statements. Without it a statement answers no rows.
  using sql_function = std::function<std::vector<sql_row>(std::string_view sql, std::span<const std::optional<std::string>> params)>;
  void set_sql(sql_function answer);

  /// A statement of a transaction that has committed.
  struct executed {
    std::string sql{};
    std::vector<std::optional<std::string>> params{};
    friend bool operator==(const executed&, const executed&) = default;
  };
  std::vector<executed> statements() const;

  /// Begins a transaction: its statements, appends and checkpoints become one at its commit. Reads do not see its own appends.
  transaction begin();

  std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition = {},
                      const call_options& call = {}) override;
  /// A sink may use the store: it is handed what was there when the read began.
  std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call = {}) override;
  std::int64_t head(const call_options& call = {}) override;
  bool exists(const event_query& query, std::int64_t after = 0, const call_options& call = {}) override;
  std::int64_t count(const event_query& query, std::int64_t after = 0, const call_options& call = {}) override;
  std::optional<std::int64_t> last(const event_query& query, const call_options& call = {}) override;
  std::int64_t position_at(timestamp time, const call_options& call = {}) override;
  std::int64_t load(std::span<const load_part> parts, load_sink& sink, const call_options& call = {}) override;
  bool save_snapshot(const load_part& part, const saved_state& state, const call_options& call = {}) override;
  std::vector<append_outcome> submit_many(std::span<const append_command> commands, const call_options& call = {}) override;
  std::int64_t append_in_line(const waiting_line& line, std::span<const load_part> parts, load_sink& sink, const decide_function& decide,
                              const call_options& call = {}) override;
  observer* watched_by() const noexcept override { return watch_.get(); }

  reaction_store& reactions() override;

 private:
  using shared_event = std::shared_ptr<const recorded_event>;
  using snapshot_key = std::tuple<std::string, std::string, std::int64_t>;  // name, query, version
  friend class memory_reactions;
  friend class memory_transaction;

  struct answered {
    std::vector<new_event> events;
    std::int64_t position;
  };
  class turn;

  std::int64_t head_locked() const { return static_cast<std::int64_t>(events_.size()); }
  void check_condition(const append_condition& condition) const;
  std::int64_t append_locked(std::vector<new_event> fresh, const std::optional<append_condition>& condition, const std::optional<uuid>& append_id);
  timestamp now() const;

  std::shared_ptr<observer> watch_;
  mutable std::mutex mutex_;
  std::condition_variable_any appended_;
  std::vector<shared_event> events_;  // at index position - 1; never changed once there
  std::map<uuid, answered> answers_;  // by append id
  std::map<snapshot_key, saved_state> snapshots_;

  std::mutex lines_mutex_;
  std::condition_variable_any lines_moved_;
  std::map<std::string, std::deque<const turn*>> lines_;  // by tag; the first has the turn

  std::function<timestamp()> clock_;
  sql_function sql_;
  std::vector<executed> statements_;
  std::unique_ptr<memory_reactions> reactions_;
};

}  // namespace dcb::inline v0
