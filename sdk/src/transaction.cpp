#include <dcb/transaction.hpp>

#include "transaction_impl.hpp"

#include <utility>

namespace dcb::inline v0 {

transaction::transaction(std::unique_ptr<impl> begun) noexcept : impl_(std::move(begun)) {}

transaction::transaction(transaction&&) noexcept = default;

transaction& transaction::operator=(transaction&& other) noexcept {
  rollback();
  impl_ = std::move(other.impl_);
  return *this;
}

transaction::~transaction() { rollback(); }

std::int64_t transaction::append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) {
  return impl_->append(events, condition, call);
}

void transaction::append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) {
  impl_->append_at_commit(events, condition, call);
}

std::int64_t transaction::read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) {
  return impl_->read(query, options, sink, call);
}

std::vector<sql_row> transaction::exec_params(std::string_view sql, std::span<const std::optional<std::string>> params, const call_options& call) {
  return impl_->exec(sql, params, call);
}

void transaction::commit(const call_options& call) { impl_->commit(call); }

void transaction::rollback() noexcept {
  if (impl_) impl_->rollback();
}

}  // namespace dcb::inline v0
