#include <dcb/runner_observer.hpp>

#include <cmath>
#include <cstdio>
#include <string>

namespace dcb::inline v0 {
namespace {

// One call for one line, so that lines of several threads stay whole.
template <class... Part>
void say(const reaction_place& where, const Part&... part) noexcept {
  try {
    std::string line = "dcb: ";
    ((line += where.store) += '/') += where.subscription;
    if (where.partition > 0) (line += '/') += std::to_string(where.partition);
    line += ": ";
    ((line += part), ...);
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
  } catch (...) {
    // Without memory for a line there is nobody left to tell.
  }
}

std::string number(std::int64_t n) { return std::to_string(n); }

}  // namespace

runner_observer::~runner_observer() = default;
stderr_observer::stderr_observer() = default;
stderr_observer::~stderr_observer() = default;

void stderr_observer::failed(const failure_report& report) noexcept {
  if (report.then != failure_consequence::retry) return;  // `parked` and `stopped` tell
  say(report.where, report.position > 0 ? "position " + number(report.position) + " failed" : std::string{"fetching failed"}, ", attempt ",
      number(report.attempt), ", again in ", number(report.wait.count()), " ms: ", report.reason);
}
void stderr_observer::parked(const failure_report& report) noexcept {
  say(report.where, "position ", number(report.position), " PARKED after ", number(report.attempt), " attempts: ", report.reason);
}
void stderr_observer::stopped(const reaction_place& where, std::string_view reason) noexcept { say(where, "STOPPED: ", reason); }
void stderr_observer::refused(const reaction_place& where, std::int64_t position, std::string_view reason) noexcept {
  say(where, "the decision about position ", number(position), " was refused: ", reason);
}
void stderr_observer::repeated(const reaction_place& where, std::int64_t position) noexcept {
  say(where, "the reaction to position ", number(position), " had been appended before, and was not repeated");
}
void stderr_observer::claimed(const reaction_place& where) noexcept { say(where, "held from now on"); }
void stderr_observer::lost(const reaction_place& where, std::string_view reason) noexcept { say(where, "not held any more: ", reason); }
void stderr_observer::rebuilding(const rebuild_report& report) noexcept {
  say(report.where, "beside ", report.replaced, " at position ", number(report.position), " of ", number(report.head), ", ", number(report.events), " events, ",
      number(std::llround(report.per_second)), " per second");
}
void stderr_observer::swapped(const reaction_place& where, std::string_view replaced, std::int64_t position) noexcept {
  say(where, "took the place of ", replaced, " at position ", number(position));
}
void stderr_observer::disconnected(std::string_view store, std::string_view reason) noexcept { say({.store = store}, reason); }

}  // namespace dcb::inline v0
