#include <dcb/snapshot.hpp>

#include "call_limits.hpp"

#include <dcb/error.hpp>
#include <dcb/observer.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace dcb::inline v0 {
namespace {

constexpr std::size_t max_waiting = 64;
constexpr std::chrono::seconds linger{5};

}  // namespace

// FNV-1a; the byte that no UTF-8 has ends the text.
std::uint64_t hash_of(std::string_view text, std::uint64_t before) {
  constexpr std::uint64_t prime = 0x100000001b3;
  for (const unsigned char c : text) before = (before ^ c) * prime;
  return (before ^ 0xff) * prime;
}

struct snapshot_keeper::impl {
  struct waiting {
    load_part part;
    saved_state state;
  };

  event_log& log;
  std::mutex mutex{};
  std::condition_variable changed{};
  std::deque<waiting> queue{};
  std::optional<steady::time_point> until{};  // when ending: the latest time to save
  std::thread saver{};

  void run() {
    std::unique_lock lock{mutex};
    for (;;) {
      changed.wait(lock, [this] { return until || !queue.empty(); });
      if (queue.empty() || (until && steady::now() >= *until)) return;
      const auto next = std::move(queue.front());
      queue.pop_front();
      const auto patience = until ? std::chrono::ceil<std::chrono::milliseconds>(*until - steady::now()) : std::chrono::milliseconds{linger};
      lock.unlock();
      save(next, patience);
      lock.lock();
    }
  }

  void save(const waiting& next, std::chrono::milliseconds patience) {
    const auto tell = [&](bool kept, const error* failure) {
      if (auto* const watch = log.watched_by()) watch->snapshot_done({next.part.snapshot_name, next.state.position, kept, failure});
    };
    try {
      tell(log.save_snapshot(next.part, next.state, {.timeout = patience}), nullptr);
    } catch (const error& failure) {
      tell(false, &failure);
    } catch (const std::exception& failure) {
      const error told{failure.what()};
      tell(false, &told);
    }
  }
};

snapshot_keeper::snapshot_keeper(event_log& log) : impl_(new impl{log}) {}

snapshot_keeper::~snapshot_keeper() {
  {
    const std::scoped_lock lock{impl_->mutex};
    impl_->until = steady::now() + linger;
  }
  impl_->changed.notify_one();
  if (impl_->saver.joinable()) impl_->saver.join();
}

void snapshot_keeper::keep(load_part part, saved_state state) noexcept try {
  {
    const std::scoped_lock lock{impl_->mutex};
    for (auto& other : impl_->queue) {
      if (other.part.snapshot_version != part.snapshot_version || other.part.snapshot_name != part.snapshot_name || other.part.query != part.query)
        continue;
      if (other.state.position < state.position) other.state = std::move(state);
      return;
    }
    if (impl_->queue.size() >= max_waiting) return;
    impl_->queue.push_back({std::move(part), std::move(state)});
    if (!impl_->saver.joinable()) impl_->saver = std::thread{[keeper = impl_.get()] { keeper->run(); }};
  }
  impl_->changed.notify_one();
} catch (const std::exception&) {
  // No memory or no thread: there will be another occasion.
}

}  // namespace dcb::inline v0
