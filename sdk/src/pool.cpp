#include "pool.hpp"

#include <dcb/error.hpp>

#include <algorithm>
#include <utility>

namespace dcb::inline v0 {

pool::lease::~lease() {
  if (connection_) owner_->give_back(std::move(connection_));
}

pool::lease pool::acquire(const call_limits& limits) {
  limits.check();
  auto lent = wait_for_idle(limits);
  // From here on the place of the connection is ours.
  if (lent && lent->still_there()) return {shared_from_this(), std::move(lent), true};
  try {
    lent.reset();
    return {shared_from_this(), std::make_unique<connection>(conninfo_, options_, limits), false};
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

// An idle connection, the latest used first, or nullptr for the right to make one.
std::unique_ptr<connection> pool::wait_for_idle(const call_limits& limits) {
  const auto patience = steady::now() + options_.pool.acquire_timeout;
  const auto until = limits.deadline() ? std::min(*limits.deadline(), patience) : patience;
  std::unique_lock lock{mutex_};
  const auto available = [this] { return !idle_.empty() || open_ < options_.pool.max_connections; };
  if (!freed_.wait_until(lock, limits.stop(), until, available)) {
    limits.check();
    throw timeout("no connection became free within " + std::to_string(options_.pool.acquire_timeout.count()) + " ms",
                  {.detail = "All " + std::to_string(options_.pool.max_connections) + " connections of the pool are in use.",
                   .hint = "Raise pool_options::max_connections, or hold transactions and reads shorter.",
                   .retryable = true});
  }
  if (idle_.empty()) {
    idle_.reserve(open_ + 1);  // giving back must not fail
    ++open_;
    return nullptr;
  }
  auto lent = std::move(idle_.back());
  idle_.pop_back();
  return lent;
}

void pool::give_back(std::unique_ptr<connection> returned) noexcept {
  const bool keep = returned && returned->reusable();
  if (!keep) returned.reset();  // before the lock: closing may take a moment
  {
    const std::lock_guard lock{mutex_};
    if (keep)
      idle_.push_back(std::move(returned));
    else
      --open_;
  }
  freed_.notify_one();
}

}  // namespace dcb::inline v0
