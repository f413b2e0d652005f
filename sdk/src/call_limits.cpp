#include "call_limits.hpp"

#include "server_error.hpp"

#include <dcb/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <limits>
#include <system_error>

namespace dcb::inline v0 {

class call_limits::wake_up {
 public:
  explicit wake_up(const std::stop_token& stop) : callback_(stop, [this] { write_byte(); }) {}
  wake_up(const wake_up&) = delete;
  wake_up& operator=(const wake_up&) = delete;

  int socket() const { return pipe_.ends[0]; }

 private:
  struct pipe_ends {
    std::array<int, 2> ends{};
    pipe_ends() {
      if (pipe(ends.data()) != 0) throw std::system_error(errno, std::generic_category(), "no pipe for a stop token");
      for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
    }
    ~pipe_ends() {
      for (const int end : ends) close(end);
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
  };

  void write_byte() const {
    while (write(pipe_.ends[1], "", 1) < 0 && errno == EINTR) {}
  }

  pipe_ends pipe_;
  // After the pipe, so that it goes first: its destructor waits for a callback that is just writing.
  std::stop_callback<std::function<void()>> callback_;
};

call_limits::call_limits(const call_options& call) : stop_(call.stop) {
  if (call.timeout) deadline_ = steady::now() + *call.timeout;
  if (stop_.stop_possible()) wake_up_ = std::make_unique<wake_up>(stop_);
}

call_limits::call_limits(std::chrono::milliseconds timeout) : deadline_(steady::now() + timeout) {}

call_limits::~call_limits() = default;

std::optional<interruption> call_limits::interrupted() const {
  if (stop_.stop_requested()) return interruption::stopped;
  if (deadline_ && steady::now() >= *deadline_) return interruption::timed_out;
  return {};
}

void call_limits::check() const {
  if (const auto reason = interrupted()) throw_interrupted(*reason);
}

call_limits::outcome call_limits::wait(int socket, short events, std::optional<steady::time_point> until) const {
  const auto bound = deadline_ && until ? std::min(*deadline_, *until) : deadline_ ? deadline_ : until;
  for (;;) {
    int milliseconds = -1;
    if (bound) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*bound - steady::now()).count();
      milliseconds = static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
    }
    // poll() skips negative descriptors.
    std::array<pollfd, 2> waited{pollfd{socket, events, 0}, pollfd{wake_up_ ? wake_up_->socket() : -1, POLLIN, 0}};
    const int count = poll(waited.data(), waited.size(), milliseconds);
    if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    // What has already arrived wins: an answer that is there is not turned into a timeout.
    if (count > 0 && waited[0].revents != 0) return {.ready = waited[0].revents};
    if (const auto reason = interrupted()) return {.interrupted = reason};
    if (until && steady::now() >= *until) return {};
  }
}

void throw_interrupted(interruption reason, bool in_doubt) {
  const char* const hint = in_doubt ? in_doubt_hint : "";
  if (reason == interruption::stopped) throw cancelled("the call was cancelled by its stop token", {.hint = hint, .in_doubt = in_doubt});
  throw timeout("the call's timeout ran out", {.hint = hint, .in_doubt = in_doubt});
}

}  // namespace dcb::inline v0
