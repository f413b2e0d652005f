#include <dcb/raw_store.hpp>

#include "backoff.hpp"
#include "commands.hpp"
#include "pool.hpp"
#include "server_error.hpp"
#include "server_reactions.hpp"
#include "server_transaction.hpp"

#include <dcb/error.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace dcb::inline v0 {

struct raw_store::impl {
  std::shared_ptr<pool> connections;
  std::shared_ptr<pool> readers;  // nullptr: none
  std::string store;
  server_reactions reactions{connections, store};

  observer* watch() const { return connections->options().watch.get(); }

  /// Runs what writes, once more if a server that was written to before refuses that now: the pool leaves it, and nothing has been stored.
  template <class Work>
  auto write(const char* name, const call_limits& limits, const Work& work, steady::time_point give_up = steady::time_point::max()) const;

  /// Sends what commits, and sends it `again` if its answer was lost and append ids make that safe.
  template <class Send, class Again>
  auto settle(const char* name, const call_limits& limits, bool repeatable, const Send& send, const Again& again) const {
    std::optional<connection_error> lost;
    try {
      return send();
    } catch (const connection_error& e) {
      if (!e.in_doubt() || !repeatable) throw;
      lost = e;
    }
    return send_until_answered(name, limits, again, *lost);
  }

  template <class Again>
  auto send_until_answered(const char* name, const call_limits& limits, const Again& again, const error& lost) const
      -> decltype(again(steady::time_point{}));

  /// Both for what is one command.
  template <class Work>
  auto commit(const char* name, const call_options& call, bool repeatable, const Work& work) const {
    return watched(name, [&] {
      const call_limits limits{call};
      return settle(
          name, limits, repeatable, [&] { return write(name, limits, work); },
          [&](steady::time_point give_up) { return write(name, limits, work, give_up); });
    });
  }

  /// Runs a question, which changes nothing, on a reader if that is allowed. A connection that had lain idle may turn out to be lost: then it is asked
  /// once more, and a reader's failure is made up for by the primary, unless `delivered` tells that a part of the answer has already been passed on.
  template <class Question>
  auto ask(const char* name, const call_options& call, const Question& question, const bool& delivered = false) const {
    return watched(name, [&] {
      const call_limits limits{call};
      if (!call.may_lag || !readers) return ask(*connections, name, limits, question, delivered);
      try {
        return ask(*readers, name, limits, question, delivered);
      } catch (const error& e) {
        if (!e.retryable() || delivered) throw;
        tell_retry(name, 1, e);
      }
      return ask(*connections, name, limits, question, delivered);
    });
  }

  template <class Question>
  auto ask(pool& of, const char* name, const call_limits& limits, const Question& question, const bool& delivered) const {
    bool used_before = false;
    const auto once = [&] {
      const auto lease = of.acquire(limits);
      used_before = lease.used_before();
      return question(command{*lease, store, limits});
    };
    try {
      return once();
    } catch (const connection_error& e) {
      if (!used_before || delivered) throw;
      tell_retry(name, 1, e);
    }
    return once();
  }

  void tell_retry(const char* name, int attempt, const error& reason) const {
    if (watch()) watch()->retried({.store = store, .call = name, .attempt = attempt, .reason = &reason});
  }

  /// Makes a call and tells the observer what came of it.
  template <class Call>
  auto watched(const char* name, const Call& call) const {
    if (!watch()) return call();
    const auto begin = steady::now();
    const auto report = [&](const error* failure) {
      return call_report{.store = store, .call = name, .duration = steady::now() - begin, .failure = failure};
    };
    try {
      auto answer = call();
      watch()->call_done(report(nullptr));
      return answer;
    } catch (const error& e) {
      watch()->call_done(report(&e));
      throw;
    }
  }
};

namespace {

// Whether the store itself has answered.
bool is_verdict(const error& answer) { return answer.sqlstate().starts_with("DCB"); }

}  // namespace

template <class Work>
auto raw_store::impl::write(const char* name, const call_limits& limits, const Work& work, steady::time_point give_up) const {
  bool used_before = false;
  const auto once = [&] {
    const auto lease = connections->acquire(limits, give_up);
    used_before = lease.used_before();
    return work(command{*lease, store, limits});
  };
  try {
    return once();
  } catch (const error& e) {
    if (!is_read_only(e.sqlstate()) || !used_before) throw;
    tell_retry(name, 1, e);
  }
  return once();
}

// The first answer was lost. Its append id makes the repetition have one effect and the first answer; what the store itself says to it is
// the truth, and anything else leaves the outcome in doubt.
template <class Again>
auto raw_store::impl::send_until_answered(const char* name, const call_limits& limits, const Again& again, const error& lost) const
    -> decltype(again(steady::time_point{})) {
  const auto begin = steady::now(), until = begin + connections->options().resolve_timeout;
  const auto resolved = [&](const error* verdict) {
    if (watch()) watch()->in_doubt_resolved({.store = store, .call = name, .duration = steady::now() - begin, .failure = verdict});
  };
  tell_retry(name, 1, lost);
  for (int attempt = 1;; ++attempt) {
    try {
      auto answer = again(until);
      resolved(nullptr);
      return answer;
    } catch (const timeout& e) {
      throw timeout(e.what(), in_doubt_info(e));
    } catch (const cancelled& e) {
      throw cancelled(e.what(), in_doubt_info(e));
    } catch (const error& e) {
      if (is_verdict(e)) {
        resolved(&e);
        throw;
      }
      const bool lost_again = e.in_doubt() || e.retryable();
      if (!lost_again || steady::now() >= until) throw connection_error(e.what(), in_doubt_info(e));
      tell_retry(name, attempt + 1, e);
    }
    const auto pause = backoff(attempt, std::chrono::milliseconds{20}, std::chrono::seconds{1});
    if (const auto outcome = limits.wait(-1, 0, std::min(until, steady::now() + pause)); outcome.interrupted)
      throw_interrupted(*outcome.interrupted, true);
  }
}

raw_store::raw_store(std::string conninfo, std::string store, store_options options) {
  require_no_nul(conninfo, "the conninfo");
  require_no_nul(options.reader_conninfo, "the readers' conninfo");
  require_no_nul(store, "the name of the store");
  if (options.pool.max_connections == 0) throw error("a pool without connections", {.sqlstate = "22023"});
  auto connections = std::make_shared<pool>(conninfo, store, options, false);
  auto readers = options.reader_conninfo.empty() ? nullptr : std::make_shared<pool>(options.reader_conninfo, store, options, true);
  impl_.reset(new impl{std::move(connections), std::move(readers), std::move(store)});
}

raw_store::raw_store(raw_store&&) noexcept = default;
raw_store& raw_store::operator=(raw_store&&) noexcept = default;
raw_store::~raw_store() = default;

std::string_view raw_store::name() const noexcept { return impl_->store; }

observer* raw_store::watched_by() const noexcept { return impl_->watch(); }

std::int64_t raw_store::append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) {
  return impl_->commit("append", call, call.append_id.has_value(),
                       [&](const command& on) { return on.append(command::way::submit, events, condition, call.append_id); });
}

std::vector<append_outcome> raw_store::submit_many(std::span<const append_command> commands, const call_options& call) {
  const bool repeatable = std::ranges::all_of(commands, [](const append_command& command) { return command.append_id.has_value(); });
  return impl_->commit("submit_many", call, repeatable, [&](const command& on) { return on.submit_many(commands); });
}

// The turn is a lock that goes with the transaction: it ends after the append is there for the next in line to read.
std::int64_t raw_store::append_in_line(const waiting_line& line, std::span<const load_part> parts, load_sink& sink, const decide_function& decide,
                                       const call_options& call) {
  return impl_->watched("append_in_line", [&] {
    const call_limits limits{call};
    transaction in_turn = begin(isolation::read_committed, call);
    const auto on = static_cast<server_transaction&>(transaction::impl::of(in_turn)).with(limits);
    on.lock_tags(line);
    const auto read_upto = on.load(parts, sink);
    const auto decided = decide(read_upto);
    if (!decided) return read_upto;
    const auto append = [&](const command& by, command::way way) { return by.append(way, decided->events, decided->condition, decided->append_id); };
    const auto position = append(on, command::way::join);
    const auto repeat = [&](const command& anew) { return append(anew, command::way::submit); };
    return impl_->settle(
        "append_in_line", limits, decided->append_id.has_value(), [&] { return in_turn.commit(call), position; },
        [&](steady::time_point give_up) { return impl_->write("append_in_line", limits, repeat, give_up); });
  });
}

std::int64_t raw_store::read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) {
  bool delivered = false;
  const event_sink noting = [&](const recorded_event& event) {
    delivered = true;
    return sink(event);
  };
  return impl_->ask(
      "read", call, [&](const command& on) { return on.read(query, options, noting); }, delivered);
}

std::int64_t raw_store::head(const call_options& call) {
  return impl_->ask("head", call, [](const command& on) { return on.head(); });
}

bool raw_store::exists(const event_query& query, std::int64_t after, const call_options& call) {
  return impl_->ask("exists", call, [&](const command& on) { return on.exists(query, after); });
}

std::int64_t raw_store::count(const event_query& query, std::int64_t after, const call_options& call) {
  return impl_->ask("count", call, [&](const command& on) { return on.count(query, after); });
}

std::optional<std::int64_t> raw_store::last(const event_query& query, const call_options& call) {
  return impl_->ask("last", call, [&](const command& on) { return on.last(query); });
}

std::int64_t raw_store::position_at(timestamp time, const call_options& call) {
  return impl_->ask("position_at", call, [&](const command& on) { return on.position_at(time); });
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
      "load", call, [&](const command& on) { return on.load(parts, noted); }, noted.delivered);
}

bool raw_store::save_snapshot(const load_part& part, const saved_state& state, const call_options& call) {
  return impl_->commit("save_snapshot", call, true, [&](const command& on) { return on.save_snapshot(part, state); });
}

reaction_store& raw_store::reactions() { return impl_->reactions; }

transaction raw_store::begin(isolation level, const call_options& call) {
  return impl_->watched("begin", [&] {
    const call_limits limits{call};
    auto lease = impl_->connections->acquire(limits);
    return transaction::impl::handed_over(server_transaction::begin(std::move(lease), impl_->store, level, limits));
  });
}

}  // namespace dcb::inline v0
