#include "matrix.hpp"

#include <algorithm>

namespace race {
namespace {

using names = std::vector<std::string>;

// The names of a round, or of one racer in it, if the racers have nothing in common.
struct vocabulary {
  std::string taken, freed, seat, hall;

  vocabulary(const round& round, int number, int racer) {
    std::string suffix = std::to_string(number);
    if (round.relation == relation::disjoint) suffix += "." + std::to_string(racer);
    taken = "Taken" + suffix, freed = "Freed" + suffix, seat = "seat:" + suffix, hall = "hall:" + suffix;
  }
};

query of_shape(shape s, const vocabulary& v) {
  switch (s) {
    case shape::one_tag: return {{.tags = {v.seat}}};
    case shape::two_tags: return {{.tags = {v.seat, v.hall}}};
    case shape::either: return {{.types = {v.freed}, .tags = {v.hall}}, {.tags = {v.seat}}};
    case shape::type: return {{.types = {v.taken}}};
    case shape::type_and_tag: return {{.types = {v.taken}, .tags = {v.seat}}};
    case shape::except: return {{.except = {v.freed}, .tags = {v.hall}}};
    case shape::all: return {{}};
    case shape::none: return {};
  }
  return {};
}

// The same events in other words: twice as many, in another order, with names that no event has.
query reworded(query q) {
  for (item& i : q) {
    const names tags = i.tags;
    i.tags.assign(tags.rbegin(), tags.rend());
    i.tags.insert(i.tags.end(), tags.begin(), tags.end());
    if (!i.types.empty()) i.types.insert(i.types.begin(), "Never");
    i.except.push_back("Nowhere");
  }
  std::reverse(q.begin(), q.end());
  q.push_back(q.front());
  return q;
}

query narrower(query q, const vocabulary& v) {
  for (item& i : q)
    if (i.types.empty())
      i.types = {v.taken};
    else
      i.tags = {v.seat, v.hall};
  return q;
}

query wider(query q, const vocabulary& v) {
  q.push_back({.types = {v.freed}});
  return q;
}

// A list of names that need no quoting in any of the languages below.
std::string list(const names& strings, const char* quote) {
  std::string text;
  for (const std::string& s : strings) text += (text.empty() ? "" : ",") + (quote + s + quote);
  return text;
}

}  // namespace

const char* name_of(caller c) {
  static const char* const names[callers] = {"append", "transaction", "at_commit", "submit", "submit_many", "json", "repeatable_read", "serializable", "mixed"};
  return names[static_cast<int>(c)];
}

std::vector<round> all_rounds() {
  std::vector<round> rounds;
  for (int s = 0; s <= static_cast<int>(shape::none); ++s)
    for (int r = 0; r <= static_cast<int>(relation::disjoint); ++r)
      for (const bool after_position : {false, true})
        for (int b = 0; b <= static_cast<int>(barrier_at::random); ++b) {
          const round each{static_cast<shape>(s), static_cast<relation>(r), after_position, static_cast<barrier_at>(b)};
          const bool is_all = each.shape == shape::all && (each.relation == relation::superset || each.relation == relation::disjoint);
          const bool is_none = each.shape == shape::none && (each.relation == relation::reworded || each.relation == relation::subset);
          if (!is_all && !is_none) rounds.push_back(each);
        }
  return rounds;
}

query condition_of(const round& round, int number, int racer) {
  const vocabulary v(round, number, racer);
  const query base = of_shape(round.shape, v);
  if (racer % 2 == 0) return base;
  switch (round.relation) {
    case relation::reworded: return reworded(base);
    case relation::subset: return narrower(base, v);
    case relation::superset: return wider(base, v);
    default: return base;
  }
}

event event_of(const round& round, int number, int racer, std::int64_t id, unsigned kind) {
  const vocabulary v(round, number, racer);
  switch (kind % 4) {
    case 0: return {id, v.freed, {v.seat}};
    case 1: return {id, v.freed, {v.hall}};
    case 2: return {id, v.taken, {v.hall}};
    default: return {id, v.taken, {v.hall, v.seat}};
  }
}

std::string to_sql(const query& query) {
  if (query.empty()) return "NULL::dcb.query";
  std::string text;
  for (const item& i : query) {
    std::string members;
    const auto add = [&](const std::string& member) { members += (members.empty() ? "" : ",") + member; };
    if (!i.types.empty()) add("\"types\":[" + list(i.types, "\"") + "]");
    if (!i.except.empty()) add("\"except\":[" + list(i.except, "\"") + "]");
    if (!i.tags.empty()) add("\"tags\":[" + list(i.tags, "\"") + "]");
    if (i.after) add("\"after\":" + std::to_string(*i.after));
    text += (text.empty() ? "{" : ",{") + members + "}";
  }
  return "'{\"items\":[" + text + "]}'::dcb.query";
}

std::string to_sql(const std::vector<event>& events, bool as_json) {
  std::string text;
  for (const event& e : events) {
    const std::string id = std::to_string(e.id);
    text += text.empty() ? "" : ",";
    text += as_json ? R"({"type":")" + e.type + R"(","tags":[)" + list(e.tags, "\"") + R"(],"data":)" + id + "}"
                    : "dcb.event('" + e.type + "','" + id + "',tags=>'{" + list(e.tags, "") + "}')";
  }
  return as_json ? "'[" + text + "]'::jsonb" : "ARRAY[" + text + "]";
}

}  // namespace race
