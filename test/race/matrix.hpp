// What racers do in a round: all that can be combined of the ways to word a condition, to relate it to a rival's, and to append.
#pragma once

#include "history.hpp"

namespace race {

enum class shape { one_tag, two_tags, either, type, type_and_tag, except, all, none };  // of the condition; `either` has two items
enum class relation { same, reworded, subset, superset, disjoint };                     // of every other racer's condition to the first one's
enum class barrier_at { before_read, after_read, random };
enum class caller { append, transaction, at_commit, submit, submit_many, json, repeatable_read, serializable, mixed };
constexpr int callers = 9;

const char* name_of(caller c);

struct round {
  race::shape shape;
  race::relation relation;
  bool after_position;  // otherwise the condition is about the whole log
  race::barrier_at barrier;
};

// All rounds that make sense: nothing is disjoint from everything, or more than it; and no condition has no other wording and nothing less.
std::vector<round> all_rounds();

// How racer `racer` words its condition in round number `number`, and an event of its own, one of four kinds. Rounds have nothing in common, but for the
// shape `all`.
query condition_of(const round& round, int number, int racer);
event event_of(const round& round, int number, int racer, std::int64_t id, unsigned kind);

// As SQL.
std::string to_sql(const query& query);
std::string to_sql(const std::vector<event>& events, bool as_json);

}  // namespace race
