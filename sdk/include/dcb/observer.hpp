#pragma once

#include <dcb/error.hpp>
#include <dcb/export.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace dcb::inline v0 {

/// A connection to a server: when it is made, and when it goes.
struct connection_report {
  std::string_view store{};  ///< that it serves
  std::string_view host{};   ///< empty if none was reached
  bool reader = false;       ///< it belongs to the store's readers
  std::string_view reason{};  ///< why it was closed, or could not be made
};

/// A call of a store that has come to its end.
struct call_report {
  std::string_view store{};
  std::string_view call{};            ///< `append`, `read`, `head` …
  std::chrono::nanoseconds duration{};  ///< waiting for a connection and sinks included
  const error* failure = nullptr;     ///< what it throws; nullptr after an answer
};

/// A call that is made once more by the SDK itself.
struct retry_report {
  std::string_view store{};
  std::string_view call{};
  int attempt = 0;  ///< the one that failed: 1, 2 …
  const error* reason = nullptr;
};

/// An attempt at a decision that has come to its end.
struct decision_report {
  std::string_view decision{};          ///< the name of its type
  int attempt = 0;                      ///< 1, 2 …
  std::chrono::nanoseconds duration{};  ///< of this attempt
  std::int64_t events_read = 0;         ///< that were folded into its states; snapshots make these few
  std::int64_t position = 0;            ///< of the last event appended, or up to which was read if there was none
  const error* failure = nullptr;       ///< a `conflict`, or what else it came to; nullptr: the decision is made, or refused
  bool again = false;                   ///< another attempt follows
};

/// A snapshot that was to be saved.
struct snapshot_report {
  std::string_view name{};
  std::int64_t position = 0;
  bool kept = false;               ///< false without a failure: a later one is there, or somebody is just saving one
  const error* failure = nullptr;  ///< why it could not be saved or, with position 0, loaded; decisions go on without
};

/// Is told what the SDK does, for metrics and logs: derive from it and override what you care for. Given in `store_options::watch`.
/// Thread safety: it is called by every thread that uses the store, at the same time. It delays the call that it is told of. The texts
/// and errors of a report live as long as the call of the observer only.
class DCB_EXPORT observer {
 public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;
  virtual ~observer();

  virtual void connection_opened(const connection_report&) noexcept {}
  virtual void connection_closed(const connection_report&) noexcept {}
  virtual void connection_failed(const connection_report&) noexcept {}
  virtual void call_done(const call_report&) noexcept {}
  virtual void retried(const retry_report&) noexcept {}
  /// An append whose answer had been lost was sent again and found its outcome, which `call_done` then tells.
  virtual void in_doubt_resolved(const call_report&) noexcept {}
  virtual void decision_attempted(const decision_report&) noexcept {}
  virtual void snapshot_done(const snapshot_report&) noexcept {}
};

/// Writes a line for each connection that is opened, closed or could not be made, each retry, each call that failed other than by a
/// conflict, and each snapshot that could not be saved or loaded. `write` gets it without an end of line, from any thread, and must not throw.
class DCB_EXPORT logging_observer : public observer {
 public:
  explicit logging_observer(std::function<void(std::string_view)> write);
  ~logging_observer() override;

  void connection_opened(const connection_report&) noexcept override;
  void connection_closed(const connection_report&) noexcept override;
  void connection_failed(const connection_report&) noexcept override;
  void call_done(const call_report&) noexcept override;
  void retried(const retry_report&) noexcept override;
  void in_doubt_resolved(const call_report&) noexcept override;
  void snapshot_done(const snapshot_report&) noexcept override;

 private:
  std::function<void(std::string_view)> write_;
};

}  // namespace dcb::inline v0
