#pragma once

#include <dcb/event.hpp>
#include <dcb/export.hpp>
#include <dcb/reactions.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace dcb::inline v0 {

/// A partition of a subscription, as reports name it.
struct reaction_place {
  std::string_view store{};
  std::string_view subscription{};
  int partition = 0;
};

/// Events that were handled and whose checkpoint is committed.
struct batch_report {
  reaction_place where{};
  std::int64_t events = 0;
  std::int64_t position = 0;  ///< the checkpoint now
  std::chrono::nanoseconds duration{};
  std::chrono::microseconds age{};  ///< of the last event when it was done, by this machine's clock
};

enum class failure_consequence { retry, park, stop };

/// An event, or the commit after it, that failed.
struct failure_report {
  reaction_place where{};
  std::int64_t position = 0;  ///< of the event
  int attempt = 0;            ///< 1, 2 …
  std::string_view reason{};
  failure_consequence then = failure_consequence::retry;
  std::chrono::milliseconds wait{0};  ///< before the retry
};

/// How far a version is that is built beside the one that it replaces.
struct rebuild_report {
  reaction_place where{};
  std::string_view replaced{};
  std::int64_t position = 0;  ///< its checkpoint
  std::int64_t head = 0;      ///< of the store
  std::int64_t events = 0;    ///< that this runner has handled since it holds the partition
  double per_second = 0;      ///< of these, on average
};

/// Is told what a runner does; derive from it and override what you care for. Without one a runner reports to the standard error stream all but batches.
/// Thread safety: it is called by all threads of the runner, at the same time. The texts of a report live as long as the call.
class DCB_EXPORT runner_observer {
 public:
  runner_observer() = default;
  runner_observer(const runner_observer&) = delete;
  runner_observer& operator=(const runner_observer&) = delete;
  virtual ~runner_observer();

  virtual void batch_applied(const batch_report&) noexcept {}
  /// Where a partition stands, how far behind, and what is wrong with it; see `runner_options::report_status`.
  virtual void status(const subscription_status&) noexcept {}
  /// Something failed and is tried again, or the event is parked, or the subscription stopped.
  virtual void failed(const failure_report&) noexcept {}
  /// An event was set aside: it is in `reaction_store::parked` until it is replayed or discarded.
  virtual void parked(const failure_report&) noexcept {}
  /// Nothing is handed out any more until it is resumed (or rewound, or created again); `reason` tells why.
  virtual void stopped(const reaction_place&, std::string_view /*reason*/) noexcept {}
  /// A decision of a process manager answered an error: it was made, and there is nothing to append.
  virtual void refused(const reaction_place&, std::int64_t /*position*/, std::string_view /*reason*/) noexcept {}
  /// A reaction that had been appended before, in a run that a rewind or a restore has forgotten: it was not repeated.
  virtual void repeated(const reaction_place&, std::int64_t /*position*/) noexcept {}
  /// This runner holds the partition from now on, or does not any more.
  virtual void claimed(const reaction_place&) noexcept {}
  virtual void lost(const reaction_place&, std::string_view /*reason*/) noexcept {}
  /// A version that is built beside another one, every five seconds and when it takes that one's place.
  virtual void rebuilding(const rebuild_report&) noexcept {}
  /// The version that was built beside another one has taken its place.
  virtual void swapped(const reaction_place&, std::string_view /*replaced*/, std::int64_t /*position*/) noexcept {}
  /// The server could not be reached, or a connection was lost; it is tried again.
  virtual void disconnected(std::string_view /*store*/, std::string_view /*reason*/) noexcept {}
};

/// Writes all but batches to the standard error stream, a line each.
class DCB_EXPORT stderr_observer : public runner_observer {
 public:
  stderr_observer();
  ~stderr_observer() override;

  void failed(const failure_report&) noexcept override;
  void parked(const failure_report&) noexcept override;
  void stopped(const reaction_place&, std::string_view reason) noexcept override;
  void refused(const reaction_place&, std::int64_t position, std::string_view reason) noexcept override;
  void repeated(const reaction_place&, std::int64_t position) noexcept override;
  void claimed(const reaction_place&) noexcept override;
  void lost(const reaction_place&, std::string_view reason) noexcept override;
  void rebuilding(const rebuild_report&) noexcept override;
  void swapped(const reaction_place&, std::string_view replaced, std::int64_t position) noexcept override;
  void disconnected(std::string_view store, std::string_view reason) noexcept override;
};

}  // namespace dcb::inline v0
