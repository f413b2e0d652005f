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

std::int64_t vouched_position(const read_options& options, const read_progress& progress) {
  // Newest first: what was left out is older than what was delivered, and the caller chose not to see it.
  const bool cut = progress.stopped || (options.max_count && progress.delivered >= *options.max_count);
  if (cut && !options.backwards) return progress.delivered > 0 ? progress.last_position : std::min(options.after, progress.head);
  return std::min(progress.head, options.upto.value_or(progress.head));
}

}  // namespace dcb::inline v0
