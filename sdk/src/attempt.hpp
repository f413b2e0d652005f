#pragma once

// One attempt at a decision, and what follows from its failure. For the loops of one decision (decision.cpp) and of several (decisions.cpp).

#include "call_limits.hpp"

#include <dcb/decision.hpp>
#include <dcb/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dcb::inline v0 {

/// Load, decide, append. The position read up to is taken from the load itself, and the condition speaks of what comes after exactly that.
class attempt final : public load_sink {
 public:
  attempt(event_log& log, decision_steps& steps, const append_options& options, const call_limits& limits, bool with_snapshots);

  /// Answers the position of the last event appended, or the one read up to.
  std::int64_t run(const conflict_strategy& strategy);

  std::span<const load_part> parts() const { return parts_; }
  void restore(std::size_t part, const saved_state& saved) override;
  void fold(std::size_t part, const recorded_event& stored) override;
  /// What to append, on what was read up to that position.
  std::optional<append_command> decide(std::int64_t read_upto);
  /// After the answer.
  void keep_snapshots(snapshot_keeper& keeper);

  std::int64_t events_read() const { return events_read_; }
  std::int64_t read_upto() const { return read_upto_; }
  /// Whether reading all events instead of the snapshots may help: a snapshot that cannot be read, or no right to read any.
  bool blames_snapshots(const error& failure) const;
  const load_part* first_with_snapshot() const;
  /// What was never read, a guard against what must not be there at all, is not otherwise next time.
  bool conflicts_for_good(const error& failure) const { return parts_.empty() && dynamic_cast<const conflict*>(&failure); }

 private:
  waiting_line line_of(const conflict_strategy& strategy) const;
  call_options within_limits() const;

  event_log& log_;
  decision_steps& steps_;
  const append_options& options_;
  const call_limits& limits_;
  std::vector<load_part> parts_;
  std::vector<std::int64_t> folded_;  // by part, since its snapshot
  std::int64_t events_read_ = 0, last_read_ = 0, read_upto_ = 0;
  bool loaded_ = false;
};

/// The call's options with what is left of its time.
call_options rest_of(const call_options& call, const call_limits& limits);

const retry& retry_of(const conflict_strategy& strategy);
bool is_tried_again(const error& failure, const conflict_strategy& strategy, int attempts);
/// Throws `timeout` or `cancelled` if the limits come first.
void wait_after(int attempts, const conflict_strategy& strategy, const call_limits& limits);

}  // namespace dcb::inline v0
