#include <dcb/error.hpp>
#include <dcb/json.hpp>
#include <dcb/raw_memory_store.hpp>

#include "call_limits.hpp"
#include "memory_reactions.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dcb::inline v0 {
namespace {

constexpr std::size_t max_type_bytes = 256;
constexpr std::size_t max_tag_bytes = 1024;
constexpr std::size_t max_tags = 1024;
constexpr std::size_t max_events = 65'536;

[[noreturn]] void refuse(const char* sqlstate, const std::string& message, const std::string& detail, const std::string& hint,
                         bool retryable = false) {
  throw error{message, {.sqlstate = sqlstate, .detail = detail, .hint = hint, .retryable = retryable}};
}

void limit(std::size_t size, std::size_t most, const std::string& message) {
  if (size > most) refuse("DCB06", message, "It is " + std::to_string(size) + "; the limit is " + std::to_string(most) + '.', "Make it smaller.");
}

void check_text(const std::string& text, const char* what, std::size_t most) {
  if (text.empty()) refuse("DCB03", "invalid event", std::string{"A "} + what + " is empty.", "Give it a name.");
  limit(text.size(), most, std::string{"the "} + what + " of an event is too long");
  json::check_text(text);
}

// The event as it will be stored: tags sorted, nothing twice.
new_event checked(new_event event) {
  check_text(event.type, "type", max_type_bytes);
  for (const auto& tag : event.tags) check_text(tag, "tag", max_tag_bytes);
  std::sort(event.tags.begin(), event.tags.end());
  event.tags.erase(std::unique(event.tags.begin(), event.tags.end()), event.tags.end());
  limit(event.tags.size(), max_tags, "too many tags on an event");
  json::check(event.data);
  if (event.metadata) json::check(*event.metadata);
  return event;
}

}  // namespace

std::vector<new_event> checked_events(std::span<const new_event> events) {
  if (events.empty()) refuse("DCB04", "nothing to append", "The list of events is empty.", "Leave the call out when a decision yields no event.");
  limit(events.size(), max_events, "too many events in one append");
  std::vector<new_event> all;
  all.reserve(events.size());
  for (const auto& event : events) all.push_back(checked(event));
  return all;
}

namespace {

void check_not_negative(std::int64_t value, const char* what) {
  if (value < 0) refuse("22023", std::string{what} + " must not be negative", "It is " + std::to_string(value) + '.', "0 stands for the whole log.");
}

void check_form(const append_condition& condition) {
  condition.fail_if_events_match.validate();
  check_not_negative(condition.after, "\"after\"");
}

std::string in_braces(const std::vector<std::string>& tags) {
  std::string text = "{";
  for (const auto& tag : tags) (text += text.size() > 1 ? "," : "") += tag;
  return text + '}';
}

}  // namespace

raw_memory_store::raw_memory_store(std::shared_ptr<observer> watch)
    : watch_(std::move(watch)),
      clock_([] { return std::chrono::time_point_cast<timestamp::duration>(std::chrono::system_clock::now()); }),
      reactions_(std::make_unique<memory_reactions>(*this)) {}

raw_memory_store::~raw_memory_store() = default;

void raw_memory_store::set_clock(std::function<timestamp()> clock) {
  const std::scoped_lock lock{mutex_};
  clock_ = std::move(clock);
}

void raw_memory_store::set_sql(sql_function answer) {
  const std::scoped_lock lock{mutex_};
  sql_ = std::move(answer);
}

std::vector<raw_memory_store::executed> raw_memory_store::statements() const {
  const std::scoped_lock lock{mutex_};
  return statements_;
}

timestamp raw_memory_store::now() const { return clock_(); }

reaction_store& raw_memory_store::reactions() { return *reactions_; }

void raw_memory_store::check_condition(const append_condition& condition) const {
  const auto& query = condition.fail_if_events_match;
  for (const auto& item : query.items()) {
    if (const auto after = item.after.value_or(condition.after); after > head_locked())
      refuse("DCB09", "position " + std::to_string(after) + " is beyond the head of the store",
             "The last event has position " + std::to_string(head_locked()) + '.',
             "What was read is not in this store (any more); read again and decide anew.", true);
  }
  for (const auto& event : events_) {
    if (!query.matches(event->type, event->tags, event->position, condition.after)) continue;
    throw conflict{"append condition failed",
                   {.sqlstate = "DCB01",
                    .detail = "Event " + std::to_string(event->position) + " of type \"" + event->type + "\" with tags " + in_braces(event->tags) +
                              " matches the condition and was appended after position " + std::to_string(condition.after) + '.',
                    .hint = "Read the events again and decide anew.",
                    .retryable = true},
                   event->position};
  }
}

std::int64_t raw_memory_store::append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) {
  call_limits{call}.check();
  auto fresh = checked_events(events);
  if (condition) check_form(*condition);
  const std::scoped_lock lock{mutex_};
  return append_locked(std::move(fresh), condition, call.append_id);
}

std::vector<append_outcome> raw_memory_store::submit_many(std::span<const append_command> commands, const call_options& call) {
  call_limits{call}.check();
  if (commands.empty()) refuse("DCB04", "nothing to append", "The list of commands is empty.", "Leave the call out.");
  std::vector<std::vector<new_event>> fresh;
  for (const auto& command : commands) {
    fresh.push_back(checked_events(command.events));
    if (command.condition) check_form(*command.condition);
  }
  const std::scoped_lock lock{mutex_};
  std::vector<append_outcome> outcomes(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    try {
      outcomes[i].position = append_locked(std::move(fresh[i]), commands[i].condition, commands[i].append_id);
    } catch (const conflict& refusal) {
      outcomes[i] = {.sqlstate = std::string{refusal.sqlstate()}, .conflict_at = refusal.position()};
    } catch (const error& refusal) {
      outcomes[i] = {.sqlstate = std::string{refusal.sqlstate()}};
    }
  }
  return outcomes;
}

std::int64_t raw_memory_store::append_locked(std::vector<new_event> fresh, const std::optional<append_condition>& condition,
                                             const std::optional<uuid>& append_id) {
  if (append_id) {
    if (const auto earlier = answers_.find(*append_id); earlier != answers_.end()) {
      if (earlier->second.events == fresh) return earlier->second.position;
      refuse("DCB07", "append id was used before with other events", "Append id " + append_id->to_string() + " stands for another append.",
             "Make a new id for each append, and keep it only to repeat that very append.");
    }
  }
  if (condition) check_condition(*condition);

  const auto recorded_at = events_.empty() ? now() : std::max(now(), events_.back()->recorded_at);
  std::vector<std::shared_ptr<const recorded_event>> stored;
  stored.reserve(fresh.size());
  auto position = head_locked();
  for (const auto& event : fresh) {
    stored.push_back(std::make_shared<const recorded_event>(
        recorded_event{++position, event.type, event.tags, event.data, event.payload, event.metadata, event.id, recorded_at}));
  }
  events_.reserve(events_.size() + stored.size());
  if (append_id) answers_.emplace(*append_id, answered{std::move(fresh), position});
  events_.insert(events_.end(), stored.begin(), stored.end());
  appended_.notify_all();
  return position;
}

std::int64_t raw_memory_store::read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) {
  const call_limits limits{call};
  limits.check();
  query.validate();
  check_not_negative(options.after, "\"after\"");
  if (options.max_count) check_not_negative(*options.max_count, "\"max_count\"");
  if (options.upto) check_not_negative(*options.upto, "\"upto\"");

  std::vector<std::shared_ptr<const recorded_event>> matching;
  read_progress progress;
  {
    const std::scoped_lock lock{mutex_};
    progress.head = head_locked();
    const auto last = std::min(options.upto.value_or(progress.head), progress.head);
    const auto wanted = static_cast<std::size_t>(options.max_count.value_or(progress.head));
    for (std::int64_t i = 0; i < last && matching.size() < wanted; ++i) {
      const auto& event = events_[static_cast<std::size_t>(options.backwards ? last - 1 - i : i)];
      if (query.matches(event->type, event->tags, event->position, options.after)) matching.push_back(event);
    }
  }
  for (const auto& event : matching) {
    limits.check();
    ++progress.delivered;
    progress.last_position = event->position;
    if (progress.stopped = !sink(*event); progress.stopped) break;
  }
  return vouched_position(options, progress);
}

std::int64_t raw_memory_store::head(const call_options& call) {
  call_limits{call}.check();
  const std::scoped_lock lock{mutex_};
  return head_locked();
}

bool raw_memory_store::exists(const event_query& query, std::int64_t after, const call_options& call) {
  bool found = false;
  read(
      query, {.after = after, .max_count = 1}, [&](const recorded_event&) { return found = true; }, call);
  return found;
}

std::int64_t raw_memory_store::count(const event_query& query, std::int64_t after, const call_options& call) {
  std::int64_t count = 0;
  read(
      query, {.after = after}, [&](const recorded_event&) { return ++count > 0; }, call);
  return count;
}

std::optional<std::int64_t> raw_memory_store::last(const event_query& query, const call_options& call) {
  std::optional<std::int64_t> position;
  read(
      query, {.max_count = 1, .backwards = true}, [&](const recorded_event& event) { return position = event.position, true; }, call);
  return position;
}

std::int64_t raw_memory_store::position_at(timestamp time, const call_options& call) {
  call_limits{call}.check();
  const std::scoped_lock lock{mutex_};
  const auto later = std::partition_point(events_.begin(), events_.end(), [&](const auto& event) { return event->recorded_at <= time; });
  return later - events_.begin();
}

}  // namespace dcb::inline v0
