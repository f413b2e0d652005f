#include <dcb/transaction.hpp>

#include "transaction_impl.hpp"

#include <dcb/error.hpp>

#include <utility>

namespace dcb::inline v0 {
namespace {

const char* begin_sql(isolation level) {
  switch (level) {
    case isolation::repeatable_read: return "BEGIN ISOLATION LEVEL REPEATABLE READ";
    case isolation::serializable: return "BEGIN ISOLATION LEVEL SERIALIZABLE";
    default: return "BEGIN ISOLATION LEVEL READ COMMITTED";
  }
}

}  // namespace

std::unique_ptr<transaction::impl> transaction::impl::begin(pool::lease lease, std::string store, isolation level, const call_limits& limits) {
  lease->run({.sql = begin_sql(level)}, {}, limits);
  const auto grace = lease->cancel_grace();
  return std::unique_ptr<impl>{new impl{std::move(lease), std::move(store), grace}};
}

connection& transaction::impl::on() {
  if (!lease) throw error("the transaction has ended", {.sqlstate = "25P01", .hint = "Begin another one."});
  return **lease;
}

void transaction::impl::rollback() noexcept {
  if (!lease) return;
  try {
    (*lease)->run({.sql = "ROLLBACK"}, {}, call_limits{cancel_grace});
  } catch (...) {
    // The connection is not reusable then, and closing it rolls back.
  }
  lease.reset();
}

transaction::transaction(std::unique_ptr<impl> begun) noexcept : impl_(std::move(begun)) {}

transaction::transaction(transaction&&) noexcept = default;

transaction& transaction::operator=(transaction&& other) noexcept {
  rollback();
  impl_ = std::move(other.impl_);
  return *this;
}

transaction::~transaction() { rollback(); }

std::int64_t transaction::append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) {
  return impl_->with(call_limits{call}).append(command::way::join, events, condition, call.append_id);
}

std::int64_t transaction::read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) {
  return impl_->with(call_limits{call}).read(query, options, sink);
}

std::vector<sql_row> transaction::exec_params(std::string_view sql, std::span<const std::optional<std::string>> params, const call_options& call) {
  const std::string text{sql};
  require_no_nul(text, "the statement");
  for (const auto& param : params)
    if (param) require_no_nul(*param, "a parameter of the statement");

  const auto answer = impl_->on().run({.sql = text.c_str(), .text_form = true}, {params.begin(), params.end()}, call_limits{call});
  std::vector<sql_row> rows(static_cast<std::size_t>(answer.rows()));
  for (int i = 0; i < answer.rows(); ++i)
    for (int column = 0; column < answer.columns(); ++column) rows[static_cast<std::size_t>(i)].emplace_back(answer.value(i, column));
  return rows;
}

void transaction::commit(const call_options& call) {
  impl_->on();
  const auto lease = std::exchange(impl_->lease, std::nullopt);  // whatever comes, the transaction has ended
  const auto answer = (*lease)->run({.sql = "COMMIT", .commits = true}, {}, call_limits{call});
  if (answer.command() != "COMMIT")
    throw error("the transaction was rolled back",
                {.sqlstate = "25P02", .detail = "An earlier statement in it had failed.", .hint = "Begin it again."});
}

void transaction::rollback() noexcept {
  if (impl_) impl_->rollback();
}

}  // namespace dcb::inline v0
