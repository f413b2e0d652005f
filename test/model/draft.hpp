// The random parts of operations, and their text in SQL. The functions that begin with `any` are called in rc::gen::exec; all of them shrink
// towards the first and the least.
#pragma once

#include "reference.hpp"

#include <rapidcheck.h>

#include <string>
#include <vector>

namespace model {

// One of the first so many numbers.
int any_below(int count);
// Seldom true.
bool one_in(int count);
template <class T>
T any_of(const std::vector<T>& values) {
  return values[any_below(static_cast<int>(values.size()))];
}

// Up to so many, which shrink as a list does.
template <class T>
std::vector<T> any_list(int most, T (*any)()) {
  return *rc::gen::resize(most, rc::gen::container<std::vector<T>>(rc::gen::exec(any)));
}

std::string literal(const std::string& text);
std::string optional_literal(const std::optional<std::string>& text);  // or NULL
std::string text_array(const std::vector<std::string>& texts);
std::string array_out(const std::vector<std::string>& texts);  // as PostgreSQL prints it
row event_row(position p, const event& e);
extern const char event_columns[];

// A position, by the place of the head at the time.
struct place {
  enum origin { omitted, null, start, head, beyond, negative } from = omitted;
  int distance = 0;
  std::optional<position> in(const reference& r) const;
  std::string text(const reference& r) const;
  // ", name => 7", or nothing.
  std::string argument(const std::string& name, const reference& r) const;
};
place any_place();           // may be left out
place any_required_place();  // is a position, seldom one that is not in the store

struct query_draft {
  struct item {
    std::vector<std::string> types = {}, except = {}, tags = {};
    place after = {};
  };
  std::vector<item> items = {};
  bool as_json = false;
  query in(const reference& r) const;
  std::string text(const reference& r) const;
};
query_draft any_query();

struct event_draft {
  std::optional<std::string> type = {};
  std::vector<std::string> tags = {};
  std::optional<std::string> data = {}, metadata = {}, id = {};
  std::optional<int> payload = {};
  bool unknown_key = false;  // in JSON only
  event as(bool json) const;
  std::string text(bool json) const;
};
event_draft any_event();

struct request_draft {
  std::vector<event_draft> events = {};
  bool as_json = false;
  std::optional<query_draft> condition = {};
  place after = {};
  std::optional<std::string> append_id = {};
  request in(const reference& r) const;
  // The arguments after the store.
  std::string text(const reference& r) const;
};
request_draft any_request();

}  // namespace model
