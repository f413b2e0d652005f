// Subscriptions of the reference.

#include "reference.hpp"

#include <algorithm>

namespace model {

std::map<std::pair<std::string, int>, int> partition_of_value;

namespace {

int partition_of(const event& e, const std::string& by, int partitions) {
  if (partitions == 1) return 0;
  const auto first = e.tags.lower_bound(by + ":");
  const bool has_value = first != e.tags.end() && first->size() > by.size() && first->compare(0, by.size() + 1, by + ":") == 0;
  return has_value ? partition_of_value.at({first->substr(by.size() + 1), partitions}) : 0;
}

}  // namespace

const subscription& reference::existing(const std::string& name) const {
  const auto found = now_.subscriptions.find(name);
  if (found == now_.subscriptions.end()) throw failure{"DCB13"};
  return found->second;
}

partition& reference::held(const std::string& name, int number, int token) {
  subscription& s = existing(name);
  if (number < 0 || number >= static_cast<int>(s.partitions.size())) throw failure{"22023"};
  if (s.partitions[number].token != token) throw failure{"DCB11"};
  return s.partitions[number];
}

void reference::create_subscription(const std::string& name, const query& asked, std::optional<position> after, int partitions, const std::string& by,
                                    bool if_not_exists) {
  read(asked, {});  // refuses what is no query
  if (partitions < 1) throw failure{"DCB06"};
  if (partitions > 1 && by.empty()) throw failure{"22023"};
  if (after.value_or(0) < 0 || after.value_or(0) > head()) throw failure{"DCB09"};
  if (const auto found = now_.subscriptions.find(name); found != now_.subscriptions.end()) {
    const subscription& s = found->second;
    if (!if_not_exists || s.asked != asked || static_cast<int>(s.partitions.size()) != partitions || s.partition_by != by) throw failure{"42710"};
    return;
  }
  subscription& s = now_.subscriptions[name];
  s.asked = asked;
  s.partition_by = by;
  for (int i = 0; i < partitions; ++i) s.partitions.push_back({.at = after.value_or(head()), .token = next_token_++});
}

bool reference::drop_subscription(const std::string& name) { return now_.subscriptions.erase(name) > 0; }

// Members share the partitions evenly; those whose names come first have what cannot be divided. A consumer gives back what is above its share and
// takes what is free, what was its own first. What was free and its own keeps its token.
std::vector<std::pair<int, int>> reference::claim(const std::string& name, const std::string& consumer, lease wanted) {
  subscription& s = existing(name);
  if (s.state != "active") return {};
  const int count = static_cast<int>(s.partitions.size());
  for (auto& [member, until] : s.members)
    if (until == lease::instant) until = lease::none;
  for (partition& p : s.partitions)
    if (p.until == lease::instant) p.until = lease::none;

  int quota = 1;
  if (count > 1) {
    if (lease& own = s.members[consumer]; own < wanted) own = wanted;
    std::erase_if(s.members, [](const auto& m) { return m.second == lease::none; });
    const int live = static_cast<int>(s.members.size()), before = static_cast<int>(std::distance(s.members.begin(), s.members.find(consumer)));
    quota = count / live + (before < count % live ? 1 : 0);
  }

  const auto is_held = [&](const partition& p) { return p.consumer == consumer && p.until != lease::none; };
  int held = static_cast<int>(std::count_if(s.partitions.begin(), s.partitions.end(), is_held));
  const bool renews =
      std::any_of(s.partitions.begin(), s.partitions.end(), [&](const partition& p) { return is_held(p) && p.until < wanted; });
  for (int i = count - 1, surplus = held - quota; i >= 0 && surplus > 0; --i)
    if (partition& p = s.partitions[i]; p.consumer == consumer) {
      p.consumer = "";
      p.until = lease::none;
      p.token = next_token_++;
      --surplus;
    }
  if (renews)
    for (partition& p : s.partitions)
      if (p.consumer == consumer) p.until = wanted;
  for (const bool own : {true, false})
    for (partition& p : s.partitions)
      if (held < quota && p.until == lease::none && (p.consumer == consumer) == own) {
        if (!own) p.token = next_token_++;
        p.consumer = consumer;
        p.until = wanted;
        ++held;
      }

  std::vector<std::pair<int, int>> answer;
  for (int i = 0; i < count; ++i)
    if (const partition& p = s.partitions[i]; is_held(p)) {
      if (!p.of_this_log) throw failure{"DCB12"};
      answer.emplace_back(i, p.token);
    }
  return answer;
}

void reference::release(const std::string& name, const std::string& consumer) {
  subscription& s = existing(name);
  for (partition& p : s.partitions)
    if (p.consumer == consumer) {
      p.consumer = "";
      p.until = lease::none;
      p.token = next_token_++;
    }
  s.members.erase(consumer);
}

std::vector<position> reference::pending(const subscription& s, int number) const {
  const int count = static_cast<int>(s.partitions.size());
  const position checkpoint = s.partitions[number].at;
  std::vector<position> found;
  for (const position p : read(s.asked, {.after = checkpoint}))
    if (p > checkpoint && !s.parked.contains(p) && partition_of(at(p), s.partition_by, count) == number) found.push_back(p);
  return found;
}

reference::polled reference::poll(const std::string& name, int token, int number, std::int64_t max_count) const {
  if (max_count < 1) throw failure{"22023"};
  const partition& own = held(name, number, token);
  const subscription& s = existing(name);
  if (s.state != "active") return {};
  if (!own.of_this_log) throw failure{"DCB12"};
  polled answer{.events = pending(s, number)};
  if (static_cast<std::int64_t>(answer.events.size()) >= max_count)
    answer.events.resize(max_count);
  else if (head() > (answer.events.empty() ? own.at : answer.events.back()))
    answer.end = head();
  return answer;
}

void reference::checkpoint(const std::string& name, int token, position to, int number) {
  if (to < 0) throw failure{"22023"};
  if (to > head()) throw failure{"DCB09"};
  partition& own = held(name, number, token);
  if (own.at > to) throw failure{"22023"};
  if (own.at == to) return;
  own.at = to;
  own.of_this_log = true;
  own.failures = 0;
}

void reference::fail(const std::string& name, int token, const std::string& error, bool stop, int number) {
  partition& own = held(name, number, token);
  ++own.failures;
  own.last_error = error;
  if (!stop) return;
  existing(name).state = "stopped";
  existing(name).reason = error;
}

void reference::set_state(const std::string& name, const std::string& state, const std::string& reason) {
  subscription& s = existing(name);
  s.state = state;
  s.reason = reason;
  if (state == "active")
    for (partition& p : s.partitions) p.failures = 0;
}

void reference::rewind(const std::string& name, position to) {
  subscription& s = existing(name);
  if (to < 0 || to > head()) throw failure{"DCB09"};
  for (partition& p : s.partitions) p = {.at = to, .token = next_token_++, .last_error = p.last_error};
}

void reference::park(const std::string& name, int token, position at, const std::string& reason, int attempts, int number) {
  if (at < 0) throw failure{"22023"};
  if (at == 0 || at > head()) throw failure{"DCB09"};
  held(name, number, token);
  subscription& s = existing(name);
  const auto parked = s.parked.find(at);
  if (parked == s.parked.end())
    s.parked[at] = {number, reason, attempts};
  else
    parked->second = {parked->second.partition, reason, parked->second.attempts + attempts};
}

bool reference::resolve_parked(const std::string& name, position at) { return existing(name).parked.erase(at) > 0; }

void reference::make_checkpoint_foreign(const std::string& name, position at) {
  const auto found = now_.subscriptions.find(name);
  if (found == now_.subscriptions.end()) return;
  for (partition& p : found->second.partitions) {
    p.at = at;
    p.of_this_log = false;
  }
}

}  // namespace model
