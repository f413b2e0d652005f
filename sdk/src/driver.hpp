#pragma once

// The one place at which the SDK waits. Everything else computes; what waiting means is up to whoever drives the call: a thread sleeps in
// poll() (driver.cpp), an `operation` is put aside until its event loop says that it is time (operation.cpp). So nothing else in here may
// block: no condition variables, and no mutex held across a wait.

#include <chrono>
#include <optional>

namespace dcb::inline v0 {

using steady = std::chrono::steady_clock;

class driver {
 public:
  /// Waits until the socket (-1: none) is ready for one of the poll events, `until`, or a wake. Answers the events that came, or 0, which may
  /// also be too early: ask again for what you wait for.
  virtual short wait(int socket, short events, std::optional<steady::time_point> until) = 0;

  /// Ends the wait that is under way, or else the next. From any thread, while the call lasts that waits.
  virtual void wake() noexcept = 0;

  /// Of the operation that runs in this thread, or else the thread itself.
  static driver& current();

 protected:
  driver() = default;
  driver(const driver&) = delete;
  driver& operator=(const driver&) = delete;
  ~driver() = default;
};

/// Makes the driver the current one of this thread, nullptr the thread itself. Answers the former.
driver* exchange_current(driver* next) noexcept;

/// What poll() says of one socket, after at most so long. Answers 0 when a signal came.
short poll_once(int socket, short events, int wake_socket, std::optional<steady::time_point> until);

}  // namespace dcb::inline v0
