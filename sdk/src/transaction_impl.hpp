#pragma once

#include "commands.hpp"
#include "pool.hpp"

#include <dcb/transaction.hpp>

#include <memory>
#include <optional>
#include <string>

namespace dcb::inline v0 {

struct transaction::impl {
  std::optional<pool::lease> lease;  ///< until the transaction has ended
  std::string store;
  std::chrono::milliseconds cancel_grace;

  static std::unique_ptr<impl> begin(pool::lease lease, std::string store, isolation level, const call_limits& limits);

  connection& on();  ///< throws `error` 25P01 when the transaction has ended
  command with(const call_limits& limits) { return {on(), store, limits}; }
  void rollback() noexcept;
};

}  // namespace dcb::inline v0
