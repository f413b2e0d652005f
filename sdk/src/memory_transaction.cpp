#include "memory_reactions.hpp"

#include <dcb/error.hpp>

#include <utility>

namespace dcb::inline v0 {

void memory_transaction::check_open() const {
  if (!open_) throw error("the transaction has ended", {.sqlstate = "25P01", .hint = "Begin another one."});
}

// Where it will stand cannot be known before the commit, as others append meanwhile.
std::int64_t memory_transaction::append(std::span<const new_event>, const std::optional<append_condition>&, const call_options&) {
  check_open();
  throw error("a transaction in memory appends at its commit only", {.sqlstate = "0A000", .hint = "Use append_at_commit."});
}

void memory_transaction::append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition,
                                          const call_options& call) {
  check_open();
  if (condition) condition->fail_if_events_match.validate();
  appends_.push_back({checked_events(events), condition, call.append_id});
}

std::int64_t memory_transaction::read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) {
  check_open();
  return store_.read(query, options, sink, call);
}

std::vector<sql_row> memory_transaction::exec(std::string_view sql, std::span<const std::optional<std::string>> params, const call_options&) {
  check_open();
  raw_memory_store::sql_function answer;
  {
    const std::scoped_lock lock{store_.mutex_};
    answer = store_.sql_;
  }
  auto rows = answer ? answer(sql, params) : std::vector<sql_row>{};
  statements_.push_back({std::string{sql}, {params.begin(), params.end()}});
  return rows;
}

void memory_transaction::change(memory_reactions::change what) {
  check_open();
  {
    const std::scoped_lock lock{store_.reactions_->mutex_};
    auto trial = store_.reactions_->state_;
    what(trial);
  }
  changes_.push_back(std::move(what));
}

void memory_transaction::commit(const call_options&) {
  check_open();
  open_ = false;
  auto& reactions = *store_.reactions_;
  const std::scoped_lock lock{reactions.mutex_, store_.mutex_};
  auto changed = reactions.state_;
  for (const auto& change : changes_) change(changed);

  const auto events_before = store_.events_.size();
  const auto answers_before = store_.answers_;
  try {
    for (auto& each : appends_) store_.append_locked(std::move(each.events), each.condition, each.append_id);
  } catch (...) {
    store_.events_.resize(events_before);
    store_.answers_ = answers_before;
    throw;
  }
  reactions.state_ = std::move(changed);
  store_.statements_.insert(store_.statements_.end(), statements_.begin(), statements_.end());
  reactions.advanced_.notify_all();
}

void memory_transaction::rollback() noexcept { open_ = false; }

transaction raw_memory_store::begin() { return transaction::impl::handed_over(std::make_unique<memory_transaction>(*this)); }

}  // namespace dcb::inline v0
