// What happened in a race, as its clients saw it, and the log that it left behind: plain data, for checker.hpp. It shares nothing with the
// extension or the SDK, neither types nor the matching of events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace race {

// An event matches an item if its type is one of the types (none: any) and none of the excluded ones, and it has all of the tags.
struct item {
  std::vector<std::string> types{}, except{}, tags{};
  std::optional<std::int64_t> after{};  // wins over that of the condition
};

// An event matches if it matches one of the items; so nothing matches the empty query.
using query = std::vector<item>;

struct event {
  std::int64_t id;  // its data, unique in a history
  std::string type;
  std::vector<std::string> tags;
  bool operator==(const event&) const = default;
};

enum class outcome { appended, refused };

// Events on the condition that nothing after a position matches.
struct command {
  std::vector<event> events;
  query condition{};
  std::int64_t after = 0;
  race::outcome outcome = race::outcome::appended;
  std::int64_t position = 0;  // of the last event, or of the event that was named as the conflict; 0 if the client was not told, of an append
};

// The commands of one transaction, each of which sees the events of those before it, and how the transaction ended. Of one that failed nothing is
// known but that it has no effect. In one that was rolled back, the outcomes hold for the log as it was then, and all were told.
enum class fate { committed, rolled_back, failed };
struct append {
  std::vector<command> commands;
  race::fate fate = race::fate::committed;
};

// A read: what matched after `from`, as positions and ids, beside the position up to which it is said to be complete: exactly that far, if it is
// the head of the log, or at least, if it is a watermark.
struct look {
  query wanted;
  std::int64_t from = 0;
  bool is_head = true;
  std::int64_t complete_to = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> rows{};
};

struct operation {
  std::string who;
  std::int64_t begin, end;  // of one monotonic clock
  std::variant<append, look> what;
};

struct history {
  std::vector<operation> operations;
  std::vector<std::pair<std::int64_t, event>> log;  // by position
};

}  // namespace race
