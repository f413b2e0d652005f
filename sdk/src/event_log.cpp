#include <dcb/event_log.hpp>

#include <algorithm>

namespace dcb::inline v0 {

event_log::~event_log() = default;

std::int64_t vouched_position(const read_options& options, const read_progress& progress) {
  // Newest first: what was left out is older than what was delivered, and the caller chose not to see it.
  const bool cut = progress.stopped || (options.max_count && progress.delivered >= *options.max_count);
  if (cut && !options.backwards) return progress.delivered > 0 ? progress.last_position : std::min(options.after, progress.head);
  return std::min(progress.head, options.upto.value_or(progress.head));
}

}  // namespace dcb::inline v0
