#include "memory_reactions.hpp"

#include "call_limits.hpp"

#include <dcb/error.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace dcb::inline v0 {
namespace {

bool same(const subscription_definition& a, const subscription_definition& b) {
  return a.query == b.query && a.partitions == b.partitions && a.partition_by == b.partition_by;
}

memory_transaction& of_memory(transaction& in) {
  const auto mine = dynamic_cast<memory_transaction*>(&transaction::impl::of(in));
  if (!mine) throw error("this transaction belongs to another store", {.sqlstate = "22023"});
  return *mine;
}

}  // namespace

memory_subscription& memory_reaction_state::subscription(std::string_view name) {
  const auto found = subscriptions.find(name);
  if (found == subscriptions.end())
    throw error("there is no subscription \"" + std::string{name} + '"', {.sqlstate = "DCB13", .hint = "Create it first."});
  return found->second;
}

memory_partition& memory_reaction_state::held(std::string_view name, const held_partition& by) {
  auto& partition = subscription(name).partitions.at(static_cast<std::size_t>(by.partition));
  if (partition.token != by.token)
    throw error("the subscription was taken over", {.sqlstate = "DCB11", .detail = "\"" + partition.consumer + "\" holds it.", .hint = "Claim it again."});
  return partition;
}

timestamp memory_reactions::now() const {
  const std::scoped_lock lock{store_.mutex_};
  return store_.now();
}

void memory_reactions::create(const subscription_definition& definition) {
  definition.query.validate();
  if (definition.partitions < 1 || (definition.partitions > 1 && !definition.partition_by))
    throw error("partitions need at least one, and what to part by", {.sqlstate = "22023"});
  const auto after = definition.start_after ? *definition.start_after : store_.head();
  const std::scoped_lock lock{mutex_};
  if (const auto known = state_.subscriptions.find(definition.name); known != state_.subscriptions.end()) {
    if (same(known->second.definition, definition)) return;
    throw error("subscription \"" + definition.name + "\" exists with another definition",
                {.sqlstate = "42710", .hint = "Give the new one another name, or drop the old one."});
  }
  auto& fresh = state_.subscriptions[definition.name];
  fresh.definition = definition;
  fresh.partitions.resize(static_cast<std::size_t>(definition.partitions));
  for (auto& partition : fresh.partitions) partition.position = after;
}

bool memory_reactions::drop(std::string_view name) {
  const std::scoped_lock lock{mutex_};
  const auto found = state_.subscriptions.find(name);
  if (found == state_.subscriptions.end()) return false;
  state_.subscriptions.erase(found);
  return true;
}

std::vector<held_partition> memory_reactions::claim(std::string_view name, std::string_view consumer, std::chrono::milliseconds lease) {
  const auto at = now();
  const std::scoped_lock lock{mutex_};
  auto& subscription = state_.subscription(name);
  if (subscription.state != subscription_state::active) return {};
  subscription.members[std::string{consumer}] = at + lease;
  std::erase_if(subscription.members, [&](const auto& member) { return member.second <= at; });
  const auto members = subscription.members.size();
  const auto fair = (subscription.partitions.size() + members - 1) / members;

  std::vector<held_partition> held;
  for (const bool own : {true, false}) {
    for (std::size_t i = 0; i < subscription.partitions.size(); ++i) {
      auto& partition = subscription.partitions[i];
      const bool is_own = partition.consumer == consumer;
      if (is_own != own || (!is_own && !partition.consumer.empty() && partition.lease_until > at)) continue;
      if (held.size() == fair) {
        if (is_own) partition.consumer.clear();
        continue;
      }
      if (!is_own) ++partition.token;
      partition.consumer = consumer;
      partition.lease_until = at + lease;
      held.push_back({static_cast<int>(i), partition.token});
    }
  }
  return held;
}

void memory_reactions::release(std::string_view name, std::string_view consumer) {
  const std::scoped_lock lock{mutex_};
  auto& subscription = state_.subscription(name);
  for (auto& partition : subscription.partitions)
    if (partition.consumer == consumer) partition.consumer.clear();
  if (const auto member = subscription.members.find(consumer); member != subscription.members.end()) subscription.members.erase(member);
}

int memory_reactions::partition_of(const subscription_definition& definition, const recorded_event& event) const {
  if (!definition.partition_by) return 0;
  const auto key = *definition.partition_by + ':';
  for (const auto& tag : event.tags)
    if (tag.starts_with(key)) return static_cast<int>(std::hash<std::string>{}(tag) % static_cast<std::size_t>(definition.partitions));
  return 0;
}

polled_events memory_reactions::poll(std::string_view name, const held_partition& held, int max_count) {
  subscription_definition definition;
  std::set<std::int64_t> parked;
  polled_events polled;
  {
    const std::scoped_lock lock{mutex_};
    polled.upto = state_.held(name, held).position;
    const auto& subscription = state_.subscription(name);
    definition = subscription.definition;
    for (const auto& [position, event] : subscription.parked) parked.insert(position);
  }
  polled.upto = std::max(polled.upto, store_.read(definition.query, {.after = polled.upto}, [&](const recorded_event& event) {
    if (partition_of(definition, event) == held.partition && !parked.contains(event.position)) polled.events.push_back(event);
    return std::ssize(polled.events) < max_count;
  }));
  return polled;
}

transaction memory_reactions::begin(std::chrono::milliseconds) { return store_.begin(); }

void memory_reactions::at_once_or_in(transaction* in, change what) {
  if (in) return of_memory(*in).change(std::move(what));
  const std::scoped_lock lock{mutex_};
  what(state_);
}

void memory_reactions::checkpoint(transaction& in, std::string_view name, const held_partition& held, std::int64_t position) {
  of_memory(in).change([name = std::string{name}, held, position](memory_reaction_state& state) {
    auto& partition = state.held(name, held);
    if (position < partition.position) throw error("a checkpoint does not go back", {.sqlstate = "22023", .hint = "Rewind the subscription."});
    partition.position = position;
    partition.failures = 0;
  });
}

void memory_reactions::park(transaction& in, std::string_view name, const held_partition& held, std::int64_t position, const std::string& reason,
                            int attempts) {
  parked_event parked{.partition = held.partition, .reason = reason, .attempts = attempts, .parked_at = now()};
  store_.read(event_query::all(), {.after = position - 1, .upto = position}, [&](const recorded_event& event) {
    parked.event = event;
    return true;
  });
  of_memory(in).change([=, name = std::string{name}](memory_reaction_state& state) {
    state.held(name, held);
    state.subscription(name).parked[position] = parked;
  });
}

void memory_reactions::fail(std::string_view name, const held_partition& held, const std::string& reason, bool stop) {
  const std::scoped_lock lock{mutex_};
  auto& partition = state_.held(name, held);
  ++partition.failures;
  partition.last_error = reason;
  if (!stop) return;
  auto& subscription = state_.subscription(name);
  subscription.state = subscription_state::stopped;
  subscription.reason = reason;
}

void memory_reactions::pause(std::string_view name) {
  const std::scoped_lock lock{mutex_};
  state_.subscription(name).state = subscription_state::paused;
}

void memory_reactions::resume(std::string_view name) {
  const std::scoped_lock lock{mutex_};
  auto& subscription = state_.subscription(name);
  subscription.state = subscription_state::active;
  subscription.reason.reset();
}

void memory_reactions::rewind(std::string_view name, std::int64_t position) {
  const std::scoped_lock lock{mutex_};
  for (auto& partition : state_.subscription(name).partitions) {
    partition.position = position;
    ++partition.token;
    partition.consumer.clear();
  }
}

std::vector<subscription_status> memory_reactions::status(std::string_view wanted) {
  memory_reaction_state state;
  {
    const std::scoped_lock lock{mutex_};
    state = state_;
  }
  std::vector<subscription_status> all;
  const auto head = store_.head();
  for (const auto& entry : state.subscriptions) {
    const auto& name = entry.first;
    const auto& subscription = entry.second;
    if (!wanted.empty() && wanted != name) continue;
    for (std::size_t i = 0; i < subscription.partitions.size(); ++i) {
      const auto& partition = subscription.partitions[i];
      auto& row = all.emplace_back(subscription_status{.name = name,
                                                       .partition = static_cast<int>(i),
                                                       .partitions = subscription.definition.partitions,
                                                       .state = subscription.state,
                                                       .reason = subscription.reason,
                                                       .position = partition.position,
                                                       .head = head,
                                                       .failures = partition.failures,
                                                       .last_error = partition.last_error});
      for (const auto& [position, parked] : subscription.parked) row.parked += parked.partition == row.partition;
      if (!partition.consumer.empty()) row.consumer = partition.consumer;
      std::optional<timestamp> oldest;
      store_.read(subscription.definition.query, {.after = partition.position}, [&](const recorded_event& event) {
        if (partition_of(subscription.definition, event) != row.partition) return true;
        ++row.lag_events;
        if (!oldest) oldest = event.recorded_at;
        return true;
      });
      if (oldest) row.lag = std::max(now() - *oldest, std::chrono::microseconds{0});
    }
  }
  return all;
}

bool memory_reactions::supersede(transaction& in, std::string_view replaced, std::string_view by, std::string_view) {
  const auto caught_up = [](memory_reaction_state& state, std::string_view old_one, std::string_view new_one) {
    const auto before = [](const memory_partition& a, const memory_partition& b) { return a.position < b.position; };
    const auto& old_ones = state.subscription(old_one).partitions;
    const auto& new_ones = state.subscription(new_one).partitions;
    return std::ranges::min_element(new_ones, before)->position >= std::ranges::max_element(old_ones, before)->position;
  };
  {
    const std::scoped_lock lock{mutex_};
    if (!caught_up(state_, replaced, by)) return false;
  }
  of_memory(in).change([=, replaced = std::string{replaced}, by = std::string{by}](memory_reaction_state& state) {
    if (!caught_up(state, replaced, by)) throw error("it has gone on meanwhile", {.sqlstate = "40001", .retryable = true});
    state.subscriptions.erase(replaced);
  });
  return true;
}

std::vector<parked_event> memory_reactions::parked(std::string_view name) {
  const std::scoped_lock lock{mutex_};
  std::vector<parked_event> all;
  for (const auto& [position, event] : state_.subscription(name).parked) all.push_back(event);
  return all;
}

bool memory_reactions::resolve_parked(transaction& in, std::string_view name, std::int64_t position) {
  {
    const std::scoped_lock lock{mutex_};
    if (!state_.subscription(name).parked.contains(position)) return false;
  }
  of_memory(in).change([name = std::string{name}, position](memory_reaction_state& state) {
    if (state.subscription(name).parked.erase(position) == 0) throw error("the event was replayed by another", {.sqlstate = "40001", .retryable = true});
  });
  return true;
}

bool memory_reactions::wait_for_events(const event_query& query, std::int64_t after, std::chrono::milliseconds timeout, std::stop_token stop) {
  query.validate();
  std::unique_lock lock{store_.mutex_};
  auto seen = after;
  const bool found = store_.appended_.wait_until(lock, stop, steady::now() + timeout, [&] {
    for (; seen < store_.head_locked(); ++seen) {
      const auto& event = *store_.events_[static_cast<std::size_t>(seen)];
      if (query.matches(event.type, event.tags)) return true;
    }
    return false;
  });
  if (!found && stop.stop_requested()) throw_interrupted(interruption::stopped);
  return found;
}

bool memory_reactions::wait_for(std::int64_t position, std::string_view name, std::chrono::milliseconds timeout, std::stop_token stop) {
  const auto until = steady::now() + timeout;
  if (name.empty()) {
    std::unique_lock lock{store_.mutex_};
    return store_.appended_.wait_until(lock, stop, until, [&] { return store_.head_locked() >= position; });
  }
  std::unique_lock lock{mutex_};
  return advanced_.wait_until(lock, stop, until, [&] {
    return std::ranges::all_of(state_.subscription(name).partitions, [&](const auto& partition) { return partition.position >= position; });
  });
}

void memory_reactions::schedule(const due_append& append, transaction* in) {
  checked_events(append.events);
  if (append.condition) append.condition->fail_if_events_match.validate();
  at_once_or_in(in, [append](memory_reaction_state& state) {
    const auto [at, fresh] = state.due.try_emplace(append.id, memory_due{append, {.id = append.id, .due = append.due}});
    const auto& known = at->second.append;
    if (!fresh && (known.events != append.events || known.condition.has_value() != append.condition.has_value() ||
                   (known.condition && (known.condition->fail_if_events_match != append.condition->fail_if_events_match ||
                                        known.condition->after != append.condition->after))))
      throw error("a due command with this id was scheduled before, with other content", {.sqlstate = "DCB14", .hint = "Make a new id for each."});
  });
}

bool memory_reactions::cancel(const uuid& id, transaction* in) {
  const auto take_back = [id](memory_reaction_state& state) {
    const auto found = state.due.find(id);
    if (found == state.due.end() || found->second.status.state != due_state::pending) return false;
    found->second.status.state = due_state::cancelled;
    return true;
  };
  bool pending = false;
  if (in) of_memory(*in).change([take_back](memory_reaction_state& state) { take_back(state); });
  const std::scoped_lock lock{mutex_};
  auto trial = state_;
  pending = take_back(in ? trial : state_);
  return pending;
}

std::vector<due_status> memory_reactions::due() {
  const std::scoped_lock lock{mutex_};
  std::vector<due_status> all;
  for (const auto& [id, each] : state_.due) all.push_back(each.status);
  std::ranges::stable_sort(all, {}, &due_status::due);
  return all;
}

int memory_reactions::run_due() {
  const auto at = now();
  const std::scoped_lock lock{mutex_};
  std::vector<memory_due*> ready;
  for (auto& [id, each] : state_.due)
    if (each.status.state == due_state::pending && each.append.due <= at) ready.push_back(&each);
  std::ranges::stable_sort(ready, {}, [](const memory_due* each) { return each->append.due; });
  for (auto* each : ready) {
    try {
      each->status.position = store_.append(each->append.events, each->append.condition, {.append_id = each->append.id});
      each->status.state = due_state::appended;
    } catch (const conflict& refusal) {
      each->status.state = due_state::refused;
      each->status.position = refusal.position();
      each->status.error = std::string{refusal.detail()};
    } catch (const error& failure) {
      each->status.state = due_state::failed;
      each->status.error = failure.what();
    }
  }
  return static_cast<int>(ready.size());
}

}  // namespace dcb::inline v0
