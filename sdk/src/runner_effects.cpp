#include "runner_effects.hpp"

#include <dcb/error.hpp>

#include <iterator>

namespace dcb::inline v0 {

std::int64_t collecting_log::append(std::span<const new_event> more, const std::optional<append_condition>& under, const call_options&) {
  if (condition && under)
    throw error("a reaction makes one decision at most", {.sqlstate = "22023",
                                                          .detail = "All that is done about an event is one append, under one condition.",
                                                          .hint = "Make one decision of them, or two process managers."});
  if (under) condition = under;
  events.insert(events.end(), more.begin(), more.end());
  return 0;
}

std::int64_t collecting_log::read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) {
  return in_.read(query, options, sink, call);
}

std::int64_t collecting_log::head(const call_options& call) { return last(event_query::all(), call).value_or(0); }

bool collecting_log::exists(const event_query& query, std::int64_t after, const call_options& call) {
  bool found = false;
  read(
      query, {.after = after, .max_count = 1}, [&](const recorded_event&) { return found = true; }, call);
  return found;
}

std::int64_t collecting_log::count(const event_query& query, std::int64_t after, const call_options& call) {
  std::int64_t count = 0;
  read(
      query, {.after = after}, [&](const recorded_event&) { return ++count > 0; }, call);
  return count;
}

std::optional<std::int64_t> collecting_log::last(const event_query& query, const call_options& call) {
  std::optional<std::int64_t> position;
  read(
      query, {.max_count = 1, .backwards = true}, [&](const recorded_event& event) { return position = event.position, true; }, call);
  return position;
}

std::int64_t collecting_log::position_at(timestamp, const call_options&) {
  throw error("a decision of a process manager does not look up times", {.sqlstate = "0A000"});
}

void reaction_effects::append(std::vector<new_event> events) {
  log_.events.insert(log_.events.end(), std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
}

// A conflict is found at the commit; then the whole transaction is done anew.
void reaction_effects::decide(decision_steps& steps) { run_decision(log_, steps, retry::none(), {}); }

void reaction_effects::refused(const std::string& reason) { watch_.refused(where_, about_.position, reason); }

void reaction_effects::schedule(const due_command_base& command) {
  auto append = command.append(about_.position);
  if (command.key.empty()) append.id = about_.dedup_key("due-" + std::to_string(++scheduled_));
  mark_cause(append.events);
  store_.schedule(append, &in_);
  anything_ = true;
}

void reaction_effects::cancel(const std::string& key) {
  store_.cancel(due_id(key), &in_);
  anything_ = true;
}

void reaction_effects::mark_cause(std::vector<new_event>& events) const {
  const auto cause = about_.name();
  for (auto& event : events) {
    if (!event.metadata || !metadata_member(*event.metadata, "correlation_id"))
      add_metadata(event.metadata, "correlation_id", about_.correlation_id.value_or(cause));
    if (!metadata_member(*event.metadata, "causation_id")) add_metadata(event.metadata, "causation_id", cause);
  }
}

bool reaction_effects::finish(bool appended_before) {
  if (!log_.events.empty() && !appended_before) {
    mark_cause(log_.events);
    in_.append_at_commit(log_.events, log_.condition, {.append_id = about_.dedup_key()});
  }
  return anything_ || !log_.events.empty();
}

meta meta_for(const subscriber& by, const recorded_event& event) {
  auto about = meta_of(event);
  about.subscription = by.name();
  return about;
}

bool handle_in(transaction& in, subscriber& by, reaction_store& store, const recorded_event& event, const reaction_place& where, runner_observer& watch,
               bool appended_before) {
  const auto about = meta_for(by, event);
  if (!by.settings().reacts) return by.handle(in, event, about), false;
  reaction_effects effects{in, store, about, where, watch};
  by.decide(effects, event, about);
  return effects.finish(appended_before);
}

}  // namespace dcb::inline v0
