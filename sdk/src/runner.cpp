// Threads of a runner that runs:
//   the caller's       claims partitions and renews leases, so that a batch may take longer than a lease
//   workers            take the partition that is due first, do one batch of it, and put it back
//   the waiter         waits for events that concern any of the subscriptions, on one connection however many there are, and makes those due
//   the due one        carries out due appends
// `mutex_` guards the units; nobody holds it while talking to the store or to the observer. A unit that is busy belongs to its worker: others only leave a
// note in it.

#include <dcb/runner.hpp>

#include "runner_effects.hpp"
#include "runner_work.hpp"

#include <dcb/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace dcb::inline v0 {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t few = 16;                // so many are all looked at when something has come
constexpr std::int64_t events_in_a_look = 1000;
constexpr auto longest_wait = 30'000ms;

std::string own_name() {
  std::array<char, 64> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string{host.data()} + ':' + std::to_string(getpid()) + ':' + uuid::random().to_string().substr(0, 8);
}

// One that asks for the events of all; if that is too much for a query, for all events.
event_query union_of(const std::vector<std::unique_ptr<subscriber>>& subscribers) {
  std::vector<query_item> items;
  for (const auto& each : subscribers)
    for (const auto& item : each->settings().definition.query.items()) items.push_back(item);
  event_query all{std::move(items)};
  try {
    all.validate();
    return all;
  } catch (const error&) {
    return event_query::all();
  }
}

void check(const subscriber_settings& settings) {
  const auto refuse = [&](const char* what) {
    throw error('"' + settings.definition.name + "\" " + what, {.sqlstate = "22023"});
  };
  if (settings.definition.name.empty()) throw error("a subscription without a name", {.sqlstate = "22023"});
  if (settings.batch_size < 1) refuse("has a batch size of less than 1");
  if (settings.on_failure.attempts < 1) refuse("has a policy of less than one attempt");
  if (settings.definition.partitions < 1) refuse("has less than one partition");
  if (settings.definition.partitions > 1 && !settings.definition.partition_by) refuse("has partitions but no tag to part by");
}

}  // namespace

struct raw_runner::impl {
  struct unit {
    partition_work work;
    clock::time_point due{};
    clock::time_point not_before{};  // a wait after a failure is not cut short by news
    bool busy = false;
    bool news = false;  // came while it was busy
    bool gone = false;  // is not ours any more, while it was busy
  };
  using key = std::pair<std::size_t, int>;  // index of the subscriber, partition

  impl(event_log& on, runner_options given)
      : log(on), options(std::move(given)), context{on.reactions(), options.watch ? *options.watch : default_watch, {}, options.lease * 3 / 5, options.lease} {
    context.consumer = options.consumer.empty() ? own_name() : options.consumer;
    if (options.lease < 50ms || options.workers < 1) throw error("a runner needs a lease of 50 ms and a worker at least", {.sqlstate = "22023"});
  }

  reaction_place place(std::size_t i, int partition = 0) const { return {context.store.name(), subscribers[i]->name(), partition}; }

  void create();
  void claim_all(bool report = true);
  void claim(std::size_t i);
  void keep(const std::stop_token& stop);
  void report();
  void work(const std::stop_token& stop);
  void wait(const std::stop_token& stop);
  void carry_out_due(const std::stop_token& stop, std::chrono::milliseconds interval);
  void make_due(std::size_t i);
  void release_all() noexcept;
  std::optional<std::chrono::milliseconds> due_interval() const;
  bool sleep(const std::stop_token& stop, std::chrono::milliseconds time);

  event_log& log;
  const runner_options options;
  stderr_observer default_watch;
  work_context context;
  std::vector<std::unique_ptr<subscriber>> subscribers;
  std::vector<std::string> troubles;  // of claiming, by subscriber: what was reported already

  std::mutex mutex_;
  std::condition_variable_any changed;
  std::map<key, unit> units;
};

void raw_runner::impl::create() {
  if (subscribers.empty()) throw error("a runner without projections", {.sqlstate = "22023", .hint = "Call add() before run()."});
  for (const auto& each : subscribers) context.store.create(each->settings().definition);
}

// What is not answered any more is lost; a batch of it that is under way finds out by its token.
void raw_runner::impl::claim(std::size_t i) {
  const auto held = context.store.claim(subscribers[i]->name(), context.consumer, context.lease);
  std::vector<int> won, lost;
  {
    const std::scoped_lock lock{mutex_};
    for (auto at = units.lower_bound({i, 0}); at != units.end() && at->first.first == i;) {
      const int partition = at->first.second;
      auto& unit = at->second;
      const auto same = std::ranges::any_of(held, [&](const auto& h) { return h.partition == partition && h.token == unit.work.held().token; });
      if (same) {
        unit.gone = false;
        ++at;
      } else if (unit.busy) {
        unit.gone = true;
        ++at;
      } else {
        lost.push_back(partition);
        at = units.erase(at);
      }
    }
    for (const auto& each : held) {
      const auto [at, fresh] = units.try_emplace({i, each.partition}, unit{partition_work{context, *subscribers[i], each}});
      if (fresh) won.push_back(each.partition);
    }
  }
  for (const int partition : lost) context.watch.lost(place(i, partition), "it was given to another consumer, paused or stopped");
  for (const int partition : won) context.watch.claimed(place(i, partition));
  if (!won.empty()) changed.notify_all();
}

void raw_runner::impl::claim_all(bool report) {
  for (std::size_t i = 0; i < subscribers.size(); ++i) {
    try {
      claim(i);
      troubles[i].clear();
    } catch (const connection_error& e) {
      if (!report) throw;
      return context.watch.disconnected(context.store.name(), e.what());
    } catch (const std::exception& e) {
      if (std::exchange(troubles[i], e.what()) != e.what()) context.watch.stopped(place(i), e.what());
    }
  }
}

bool raw_runner::impl::sleep(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::mutex unused;
  std::unique_lock lock{unused};
  std::condition_variable_any never;
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

void raw_runner::impl::keep(const std::stop_token& stop) {
  while (sleep(stop, context.lease / 3)) {
    claim_all();
    if (options.report_status) report();
  }
}

void raw_runner::impl::report() {
  try {
    for (const auto& row : context.store.status())
      if (std::ranges::any_of(subscribers, [&](const auto& each) { return each->name() == row.name; })) context.watch.status(row);
  } catch (const std::exception& e) {
    context.watch.disconnected(context.store.name(), e.what());
  }
}

void raw_runner::impl::make_due(std::size_t i) {
  for (auto at = units.lower_bound({i, 0}); at != units.end() && at->first.first == i; ++at) {
    auto& unit = at->second;
    unit.news = true;
    if (!unit.busy) unit.due = std::min(unit.due, std::max(clock::now(), unit.not_before));
  }
}

void raw_runner::impl::work(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (!stop.stop_requested()) {
    auto next = units.end();
    for (auto at = units.begin(); at != units.end(); ++at)
      if (!at->second.busy && (next == units.end() || at->second.due < next->second.due)) next = at;
    const auto now = clock::now();
    if (next == units.end() || next->second.due > now) {
      const auto until = next == units.end() ? now + longest_wait : next->second.due;
      changed.wait_until(lock, stop, until, [&, due = until] {
        return std::ranges::any_of(units, [&](const auto& each) { return !each.second.busy && each.second.due < due; });
      });
      continue;
    }
    auto& unit = next->second;
    unit.busy = true;
    unit.news = false;
    lock.unlock();
    const auto outcome = unit.work.run();
    lock.lock();
    unit.busy = false;
    const auto after = clock::now();
    switch (outcome.then) {
      case work_outcome::what::more: unit.due = after; break;
      case work_outcome::what::idle: unit.due = unit.news ? after : after + options.look_again; break;
      case work_outcome::what::later: unit.due = unit.not_before = after + outcome.wait; break;
      case work_outcome::what::ended: unit.gone = true; break;
    }
    if (unit.gone) {
      const auto [i, partition] = next->first;
      units.erase(next);
      if (outcome.then == work_outcome::what::ended) continue;  // that was reported
      lock.unlock();
      context.watch.lost(place(i, partition), "it was given to another consumer, paused or stopped");
      lock.lock();
    } else if (unit.due <= after) {
      changed.notify_one();  // another worker may sleep
    }
  }
}

void raw_runner::impl::wait(const std::stop_token& stop) {
  const auto query = union_of(subscribers);
  std::int64_t seen = 0;
  for (int failures = 0; !stop.stop_requested();) {
    try {
      if (!context.store.wait_for_events(query, seen, longest_wait, stop)) continue;
      const bool all = subscribers.size() <= few || seen == 0;
      std::vector<bool> concerned(subscribers.size(), all);
      if (all) {
        seen = log.head();
      } else {
        seen = log.read(query, {.after = seen, .max_count = events_in_a_look}, [&](const recorded_event& event) {
          for (std::size_t i = 0; i < subscribers.size(); ++i)
            if (!concerned[i]) concerned[i] = subscribers[i]->settings().definition.query.matches(event.type, event.tags);
          return true;
        });
      }
      {
        const std::scoped_lock lock{mutex_};
        for (std::size_t i = 0; i < subscribers.size(); ++i)
          if (concerned[i]) make_due(i);
      }
      changed.notify_all();
      failures = 0;
    } catch (const std::exception& e) {
      if (stop.stop_requested()) return;
      context.watch.disconnected(context.store.name(), e.what());
      sleep(stop, std::min(5'000ms, 50ms * (1 << std::min(failures++, 10))));
    }
  }
}

std::optional<std::chrono::milliseconds> raw_runner::impl::due_interval() const {
  const bool reacts = std::ranges::any_of(subscribers, [](const auto& each) { return each->settings().reacts; });
  const auto interval = options.run_due.value_or(reacts ? 1'000ms : 0ms);
  return interval > 0ms ? std::optional{interval} : std::nullopt;
}

void raw_runner::impl::carry_out_due(const std::stop_token& stop, std::chrono::milliseconds interval) {
  while (sleep(stop, interval)) {
    try {
      context.store.run_due();
    } catch (const std::exception& e) {
      context.watch.disconnected(context.store.name(), e.what());
    }
  }
}

// What cannot be given back now is free when the lease is over.
void raw_runner::impl::release_all() noexcept {
  for (std::size_t i = 0; i < subscribers.size(); ++i) {
    try {
      context.store.release(subscribers[i]->name(), context.consumer);
    } catch (const error& e) {
      if (e.sqlstate() == "DCB13") continue;  // dropped meanwhile
      context.watch.disconnected(context.store.name(), e.what());
      return;
    } catch (const std::exception& e) {
      context.watch.disconnected(context.store.name(), e.what());
      return;
    }
  }
}

raw_runner::raw_runner(event_log& log, runner_options options) : impl_(std::make_unique<impl>(log, std::move(options))) {}
raw_runner::~raw_runner() = default;

void raw_runner::add(std::unique_ptr<subscriber> added) {
  check(added->settings());
  for (const auto& each : impl_->subscribers)
    if (each->name() == added->name()) throw error("two subscriptions with the name \"" + added->name() + '"', {.sqlstate = "22023"});
  impl_->subscribers.push_back(std::move(added));
  impl_->troubles.emplace_back();
}

void raw_runner::create() { impl_->create(); }

void raw_runner::run(std::stop_token stop) {
  auto& my = *impl_;
  if (const auto least = static_cast<std::size_t>(my.options.workers) + 3; my.context.store.connections() < least)
    throw error("the store's pool is too small for this runner",
                {.sqlstate = "22023",
                 .detail = "It needs " + std::to_string(least) + " connections; the pool has " + std::to_string(my.context.store.connections()) + '.',
                 .hint = "Raise pool_options::max_connections, or lower runner_options::workers."});
  my.create();
  my.claim_all(false);
  {
    // They end when stop is requested, and have ended before what is held is given back.
    std::vector<std::jthread> threads;
    for (int i = 0; i < my.options.workers; ++i) threads.emplace_back([&my](const std::stop_token& ending) { my.work(ending); });
    threads.emplace_back([&my](const std::stop_token& ending) { my.wait(ending); });
    if (const auto interval = my.due_interval())
      threads.emplace_back([&my, interval](const std::stop_token& ending) { my.carry_out_due(ending, *interval); });
    my.keep(stop);
    for (auto& thread : threads) thread.request_stop();
  }
  my.units.clear();
  my.release_all();
}

std::int64_t raw_runner::run_once() {
  auto& my = *impl_;
  my.create();
  std::int64_t handled = 0;
  my.claim_all(false);
  for (bool more = true; more;) {
    more = false;
    for (auto at = my.units.begin(); at != my.units.end();) {
      const auto outcome = at->second.work.run();
      handled += outcome.events;
      more |= outcome.then == work_outcome::what::more || outcome.then == work_outcome::what::later;
      at = outcome.then == work_outcome::what::ended ? my.units.erase(at) : std::next(at);
    }
    if (!more && my.due_interval()) more = my.context.store.run_due() > 0;
  }
  my.units.clear();
  my.release_all();
  return handled;
}

replay_outcome raw_runner::replay(std::string_view name) {
  auto& my = *impl_;
  const auto found = std::ranges::find(my.subscribers, name, [](const auto& each) -> std::string_view { return each->name(); });
  if (found == my.subscribers.end()) throw error("this runner has no \"" + std::string{name} + '"', {.sqlstate = "22023"});
  auto& by = **found;
  replay_outcome outcome;
  for (const auto& parked : my.context.store.parked(name)) {
    const reaction_place where{my.context.store.name(), by.name(), parked.partition};
    const auto position = parked.event.position;
    bool appended_before = false;
    for (bool again = true; again;) {
      again = false;
      try {
        auto in = my.context.store.begin(my.context.idle);
        if (!my.context.store.resolve_parked(in, name, position)) break;  // by another one, meanwhile
        if (by.settings().transactional)
          handle_in(in, by, my.context.store, parked.event, where, my.context.watch, appended_before);
        else
          by.react(parked.event, meta_for(by, parked.event));
        in.commit();
        ++outcome.replayed;
      } catch (const error& e) {
        again = by.settings().reacts && !appended_before && e.sqlstate() == "DCB07";
        appended_before = again;
        if (again) continue;
        ++outcome.failed;
        my.context.watch.failed({.where = where, .position = position, .attempt = parked.attempts + 1, .reason = e.what(), .then = failure_consequence::park});
      } catch (const std::exception& e) {
        ++outcome.failed;
        my.context.watch.failed({.where = where, .position = position, .attempt = parked.attempts + 1, .reason = e.what(), .then = failure_consequence::park});
      }
    }
  }
  return outcome;
}

bool raw_runner::wait_until(std::int64_t position, std::chrono::milliseconds timeout, std::stop_token stop) {
  const auto until = clock::now() + timeout;
  return std::ranges::all_of(impl_->subscribers, [&](const auto& each) {
    const auto left = std::max(std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()), 0ms);
    return impl_->context.store.wait_for(position, each->name(), left, stop);
  });
}

std::vector<subscription_status> raw_runner::status() {
  std::vector<subscription_status> all;
  for (const auto& each : impl_->subscribers)
    for (auto& row : impl_->context.store.status(each->name())) all.push_back(std::move(row));
  return all;
}

}  // namespace dcb::inline v0
