#include "attempt.hpp"

#include "backoff.hpp"

#include <dcb/observer.hpp>

#include <algorithm>

namespace dcb::inline v0 {

attempt::attempt(event_log& log, decision_steps& steps, const append_options& options, const call_limits& limits, bool with_snapshots)
    : log_(log), steps_(steps), options_(options), limits_(limits), parts_(steps.begin()), folded_(parts_.size()) {
  if (!with_snapshots)
    for (auto& part : parts_) part.snapshot_name.clear();
}

std::int64_t attempt::run(const conflict_strategy& strategy) {
  const auto call = rest_of(options_.call, limits_);
  if (const auto line = line_of(strategy); !line.tags.empty())
    return log_.append_in_line(
        line, parts_, *this, [this](std::int64_t read_upto) { return decide(read_upto); }, call);
  const auto read_upto = parts_.empty() ? 0 : log_.load(parts_, *this, call);
  const auto command = decide(read_upto);
  if (!command) return read_upto;
  auto rest = rest_of(options_.call, limits_);
  rest.append_id = command->append_id;
  return log_.append(command->events, command->condition, rest);
}

// Whatever is wrong with a snapshot, it is one that cannot be read.
void attempt::restore(std::size_t part, const saved_state& saved) try {
  steps_.restore(part, saved);
} catch (const error&) {
  throw;
} catch (const std::exception& failure) {
  throw decode_error(failure.what());
}

void attempt::fold(std::size_t part, const recorded_event& stored) {
  ++folded_[part];
  if (stored.position != last_read_) ++events_read_;
  last_read_ = stored.position;
  steps_.fold(part, stored);
}

std::optional<append_command> attempt::decide(std::int64_t read_upto) {
  loaded_ = true;
  read_upto_ = read_upto;
  append_command command{.events = steps_.decide(), .append_id = options_.call.append_id};
  if (command.events.empty()) return {};
  set_metadata(command.events, options_);
  if (auto guard = steps_.guard(); !guard.empty()) command.condition.emplace(append_condition{std::move(guard), read_upto});
  return command;
}

void attempt::keep_snapshots(snapshot_keeper& keeper) {
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    if (parts_[part].snapshot_name.empty() || folded_[part] < steps_.snapshot_every(part)) continue;
    try {
      keeper.keep(parts_[part], {read_upto_, steps_.snapshot(part)});
    } catch (const error& failure) {
      if (auto* const watch = log_.watched_by()) watch->snapshot_done({parts_[part].snapshot_name, read_upto_, false, &failure});
    }
  }
}

// What fails after the load is not the fault of a snapshot.
bool attempt::blames_snapshots(const error& failure) const {
  return !loaded_ && first_with_snapshot() && !failure.retryable() && !dynamic_cast<const timeout*>(&failure) &&
         !dynamic_cast<const cancelled*>(&failure) && !dynamic_cast<const connection_error*>(&failure);
}

const load_part* attempt::first_with_snapshot() const {
  const auto first = std::ranges::find_if(parts_, [](const load_part& part) { return !part.snapshot_name.empty(); });
  return first == parts_.end() ? nullptr : &*first;
}

waiting_line attempt::line_of(const conflict_strategy& strategy) const {
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

call_options rest_of(const call_options& call, const call_limits& limits) {
  call_options rest{.stop = call.stop};
  if (limits.deadline())
    rest.timeout = std::max(std::chrono::ceil<std::chrono::milliseconds>(*limits.deadline() - steady::now()), std::chrono::milliseconds{1});
  return rest;
}

const retry& retry_of(const conflict_strategy& strategy) {
  const auto* const wait = std::get_if<wait_in_line>(&strategy);
  return wait ? wait->after_conflict : std::get<retry>(strategy);
}

// The turn in a line that did not come is not waited for once more.
bool is_tried_again(const error& failure, const conflict_strategy& strategy, int attempts) {
  if (!failure.retryable() || failure.in_doubt() || attempts >= retry_of(strategy).attempts) return false;
  return !(std::holds_alternative<wait_in_line>(strategy) && failure.sqlstate() == "55P03");
}

void wait_after(int attempts, const conflict_strategy& strategy, const call_limits& limits) {
  const auto& how = retry_of(strategy);
  const auto wait = backoff(attempts, how.first_wait, how.longest_wait);
  if (const auto ended = limits.wait(-1, 0, steady::now() + wait); ended.interrupted) throw_interrupted(*ended.interrupted);
}

}  // namespace dcb::inline v0
