#include <dcb/event_log.hpp>

#include <dcb/error.hpp>

#include <algorithm>

namespace dcb::inline v0 {

event_log::~event_log() = default;

std::int64_t append_outcome::value() const {
  if (sqlstate.empty()) return position;
  if (sqlstate == "DCB01")
    throw conflict("append condition failed",
                   {.sqlstate = sqlstate, .hint = "Read the events again and decide anew.", .retryable = true}, conflict_at);
  throw error(sqlstate == "DCB07" ? "append id was used before with other events" : "the position is beyond the head of the store",
              {.sqlstate = sqlstate, .retryable = sqlstate == "DCB09"});
}

std::int64_t event_log::load(std::span<const load_part> parts, load_sink& sink, const call_options& call) {
  event_query all;
  for (const auto& part : parts) all |= part.query;
  const auto fold = [&](const recorded_event& event) { return fold_into_parts(parts, sink, event), true; };
  return read(all, {}, fold, call);
}

bool event_log::save_snapshot(const load_part&, const saved_state&, const call_options&) { return false; }

std::vector<append_outcome> event_log::submit_many(std::span<const append_command>, const call_options&) {
  throw error("this log cannot append several commands at once", {.sqlstate = "0A000", .hint = "Append them one by one."});
}

std::int64_t event_log::append_in_line(const waiting_line&, std::span<const load_part>, load_sink&, const decide_function&, const call_options&) {
  throw error("this log has no lines to wait in", {.sqlstate = "0A000", .hint = "Try again after conflicts instead."});
}

void fold_into_parts(std::span<const load_part> parts, load_sink& sink, const recorded_event& event) {
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts.size() == 1 || parts[i].query.matches(event.type, event.tags, event.position, 0)) sink.fold(i, event);
}

reaction_store& event_log::reactions() {
  throw error("this log has no subscriptions", {.sqlstate = "0A000", .hint = "Use a raw_store or a raw_memory_store."});
}

std::int64_t vouched_position(const read_options& options, const read_progress& progress) {
  // Newest first: what was left out is older than what was delivered, and the caller chose not to see it.
  const bool cut = progress.stopped || (options.max_count && progress.delivered >= *options.max_count);
  if (cut && !options.backwards) return progress.delivered > 0 ? progress.last_position : std::min(options.after, progress.head);
  return std::min(progress.head, options.upto.value_or(progress.head));
}

}  // namespace dcb::inline v0
