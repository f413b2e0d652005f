#include <dcb/decision.hpp>
#include <dcb/error.hpp>

#include "call_limits.hpp"

#include <algorithm>
#include <random>

namespace dcb::inline v0 {
namespace {

// Full jitter: spreads the next attempts of those who collided over the whole wait.
std::chrono::microseconds wait_before(int attempt, const retry_policy& retry) {
  const auto doublings = std::min(attempt - 2, 20);
  const auto bound = std::min<std::chrono::microseconds>(retry.first_wait * (std::int64_t{1} << doublings), retry.longest_wait);
  static thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::microseconds{std::uniform_int_distribution<std::int64_t>{0, bound.count()}(random)};
}

// The position read up to is taken from the read itself, and the condition speaks of what comes after exactly that.
std::int64_t attempt(event_log& log, decision_steps& steps, const append_options& options, const call_limits& limits) {
  auto within_limits = [&](call_options call) {
    if (limits.deadline())
      call.timeout = std::max(std::chrono::ceil<std::chrono::milliseconds>(*limits.deadline() - steady::now()), std::chrono::milliseconds{1});
    return call;
  };
  const auto query = steps.begin();
  std::int64_t read_upto = 0;
  if (!query.empty()) {
    auto call = within_limits(options.call);
    call.append_id.reset();
    read_upto = log.read(
        query, {}, [&](const recorded_event& stored) { return steps.fold(stored), true; }, call);
  }
  auto events = steps.decide();
  if (events.empty()) return read_upto;
  set_metadata(events, options);
  std::optional<append_condition> condition;
  if (auto guard = steps.guard(); !guard.empty()) condition.emplace(append_condition{std::move(guard), read_upto});
  return log.append(events, condition, within_limits(options.call));
}

}  // namespace

decision_outcome run_decision(event_log& log, decision_steps& steps, const retry_policy& retry, const append_options& options) {
  const call_limits limits{options.call};
  decision_outcome outcome;
  for (;;) {
    ++outcome.attempts;
    try {
      outcome.position = attempt(log, steps, options, limits);
      return outcome;
    } catch (const conflict&) {
      ++outcome.conflicts;
      if (outcome.attempts >= retry.attempts) throw;
    } catch (const error& failure) {
      if (!failure.retryable() || failure.in_doubt() || outcome.attempts >= retry.attempts) throw;
    }
    const auto wait = wait_before(outcome.attempts + 1, retry);
    if (const auto ended = limits.wait(-1, 0, steady::now() + wait); ended.interrupted) throw_interrupted(*ended.interrupted);
  }
}

}  // namespace dcb::inline v0
