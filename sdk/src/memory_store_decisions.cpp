// What decisions need of a log beyond reading and appending, in memory: snapshots and lines.

#include <dcb/error.hpp>
#include <dcb/raw_memory_store.hpp>

#include "call_limits.hpp"

#include <algorithm>
#include <utility>

namespace dcb::inline v0 {

std::int64_t raw_memory_store::load(std::span<const load_part> parts, load_sink& sink, const call_options& call) {
  const call_limits limits{call};
  limits.check();
  for (const auto& part : parts) part.query.validate();

  struct found {
    saved_state saved{};
    std::vector<shared_event> events{};
  };
  std::vector<found> all(parts.size());
  std::int64_t head = 0;
  {
    const std::scoped_lock lock{mutex_};
    head = head_locked();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto& [query, name, version] = parts[i];
      if (!name.empty())
        if (const auto at = snapshots_.find({name, query.to_json(), version}); at != snapshots_.end()) all[i].saved = at->second;
      for (auto n = static_cast<std::size_t>(all[i].saved.position); n < events_.size(); ++n)
        if (query.matches(events_[n]->type, events_[n]->tags, events_[n]->position, 0)) all[i].events.push_back(events_[n]);
    }
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (all[i].saved.position > 0) sink.restore(i, all[i].saved);
    for (const auto& event : all[i].events) {
      limits.check();
      sink.fold(i, *event);
    }
  }
  return head;
}

bool raw_memory_store::save_snapshot(const load_part& part, const saved_state& state, const call_options& call) {
  constexpr std::size_t max_name_bytes = 256;
  call_limits{call}.check();
  part.query.validate();
  if (part.snapshot_name.empty() || part.snapshot_name.size() > max_name_bytes)
    throw error("invalid name of a snapshot",
                {.sqlstate = "DCB06",
                 .detail = "It has " + std::to_string(part.snapshot_name.size()) + " bytes; the limit is " + std::to_string(max_name_bytes) + '.',
                 .hint = "Name the kind of state; identifiers stand in the query."});
  if (state.position < 1)
    throw error("\"position\" must be positive", {.sqlstate = "22023", .detail = "It is " + std::to_string(state.position) + '.'});

  const std::scoped_lock lock{mutex_};
  if (state.position > head_locked())
    throw error("position " + std::to_string(state.position) + " is beyond the head of the store",
                {.sqlstate = "DCB09", .detail = "The last event has position " + std::to_string(head_locked()) + '.', .retryable = true});
  auto& kept = snapshots_[{part.snapshot_name, part.query.to_json(), part.snapshot_version}];
  if (kept.position >= state.position) return false;
  kept = state;
  return true;
}

// A place in the lines of all these tags. Places in all of them are taken at once, so that two who wait for the same tags stand in the same order
// everywhere, and nobody waits for each other.
class raw_memory_store::turn {
 public:
  turn(raw_memory_store& store, const waiting_line& line, const call_limits& limits) : store_(store), tags_(line.tags) {
    std::sort(tags_.begin(), tags_.end());
    tags_.erase(std::unique(tags_.begin(), tags_.end()), tags_.end());
    const auto patience = steady::now() + line.at_most;
    std::unique_lock lock{store_.lines_mutex_};
    for (const auto& tag : tags_) store_.lines_[tag].push_back(this);
    const auto is_first = [this] { return std::ranges::all_of(tags_, [this](const auto& tag) { return store_.lines_[tag].front() == this; }); };
    if (store_.lines_moved_.wait_until(lock, limits.stop(), std::min(patience, limits.deadline().value_or(patience)), is_first)) return;
    leave();
    limits.check();
    throw timeout("the turn in line did not come in time",
                  {.sqlstate = "55P03", .detail = "Others were before it for " + std::to_string(line.at_most.count()) + " ms.", .retryable = true});
  }
  ~turn() {
    const std::scoped_lock lock{store_.lines_mutex_};
    leave();
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

 private:
  void leave() {
    for (const auto& tag : tags_) {
      auto& waiting = store_.lines_[tag];
      std::erase(waiting, this);
      if (waiting.empty()) store_.lines_.erase(tag);
    }
    store_.lines_moved_.notify_all();
  }

  raw_memory_store& store_;
  std::vector<std::string> tags_;
};

std::int64_t raw_memory_store::append_in_line(const waiting_line& line, std::span<const load_part> parts, load_sink& sink,
                                              const decide_function& decide, const call_options& call) {
  const call_limits limits{call};
  limits.check();
  const turn ours{*this, line, limits};
  const auto read_upto = load(parts, sink, {.stop = call.stop});
  const auto command = decide(read_upto);
  return command ? append(command->events, command->condition, {.append_id = command->append_id, .stop = call.stop}) : read_upto;
}

}  // namespace dcb::inline v0
