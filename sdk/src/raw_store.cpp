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

  /// Sends what commits, and once more if its answer was lost and append ids make that safe.
  template <class Send>
  auto settle(const Send& send, bool repeatable, const call_limits& limits) const {
    try {
      return send();
    } catch (const connection_error& e) {
      if (!e.in_doubt() || !repeatable) throw;
    }
    return send_until_answered(send, limits);
  }

  template <class Send>
  auto send_until_answered(const Send& send, const call_limits& limits) const -> decltype(send());

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
template <class Send>
auto raw_store::impl::send_until_answered(const Send& send, const call_limits& limits) const -> decltype(send()) {
  const auto until = steady::now() + connections->options().resolve_timeout;
  for (auto pause = std::chrono::milliseconds{10};; pause = std::min(2 * pause, std::chrono::milliseconds{1000})) {
    try {
      return send();
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
  return impl_->settle([&] { return impl_->append(events, condition, call, limits); }, call.append_id.has_value(), limits);
}

std::vector<append_outcome> raw_store::submit_many(std::span<const append_command> commands, const call_options& call) {
  const call_limits limits{call};
  const bool repeatable = std::ranges::all_of(commands, [](const append_command& command) { return command.append_id.has_value(); });
  return impl_->settle(
      [&] {
        const auto lease = impl_->connections->acquire(limits);
        return command{*lease, impl_->store, limits}.submit_many(commands);
      },
      repeatable, limits);
}

// The turn is a lock that goes with the transaction: it ends after the append is there for the next in line to read.
std::int64_t raw_store::append_in_line(const waiting_line& line, std::span<const load_part> parts, load_sink& sink, const decide_function& decide,
                                       const call_options& call) {
  const call_limits limits{call};
  transaction in_turn = begin(isolation::read_committed, call);
  const auto on = static_cast<server_transaction&>(transaction::impl::of(in_turn)).with(limits);
  on.lock_tags(line);
  const auto read_upto = on.load(parts, sink);
  const auto decided = decide(read_upto);
  if (!decided) return read_upto;
  const auto& [events, condition, append_id] = *decided;
  const auto position = on.append(command::way::join, events, condition, append_id);
  const call_options again{.append_id = append_id};
  bool sent = false;
  return impl_->settle(
      [&] {
        if (std::exchange(sent, true)) return impl_->append(events, condition, again, limits);
        return in_turn.commit(call), position;
      },
      append_id.has_value(), limits);
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

std::int64_t raw_store::load(std::span<const load_part> parts, load_sink& sink, const call_options& call) {
  struct noting final : load_sink {
    load_sink& to;
    bool delivered = false;
    explicit noting(load_sink& sink) : to(sink) {}
    void restore(std::size_t part, const saved_state& saved) override { delivered = true, to.restore(part, saved); }
    void fold(std::size_t part, const recorded_event& stored) override { delivered = true, to.fold(part, stored); }
  } noted{sink};
  return impl_->ask(
      call, [&](const command& on) { return on.load(parts, noted); }, noted.delivered);
}

bool raw_store::save_snapshot(const load_part& part, const saved_state& state, const call_options& call) {
  return impl_->ask(call, [&](const command& on) { return on.save_snapshot(part, state); });
}

transaction raw_store::begin(isolation level, const call_options& call) {
  const call_limits limits{call};
  auto lease = impl_->connections->acquire(limits);
  return transaction::impl::handed_over(server_transaction::begin(std::move(lease), impl_->store, level, limits));
}

}  // namespace dcb::inline v0
