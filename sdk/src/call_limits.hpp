#pragma once

// What may end one call early: its deadline and its stop token. Made once at the start of a call and asked at every wait, so that
// waiting for a connection, connecting, sending and receiving all count against the same bound. To be used by one thread or operation,
// the one that made it.

#include "driver.hpp"

#include <dcb/event_log.hpp>

#include <chrono>
#include <optional>
#include <stop_token>

namespace dcb::inline v0 {

enum class interruption { timed_out, stopped };

class call_limits {
 public:
  explicit call_limits(const call_options& call);
  /// A bound of our own, for cleaning up.
  explicit call_limits(std::chrono::milliseconds timeout);
  call_limits(const call_limits&) = delete;
  call_limits& operator=(const call_limits&) = delete;

  std::optional<steady::time_point> deadline() const { return deadline_; }
  const std::stop_token& stop() const { return stop_; }

  /// Whether one of the two has come.
  std::optional<interruption> interrupted() const;
  /// Throws `timeout` or `cancelled` if one of the two has come.
  void check() const;

  struct outcome {
    short ready = 0;  ///< the poll events that came
    std::optional<interruption> interrupted{};
  };
  /// Waits until the socket (-1: none) is ready for the poll events, the call is interrupted, or (neither of the two) `until` is reached.
  outcome wait(int socket, short events, std::optional<steady::time_point> until = {}) const;
  /// Waits once, until woken by whoever has got `driver()`, or as `wait`; may end early.
  void wait_to_be_woken(std::optional<steady::time_point> until) const;
  dcb::driver& driver() const { return driver_; }

 private:
  struct wake_up {
    dcb::driver& waiting;
    void operator()() const noexcept { waiting.wake(); }
  };

  std::optional<steady::time_point> earlier(std::optional<steady::time_point> until) const;

  dcb::driver& driver_ = dcb::driver::current();
  std::optional<steady::time_point> deadline_;
  std::stop_token stop_;
  std::optional<std::stop_callback<wake_up>> wake_up_;
};

[[noreturn]] void throw_interrupted(interruption reason, bool in_doubt = false);

}  // namespace dcb::inline v0
