#include "call_limits.hpp"

#include "server_error.hpp"

#include <dcb/error.hpp>

#include <algorithm>

namespace dcb::inline v0 {

call_limits::call_limits(const call_options& call) : stop_(call.stop) {
  if (call.timeout) deadline_ = steady::now() + *call.timeout;
  if (stop_.stop_possible()) wake_up_.emplace(stop_, wake_up{driver_});
}

call_limits::call_limits(std::chrono::milliseconds timeout) : deadline_(steady::now() + timeout) {}

std::optional<interruption> call_limits::interrupted() const {
  if (stop_.stop_requested()) return interruption::stopped;
  if (deadline_ && steady::now() >= *deadline_) return interruption::timed_out;
  return {};
}

void call_limits::check() const {
  if (const auto reason = interrupted()) throw_interrupted(*reason);
}

std::optional<steady::time_point> call_limits::earlier(std::optional<steady::time_point> until) const {
  return deadline_ && until ? std::min(*deadline_, *until) : deadline_ ? deadline_ : until;
}

call_limits::outcome call_limits::wait(int socket, short events, std::optional<steady::time_point> until) const {
  const auto bound = earlier(until);
  for (;;) {
    // Asked first, since a sink's own call may have had the wake. What has already arrived wins all the same: an answer that is there is not
    // turned into a timeout.
    const auto reason = interrupted();
    if (const short ready = driver_.wait(socket, events, reason ? steady::time_point{} : bound)) return {.ready = ready};
    if (reason) return {.interrupted = reason};
    if (until && steady::now() >= *until) return {};
  }
}

void call_limits::wait_to_be_woken(std::optional<steady::time_point> until) const { driver_.wait(-1, 0, earlier(until)); }

void throw_interrupted(interruption reason, bool in_doubt) {
  const char* const hint = in_doubt ? in_doubt_hint : "";
  if (reason == interruption::stopped) throw cancelled("the call was cancelled by its stop token", {.hint = hint, .in_doubt = in_doubt});
  throw timeout("the call's timeout ran out", {.hint = hint, .in_doubt = in_doubt});
}

}  // namespace dcb::inline v0
