#pragma once

// Connections made when needed, at most so many, kept for the next call. Invariant: `open_` counts those that lie idle, those that are
// lent, and those that are being made. A connection belongs to one lease or to the idle list, never to both.

#include "connection.hpp"

#include <dcb/raw_store.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dcb::inline v0 {

/// May be used by any number of threads. Lives as long as the last lease.
class pool : public std::enable_shared_from_this<pool> {
 public:
  pool(std::string conninfo, store_options options) : conninfo_(std::move(conninfo)), options_(std::move(options)) {}

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

  /// Throws `timeout` (no connection became free), `connection_error`, `cancelled`.
  lease acquire(const call_limits& limits);

 private:
  std::unique_ptr<connection> wait_for_idle(const call_limits& limits);
  void give_back(std::unique_ptr<connection> returned) noexcept;

  const std::string conninfo_;
  const store_options options_;
  std::mutex mutex_;
  std::condition_variable_any freed_;
  std::vector<std::unique_ptr<connection>> idle_;
  std::size_t open_ = 0;
};

}  // namespace dcb::inline v0
