#include <dcb/due.hpp>

#include "uuid_name.hpp"

namespace dcb::inline v0 {

uuid due_id(std::string_view key) { return uuid_of_name("due:" + std::string{key}); }

due_append due_command_base::append(std::int64_t fallback) const {
  due_append made{.due = due, .events = events};
  if (fail_if_events_match) made.condition = append_condition{*fail_if_events_match, after.value_or(fallback)};
  if (!key.empty()) made.id = due_id(key);
  return made;
}

}  // namespace dcb::inline v0
