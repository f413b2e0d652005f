#include "server_transaction.hpp"

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

server_transaction::server_transaction(pool::lease lease, std::string store)
    : lease_(std::move(lease)), store_(std::move(store)), cancel_grace_((*lease_)->cancel_grace()) {}

std::unique_ptr<transaction::impl> server_transaction::begin(pool::lease lease, std::string store, isolation level, const call_limits& limits) {
  lease->run({.sql = begin_sql(level)}, {}, limits);
  return std::unique_ptr<transaction::impl>{new server_transaction{std::move(lease), std::move(store)}};
}

connection& server_transaction::on() {
  if (!lease_) throw error("the transaction has ended", {.sqlstate = "25P01", .hint = "Begin another one."});
  return **lease_;
}

std::int64_t server_transaction::append(std::span<const new_event> events, const std::optional<append_condition>& condition,
                                        const call_options& call) {
  return with(call_limits{call}).append(command::way::join, events, condition, call.append_id);
}

void server_transaction::append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition,
                                          const call_options& call) {
  with(call_limits{call}).append_at_commit(events, condition, call.append_id);
}

std::int64_t server_transaction::read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) {
  return with(call_limits{call}).read(query, options, sink);
}

std::vector<sql_row> server_transaction::exec(std::string_view sql, std::span<const std::optional<std::string>> params, const call_options& call) {
  const std::string text{sql};
  require_no_nul(text, "the statement");
  for (const auto& param : params)
    if (param) require_no_nul(*param, "a parameter of the statement");
  return text_rows(on().run({.sql = text.c_str(), .text_form = true}, {params.begin(), params.end()}, call_limits{call}));
}

void server_transaction::commit(const call_options& call) {
  on();
  const auto lease = std::exchange(lease_, std::nullopt);  // whatever comes, the transaction has ended
  const auto answer = (*lease)->run({.sql = "COMMIT", .commits = true}, {}, call_limits{call});
  if (answer.command() != "COMMIT")
    throw error("the transaction was rolled back",
                {.sqlstate = "25P02", .detail = "An earlier statement in it had failed.", .hint = "Begin it again."});
}

void server_transaction::rollback() noexcept {
  if (!lease_) return;
  try {
    (*lease_)->run({.sql = "ROLLBACK"}, {}, call_limits{cancel_grace_});
  } catch (...) {
    // The connection is not reusable then, and closing it rolls back.
  }
  lease_.reset();
}

}  // namespace dcb::inline v0
