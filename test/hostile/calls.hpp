// The functions of the schema dcb as the catalogue has them, a place to call them in, and what an answer may be.
#pragma once

#include "../race/session.hpp"

#include <set>

namespace hostile {

struct parameter {
  std::string name;  // may be empty
  std::string type;
  bool has_default = false;
  bool variadic = false;
};

struct function {
  std::string name;
  std::string signature;
  bool procedure = false;
  bool helper = false;  // without a comment: called by ours only, which check the arguments
  std::vector<parameter> parameters{};
};

std::vector<function> functions(race::session& superuser);

// The values for a parameter, by its name or its type; empty if nobody thought of that type.
const std::vector<std::string>& values_for(const parameter& p);

// Makes what the values speak of, as far as it is not there (any more): stores, what looks like one, roles, subscriptions, projections.
void make_fixture(race::session& superuser);

// Why this answer of a function is a defect; empty if it is none. Bad input gets an SQLSTATE of ours or a standard one for input, rights or state.
std::string defect(const function& f, const race::answer& got);

// What dcb.verify has to say of the stores that are there.
std::string what_is_wrong_with_stores(race::session& superuser);

}  // namespace hostile
