#include <dcb/operation.hpp>

#include "driver.hpp"
#include "fiber.hpp"

#include <poll.h>

#include <atomic>
#include <exception>
#include <utility>

namespace dcb::inline v0 {
namespace {

// Unwinds the work of an operation that is given up. Nobody catches it but a `catch (...)`, and the next wait throws it again.
struct given_up {};

}  // namespace

struct operation::impl final : driver {
  impl(std::function<void()> work_of_its_own, std::function<void()> call_when_woken, std::size_t stack_bytes)
      : work(std::move(work_of_its_own)), woken(std::move(call_when_woken)), place([this] { run(); }, stack_bytes) {}

  std::function<void()> work, woken;
  wish wanted{};
  std::exception_ptr failure{};
  std::atomic<bool> wake_pending = false;
  bool begun = false, done = false, ending = false;
  fiber place;

  void run() noexcept {
    try {
      work();
    } catch (const given_up&) {
    } catch (...) {
      failure = std::current_exception();
    }
  }

  // What is there already is taken without asking the event loop.
  short wait(int socket, short events, std::optional<steady::time_point> until) override {
    if (ending) throw given_up{};
    constexpr steady::time_point at_once{};
    if (socket >= 0)
      if (const short ready = poll_once(socket, events, -1, at_once)) return ready;
    if (wake_pending.exchange(false) || (until && steady::now() >= *until)) return 0;
    wanted = {.socket = socket, .readable = (events & POLLIN) != 0, .writable = (events & POLLOUT) != 0, .until = until};
    place.leave();
    if (ending) throw given_up{};
    return socket >= 0 ? poll_once(socket, events, -1, at_once) : short{0};
  }

  void wake() noexcept override {
    wake_pending = true;
    woken();
  }

  void go_on() {
    begun = true;
    driver* const outer = exchange_current(this);
    done = place.enter();
    exchange_current(outer);
  }
};

operation::operation(std::function<void()> work, std::function<void()> woken, std::size_t stack_bytes)
    : impl_(std::make_unique<impl>(std::move(work), std::move(woken), stack_bytes)) {}

operation::~operation() {
  impl_->ending = true;
  while (impl_->begun && !impl_->done) impl_->go_on();
}

bool operation::on_ready() {
  if (impl_->done) return true;
  impl_->go_on();
  if (impl_->failure) std::rethrow_exception(std::exchange(impl_->failure, nullptr));
  return impl_->done;
}

const operation::wish& operation::wanted() const noexcept { return impl_->wanted; }

}  // namespace dcb::inline v0
