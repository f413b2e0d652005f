#include "pool.hpp"

#include "backoff.hpp"

#include <dcb/error.hpp>

#include <algorithm>
#include <utility>

namespace dcb::inline v0 {

pool::pool(const std::string& conninfo, std::string store, const store_options& options, bool readers)
    : settings_(conninfo, options, readers), store_(std::move(store)), options_(options), readers_(readers) {}

pool::~pool() {
  for (auto& idle : idle_) close(std::move(idle), "the store is closed");
}

pool::lease::~lease() {
  if (connection_) owner_->give_back(std::move(connection_));
}

pool::lease pool::acquire(const call_limits& limits, steady::time_point give_up) {
  limits.check();
  auto lent = wait_for_idle(limits);
  // From here on the place of the connection is ours.
  try {
    if (lent) {
      auto reason = unfit(*lent);
      if (reason.empty()) reason = lost(*lent, limits);
      if (reason.empty()) return {shared_from_this(), std::move(lent), true};
      close(std::exchange(lent, nullptr), reason);
    }
    return {shared_from_this(), connect(limits, give_up), false};
  } catch (...) {
    give_back(std::move(lent));
    throw;
  }
}

// An idle connection, the latest used first, or nullptr for the right to make one.
pool::owned_connection pool::wait_for_idle(const call_limits& limits) {
  std::unique_lock lock{mutex_};
  if (!waiting_.empty()) return wait_in_line(lock, limits);
  if (!idle_.empty()) {
    auto lent = std::move(idle_.back());
    idle_.pop_back();
    return lent;
  }
  if (open_ == options_.pool.max_connections) return wait_in_line(lock, limits);
  idle_.reserve(open_ + 1);  // giving back must not fail
  ++open_;
  return nullptr;
}

pool::owned_connection pool::wait_in_line(std::unique_lock<std::mutex>& lock, const call_limits& limits) {
  const auto patience = steady::now() + options_.pool.acquire_timeout;
  waiter mine{limits.driver()};
  waiting_.push_back(&mine);
  const auto leave = [&] { std::erase(waiting_, &mine); };
  while (!mine.served) {
    if (const auto reason = limits.interrupted()) {
      leave();
      throw_interrupted(*reason);
    }
    if (steady::now() >= patience) {
      leave();
      throw timeout("no connection became free within " + std::to_string(options_.pool.acquire_timeout.count()) + " ms",
                    {.detail = "All " + std::to_string(options_.pool.max_connections) + " connections of the pool are in use.",
                     .hint = "Raise pool_options::max_connections, or hold transactions and reads shorter.",
                     .retryable = true});
    }
    lock.unlock();
    try {
      limits.wait_to_be_woken(patience);
    } catch (...) {  // the operation is given up
      lock.lock();
      leave();
      const bool served = mine.served;
      lock.unlock();
      if (served) give_back(std::move(mine.given));
      throw;
    }
    lock.lock();
  }
  return std::move(mine.given);
}

// A store that was connected before goes on trying for a while, since servers are started again and fail over. The first connection is tried
// once: what fails then is rather a mistake in the conninfo.
pool::owned_connection pool::connect(const call_limits& limits, steady::time_point give_up) {
  const auto until = std::min(give_up, steady::now() + options_.pool.reconnect_timeout);
  for (int failures = 1;; ++failures) {
    try {
      const auto generation = generation_.load();
      auto made = std::make_unique<connection>(settings_, limits, generation);
      reached_ = true;
      if (options_.watch) options_.watch->connection_opened(report(made->host(), {}));
      return made;
    } catch (const connection_error& e) {
      if (options_.watch) options_.watch->connection_failed(report({}, e.what()));
      const auto wait = backoff(failures, std::chrono::milliseconds{20}, std::chrono::seconds{2});
      if (!reached_ || steady::now() + wait >= until) throw;
      if (const auto ended = limits.wait(-1, 0, steady::now() + wait); ended.interrupted) throw_interrupted(*ended.interrupted);
    }
  }
}

// Whether a connection that lay idle is still there. Asks the server only after a long time: networks forget such connections without a word.
std::string_view pool::lost(connection& lent, const call_limits& limits) const {
  constexpr std::string_view lost = "it was lost while it lay idle";
  if (!lent.still_there()) return lost;
  const auto now = steady::now();
  if (now - lent.last_used() < options_.pool.validate_after) return {};
  const auto until = std::min(limits.deadline().value_or(steady::time_point::max()), now + options_.pool.connect_timeout);
  const call_limits bounded{{.timeout = std::chrono::ceil<std::chrono::milliseconds>(until - now), .stop = limits.stop()}};
  try {
    lent.run({.sql = ""}, {}, bounded);
  } catch (const error&) {
    limits.check();
    return lost;
  }
  return {};
}

bool pool::aged(const connection& lent) const {
  // Up to a fifth younger, so that those made together are not made anew all at once.
  const auto age = options_.pool.max_age;
  return age.count() > 0 && steady::now() - lent.made() >= age - age * (lent.server_process() % 100) / 500;
}

// Why a connection is not to be used again; empty: it is.
std::string_view pool::unfit(const connection& lent) const {
  if (!lent.reusable()) return "it broke, or a call left it in the middle of something";
  if (lent.generation() != generation_) return "its server is no longer the right one";
  if (aged(lent)) return "it reached its age";
  return {};
}

void pool::give_back(owned_connection returned) noexcept {
  if (returned) {
    auto generation = returned->generation();
    if (returned->is_wrong_server()) generation_.compare_exchange_strong(generation, returned->next_generation());  // once, however many find out
    if (const auto reason = unfit(*returned); !reason.empty())
      close(std::exchange(returned, nullptr), reason);  // before the lock: closing may take a moment
    else
      returned->used();
  }
  owned_connection idle_too_long;
  {
    const std::lock_guard lock{mutex_};
    if (!waiting_.empty()) {
      waiter& next = *waiting_.front();
      waiting_.pop_front();
      next.given = std::move(returned);
      next.served = true;
      next.waiting.wake();  // under the lock: the waiter may be gone as soon as it sees that it was served
    } else if (returned) {
      idle_.push_back(std::move(returned));
      const auto idle_timeout = options_.pool.idle_timeout;
      if (idle_timeout.count() > 0 && steady::now() - idle_.front()->last_used() >= idle_timeout) {
        idle_too_long = std::move(idle_.front());
        idle_.erase(idle_.begin());
        --open_;
      }
    } else {
      --open_;
    }
  }
  if (idle_too_long) close(std::move(idle_too_long), "it lay idle for long");
}

void pool::close(owned_connection closed, std::string_view reason) const noexcept {
  if (!closed) return;
  const std::string host = options_.watch ? std::string{closed->host()} : std::string{};
  closed.reset();
  if (options_.watch) options_.watch->connection_closed(report(host, reason));
}

connection_report pool::report(std::string_view host, std::string_view reason) const {
  return {.store = store_, .host = host, .reader = readers_, .reason = reason};
}

}  // namespace dcb::inline v0
