#include <dcb/raw_store.hpp>

#include "commands.hpp"
#include "pool.hpp"
#include "server_error.hpp"
#include "server_transaction.hpp"

#include <dcb/error.hpp>

#include <algorithm>
#include <utility>

namespace dcb::inline v0 {

struct raw_store::impl {
  std::shared_ptr<pool> connections;
  std::string store;

  std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call,
                      const call_limits& limits) const {
    const auto lease = connections->acquire(limits);
    return command{*lease, store, limits}.append(command::way::submit, events, condition, call.append_id);
  }

  std::int64_t append_until_answered(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call,
                                     const call_limits& limits) const;

  /// Runs a question, which changes nothing. A connection that had lain idle may turn out to be lost: then it is asked once more,
  /// unless `delivered` tells that a part of the answer has already been passed on.
  template <class Question>
  auto ask(const call_options& call, const Question& question, const bool& delivered = false) const {
    const call_limits limits{call};
    const auto once = [&](bool& used_before) {
      const auto lease = connections->acquire(limits);
      used_before = lease.used_before();
      return question(command{*lease, store, limits});
    };
    bool used_before = false;
    try {
      return once(used_before);
    } catch (const connection_error&) {
      if (!used_before || delivered) throw;
    }
    return once(used_before);
  }
};

namespace {

// Whether the store itself has answered.
bool is_verdict(const error& answer) { return answer.sqlstate().starts_with("DCB"); }

}  // namespace

// The first answer was lost. Its append id makes the repetition have one effect and the first answer; what the store itself says to it is
// the truth, and anything else leaves the outcome in doubt.
std::int64_t raw_store::impl::append_until_answered(std::span<const new_event> events, const std::optional<append_condition>& condition,
                                                    const call_options& call, const call_limits& limits) const {
  const auto until = steady::now() + connections->options().resolve_timeout;
  for (auto pause = std::chrono::milliseconds{10};; pause = std::min(2 * pause, std::chrono::milliseconds{1000})) {
    try {
      return append(events, condition, call, limits);
    } catch (const timeout& e) {
      throw timeout(e.what(), in_doubt_info(e));
    } catch (const cancelled& e) {
      throw cancelled(e.what(), in_doubt_info(e));
    } catch (const error& e) {
      if (is_verdict(e)) throw;
      const bool lost_again = e.in_doubt() || e.retryable();
      if (!lost_again || steady::now() >= until) throw connection_error(e.what(), in_doubt_info(e));
    }
    if (const auto outcome = limits.wait(-1, 0, std::min(until, steady::now() + pause)); outcome.interrupted)
      throw_interrupted(*outcome.interrupted, true);
  }
}

raw_store::raw_store(std::string conninfo, std::string store, store_options options) {
  require_no_nul(conninfo, "the conninfo");
  require_no_nul(store, "the name of the store");
  if (options.pool.max_connections == 0) throw error("a pool without connections", {.sqlstate = "22023"});
  impl_ = std::make_unique<impl>(impl{std::make_shared<pool>(std::move(conninfo), std::move(options)), std::move(store)});
}

raw_store::raw_store(raw_store&&) noexcept = default;
raw_store& raw_store::operator=(raw_store&&) noexcept = default;
raw_store::~raw_store() = default;

std::string_view raw_store::name() const noexcept { return impl_->store; }

observer* raw_store::watched_by() const noexcept { return impl_->connections->options().watch.get(); }

std::int64_t raw_store::append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) {
  const call_limits limits{call};
  try {
    return impl_->append(events, condition, call, limits);
  } catch (const connection_error& e) {
    if (!e.in_doubt() || !call.append_id) throw;
  }
  return impl_->append_until_answered(events, condition, call, limits);
}

std::int64_t raw_store::read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) {
  bool delivered = false;
  const event_sink noting = [&](const recorded_event& event) {
    delivered = true;
    return sink(event);
  };
  return impl_->ask(
      call, [&](const command& on) { return on.read(query, options, noting); }, delivered);
}

std::int64_t raw_store::head(const call_options& call) {
  return impl_->ask(call, [](const command& on) { return on.head(); });
}

bool raw_store::exists(const event_query& query, std::int64_t after, const call_options& call) {
  return impl_->ask(call, [&](const command& on) { return on.exists(query, after); });
}

std::int64_t raw_store::count(const event_query& query, std::int64_t after, const call_options& call) {
  return impl_->ask(call, [&](const command& on) { return on.count(query, after); });
}

std::optional<std::int64_t> raw_store::last(const event_query& query, const call_options& call) {
  return impl_->ask(call, [&](const command& on) { return on.last(query); });
}

std::int64_t raw_store::position_at(timestamp time, const call_options& call) {
  return impl_->ask(call, [&](const command& on) { return on.position_at(time); });
}

transaction raw_store::begin(isolation level, const call_options& call) {
  const call_limits limits{call};
  auto lease = impl_->connections->acquire(limits);
  return transaction::impl::handed_over(server_transaction::begin(std::move(lease), impl_->store, level, limits));
}

}  // namespace dcb::inline v0
