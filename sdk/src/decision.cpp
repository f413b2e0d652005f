#include <dcb/decision.hpp>
#include <dcb/error.hpp>
#include <dcb/observer.hpp>

#include "call_limits.hpp"

#include <algorithm>
#include <random>

namespace dcb::inline v0 {
namespace {

// Full jitter: spreads the next attempts of those who collided over the whole wait.
std::chrono::microseconds wait_before(int attempt, const retry& how) {
  const auto doublings = std::min(attempt - 2, 20);
  const auto bound = std::min<std::chrono::microseconds>(how.first_wait * (std::int64_t{1} << doublings), how.longest_wait);
  static thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::microseconds{std::uniform_int_distribution<std::int64_t>{0, bound.count()}(random)};
}

// One attempt: load, decide, append. The position read up to is taken from the load itself, and the condition speaks of what comes after exactly that.
class attempt final : load_sink {
 public:
  attempt(event_log& log, decision_steps& steps, const append_options& options, const call_limits& limits, bool with_snapshots)
      : log_(log), steps_(steps), options_(options), limits_(limits), parts_(steps.begin()), folded_(parts_.size()) {
    if (!with_snapshots)
      for (auto& part : parts_) part.snapshot_name.clear();
  }

  /// Answers the position of the last event appended, or the one read up to.
  std::int64_t run(const conflict_strategy& strategy) {
    if (const auto line = line_of(strategy); !line.tags.empty())
      return log_.append_in_line(
          line, parts_, *this, [this](std::int64_t read_upto) { return decide(read_upto); }, within_limits());
    const auto read_upto = parts_.empty() ? 0 : log_.load(parts_, *this, within_limits());
    const auto command = decide(read_upto);
    if (!command) return read_upto;
    auto call = within_limits();
    call.append_id = command->append_id;
    return log_.append(command->events, command->condition, call);
  }

  /// Whether all was loaded: what fails later is not the fault of a snapshot.
  bool loaded() const { return loaded_; }
  bool asks_for_snapshots() const {
    return std::ranges::any_of(parts_, [](const load_part& part) { return !part.snapshot_name.empty(); });
  }
  const load_part& first_with_snapshot() const { return *std::ranges::find_if(parts_, [](const load_part& part) { return !part.snapshot_name.empty(); }); }
  std::int64_t events_read() const { return events_read_; }

  /// After the answer.
  void keep_snapshots(snapshot_keeper& keeper) {
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      if (parts_[part].snapshot_name.empty() || folded_[part] < steps_.snapshot_every(part)) continue;
      try {
        keeper.keep(parts_[part], {read_upto_, steps_.snapshot(part)});
      } catch (const error& failure) {
        if (auto* const watch = log_.watched_by()) watch->snapshot_done({parts_[part].snapshot_name, read_upto_, false, &failure});
      }
    }
  }

 private:
  // Whatever is wrong with a snapshot, it is one that cannot be read.
  void restore(std::size_t part, const saved_state& saved) override try {
    steps_.restore(part, saved);
  } catch (const error&) {
    throw;
  } catch (const std::exception& failure) {
    throw decode_error(failure.what());
  }
  void fold(std::size_t part, const recorded_event& stored) override {
    ++folded_[part];
    if (stored.position != last_read_) ++events_read_;
    last_read_ = stored.position;
    steps_.fold(part, stored);
  }

  waiting_line line_of(const conflict_strategy& strategy) const {
    const auto* const wait = std::get_if<wait_in_line>(&strategy);
    if (!wait || parts_.empty()) return {};
    waiting_line line{wait->tags, wait->at_most};
    if (line.tags.empty())
      for (const auto& part : parts_)
        for (const auto& item : part.query.items()) line.tags.insert(line.tags.end(), item.tags.begin(), item.tags.end());
    std::ranges::sort(line.tags);
    line.tags.erase(std::unique(line.tags.begin(), line.tags.end()), line.tags.end());
    return line;
  }

  std::optional<append_command> decide(std::int64_t read_upto) {
    loaded_ = true;
    read_upto_ = read_upto;
    append_command command{.events = steps_.decide(), .append_id = options_.call.append_id};
    if (command.events.empty()) return {};
    set_metadata(command.events, options_);
    if (auto guard = steps_.guard(); !guard.empty()) command.condition.emplace(append_condition{std::move(guard), read_upto});
    return command;
  }

  call_options within_limits() const {
    call_options call{.stop = options_.call.stop};
    if (limits_.deadline())
      call.timeout = std::max(std::chrono::ceil<std::chrono::milliseconds>(*limits_.deadline() - steady::now()), std::chrono::milliseconds{1});
    return call;
  }

  event_log& log_;
  decision_steps& steps_;
  const append_options& options_;
  const call_limits& limits_;
  std::vector<load_part> parts_;
  std::vector<std::int64_t> folded_;  // by part, since its snapshot
  std::int64_t events_read_ = 0, last_read_ = 0, read_upto_ = 0;
  bool loaded_ = false;
};

const retry& retry_of(const conflict_strategy& strategy) {
  const auto* const wait = std::get_if<wait_in_line>(&strategy);
  return wait ? wait->after_conflict : std::get<retry>(strategy);
}

// The turn in a line that did not come is not waited for once more.
bool is_tried_again(const error& failure, const conflict_strategy& strategy, int attempts) {
  if (!failure.retryable() || failure.in_doubt() || attempts >= retry_of(strategy).attempts) return false;
  return !(std::holds_alternative<wait_in_line>(strategy) && failure.sqlstate() == "55P03");
}

// Whether reading all events instead of the snapshots may help: a snapshot that cannot be read, or no right to read any.
bool blames_snapshots(const attempt& failed, const error& failure) {
  return !failed.loaded() && failed.asks_for_snapshots() && !failure.retryable() && !dynamic_cast<const timeout*>(&failure) &&
         !dynamic_cast<const cancelled*>(&failure) && !dynamic_cast<const connection_error*>(&failure);
}

}  // namespace

decision_outcome run_decision(event_log& log, decision_steps& steps, const conflict_strategy& strategy, const append_options& options,
                              snapshot_keeper* keeper) {
  const call_limits limits{options.call};
  auto* const watch = log.watched_by();
  decision_outcome outcome;
  bool with_snapshots = true;
  for (;;) {
    const auto begun = steady::now();
    ++outcome.attempts;
    attempt current{log, steps, options, limits, with_snapshots};
    const auto tell = [&](const error* failure, bool again) {
      if (watch)
        watch->decision_attempted({steps.name(), outcome.attempts, steady::now() - begun, current.events_read(), outcome.position, failure, again});
    };
    try {
      outcome.position = current.run(strategy);
      tell(nullptr, false);
      if (keeper) current.keep_snapshots(*keeper);
      return outcome;
    } catch (const error& failure) {
      if (blames_snapshots(current, failure)) {
        if (watch) watch->snapshot_done({current.first_with_snapshot().snapshot_name, 0, false, &failure});
        with_snapshots = false;
        --outcome.attempts;
        continue;
      }
      const bool again = is_tried_again(failure, strategy, outcome.attempts);
      tell(&failure, again);
      if (!again) throw;
      if (dynamic_cast<const conflict*>(&failure)) ++outcome.conflicts;
    }
    const auto wait = wait_before(outcome.attempts + 1, retry_of(strategy));
    if (const auto ended = limits.wait(-1, 0, steady::now() + wait); ended.interrupted) throw_interrupted(*ended.interrupted);
  }
}

}  // namespace dcb::inline v0
