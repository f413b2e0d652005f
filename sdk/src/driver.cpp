#include "driver.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

namespace dcb::inline v0 {
namespace {

class thread_driver final : public driver {
 public:
  thread_driver() : wakes_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wakes_ < 0) throw std::system_error(errno, std::generic_category(), "no descriptor to wake a thread");
  }
  ~thread_driver() { close(wakes_); }

  short wait(int socket, short events, std::optional<steady::time_point> until) override { return poll_once(socket, events, wakes_, until); }

  void wake() noexcept override {
    const std::uint64_t one = 1;
    while (write(wakes_, &one, sizeof one) < 0 && errno == EINTR) {}
  }

 private:
  int wakes_;
};

thread_local driver* operation_here = nullptr;

}  // namespace

// Neither this nor the next function may be inlined: an operation may go on in another thread, and compilers keep the address of a
// thread_local for as long as a function runs.
[[gnu::noinline]] driver& driver::current() {
  if (operation_here) return *operation_here;
  thread_local thread_driver here;
  return here;
}

[[gnu::noinline]] driver* exchange_current(driver* next) noexcept { return std::exchange(operation_here, next); }

short poll_once(int socket, short events, int wake_socket, std::optional<steady::time_point> until) {
  int milliseconds = -1;
  if (until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - steady::now()).count();
    milliseconds = static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
  }
  // poll() skips negative descriptors.
  std::array<pollfd, 2> waited{pollfd{socket, events, 0}, pollfd{wake_socket, POLLIN, 0}};
  const int count = poll(waited.data(), waited.size(), milliseconds);
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
  if (count > 0 && waited[1].revents != 0) {
    std::uint64_t wakes;
    while (read(wake_socket, &wakes, sizeof wakes) < 0 && errno == EINTR) {}
  }
  return count > 0 ? waited[0].revents : short{0};
}

}  // namespace dcb::inline v0
