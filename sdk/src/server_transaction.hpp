#pragma once

#include "commands.hpp"
#include "pool.hpp"
#include "transaction_impl.hpp"

#include <memory>
#include <optional>
#include <string>

namespace dcb::inline v0 {

class server_transaction final : public transaction::impl {
 public:
  static std::unique_ptr<transaction::impl> begin(pool::lease lease, std::string store, isolation level, const call_limits& limits);

  std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) override;
  void append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) override;
  std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) override;
  std::vector<sql_row> exec(std::string_view sql, std::span<const std::optional<std::string>> params, const call_options& call) override;
  void commit(const call_options& call) override;
  void rollback() noexcept override;

  command with(const call_limits& limits) { return {on(), store_, limits}; }

 private:
  server_transaction(pool::lease lease, std::string store);
  connection& on();

  std::optional<pool::lease> lease_;  ///< until the transaction has ended
  std::string store_;
  std::chrono::milliseconds cancel_grace_;
};

}  // namespace dcb::inline v0
