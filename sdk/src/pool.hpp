#pragma once

// Connections made when needed, at most so many, kept for the next call. Invariant: `open_` counts those that lie idle, those that are
// lent or handed over, and those that are being made. A connection belongs to one lease, to the idle list or to one waiter, never to two of them.
// Who waits is served in order: nobody takes an idle connection while somebody waits.
// When a server turns out to be the wrong one, all connections that were made before go, each as soon as it is not lent, and the hosts are tried from
// the next one on.

#include "connection.hpp"

#include <dcb/raw_store.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// May be used by any number of threads. Lives as long as the last lease.
class pool : public std::enable_shared_from_this<pool> {
 public:
  pool(const std::string& conninfo, std::string store, const store_options& options, bool readers);
  ~pool();
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  const store_options& options() const { return options_; }

  /// A connection lent until the end of the lease. To be used by one thread at a time.
  class lease {
   public:
    lease(lease&&) noexcept = default;
    lease& operator=(lease&&) = delete;
    ~lease();

    connection& operator*() const { return *connection_; }
    connection* operator->() const { return connection_.get(); }
    /// Whether it had served a call before, and may have been lost since without notice.
    bool used_before() const { return used_before_; }

   private:
    friend class pool;
    lease(std::shared_ptr<pool> owner, std::unique_ptr<connection> lent, bool used_before)
        : owner_(std::move(owner)), connection_(std::move(lent)), used_before_(used_before) {}

    std::shared_ptr<pool> owner_;
    std::unique_ptr<connection> connection_;
    bool used_before_;
  };

  /// Tries to connect again until `reconnect_timeout` has passed or `give_up` has come, whichever is earlier. Throws `timeout` (no connection became free),
  /// `connection_error`, `cancelled`.
  lease acquire(const call_limits& limits, steady::time_point give_up = steady::time_point::max());

 private:
  using owned_connection = std::unique_ptr<connection>;
  struct waiter {
    driver& waiting;
    bool served = false;
    owned_connection given{};  // nullptr: the right to make one
  };

  owned_connection wait_for_idle(const call_limits& limits);
  owned_connection wait_in_line(std::unique_lock<std::mutex>& lock, const call_limits& limits);
  owned_connection connect(const call_limits& limits, steady::time_point give_up);
  std::string_view unfit(const connection& lent) const;
  std::string_view lost(connection& lent, const call_limits& limits) const;
  bool aged(const connection& lent) const;
  void give_back(owned_connection returned) noexcept;
  void close(owned_connection closed, std::string_view reason) const noexcept;
  connection_report report(std::string_view host, std::string_view reason) const;

  const connection_settings settings_;
  const std::string store_;
  const store_options options_;
  const bool readers_;
  std::mutex mutex_;
  std::vector<owned_connection> idle_;  // the latest used last
  std::deque<waiter*> waiting_;
  std::size_t open_ = 0;
  std::atomic<std::int64_t> generation_ = 0;  // rises when the server is the wrong one; connections of former ones are retired
  std::atomic<bool> reached_ = false;         // a connection has been made once
};

}  // namespace dcb::inline v0
