#pragma once

#include <dcb/event_log.hpp>
#include <dcb/export.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace dcb::inline v0 {

/// A log in memory that answers as a store on a server does, errors and limits included; for tests and for programs that need no durability.
/// JSON texts are kept as given, while a server answers them as it writes jsonb.
/// Thread safety: every member may be called from any thread at any time.
class DCB_EXPORT raw_memory_store final : public event_log {
 public:
  raw_memory_store() = default;
  raw_memory_store(const raw_memory_store&) = delete;
  raw_memory_store& operator=(const raw_memory_store&) = delete;

  std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition = {},
                      const call_options& call = {}) override;
  /// A sink may use the store: it is handed what was there when the read began.
  std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call = {}) override;
  std::int64_t head(const call_options& call = {}) override;
  bool exists(const event_query& query, std::int64_t after = 0, const call_options& call = {}) override;
  std::int64_t count(const event_query& query, std::int64_t after = 0, const call_options& call = {}) override;
  std::optional<std::int64_t> last(const event_query& query, const call_options& call = {}) override;
  std::int64_t position_at(timestamp time, const call_options& call = {}) override;

 private:
  struct answered {
    std::vector<new_event> events;
    std::int64_t position;
  };

  std::int64_t head_locked() const { return static_cast<std::int64_t>(events_.size()); }
  void check_condition(const append_condition& condition) const;

  std::mutex mutex_;
  std::vector<std::shared_ptr<const recorded_event>> events_;  // at index position - 1; never changed once there
  std::map<uuid, answered> answers_;                           // by append id
};

}  // namespace dcb::inline v0
