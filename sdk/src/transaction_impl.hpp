#pragma once

// What is behind a transaction: a connection in a transaction block, or changes of a store in memory that wait for their commit.

#include <dcb/transaction.hpp>

#include <memory>
#include <utility>

namespace dcb::inline v0 {

struct transaction::impl {
  impl() = default;
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  virtual ~impl() = default;

  // Each throws `error` 25P01 when the transaction has ended.
  virtual std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) = 0;
  virtual void append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) = 0;
  virtual std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) = 0;
  virtual std::vector<sql_row> exec(std::string_view sql, std::span<const std::optional<std::string>> params, const call_options& call) = 0;
  virtual void commit(const call_options& call) = 0;
  virtual void rollback() noexcept = 0;

  static transaction handed_over(std::unique_ptr<impl> begun) { return transaction{std::move(begun)}; }
  static impl& of(transaction& t) { return *t.impl_; }
};

}  // namespace dcb::inline v0
