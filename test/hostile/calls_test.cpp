// Every function of the schema dcb is called with what nobody should send, by those who may and those who may not: nothing crashes, no error is
// an internal one, and the stores are as sound afterwards as before. HOSTILE_SEED repeats a run, HOSTILE_CALLS lengthens it.
#include "calls.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace hostile {
namespace {

unsigned from_environment(const char* name, unsigned usual) {
  const char* wanted = std::getenv(name);
  return wanted == nullptr ? usual : static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
}

class calls : public testing::Test {
 protected:
  calls() : seed_(from_environment("HOSTILE_SEED", std::random_device{}())), random_(seed_) {
    std::cout << "HOSTILE_SEED=" << seed_ << std::endl;
    make_fixture(superuser_);
    functions_ = functions(superuser_);
    for (const char* role : {"tester", "hostile_owner", "hostile_reader", "hostile_nobody"}) connect(role);
  }

  unsigned below(std::size_t limit) { return random_() % static_cast<unsigned>(limit); }
  const std::string& any(const std::vector<std::string>& of) { return of[below(of.size())]; }

  // The call with these arguments, in order; an empty one is left out, and those behind it are named.
  static std::string call(const function& f, const std::vector<std::string>& arguments, bool from) {
    std::string list;
    bool named = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const auto& p = f.parameters[i];
      if (arguments[i].empty()) {
        named = true;
        continue;
      }
      if (!list.empty()) list += ", ";
      if (p.variadic) list += "VARIADIC ";
      if (named && !p.variadic) list += "\"" + p.name + "\" => ";
      list += arguments[i];
    }
    return (f.procedure ? "CALL " : from ? "SELECT * FROM " : "SELECT ") + f.name + "(" + list + ")";
  }

  // Answers whether the server lives on.
  bool check(const function& f, const std::string& statement, bool in_a_block) {
    const std::string& role = roles_[below(roles_.size())];
    auto& s = sessions_.at(role);
    if (in_a_block) s.must("BEGIN");
    const auto got = s.run(statement);
    ++called_;
    if (++states_[got.sqlstate] <= examples_) std::cout << got.sqlstate << " " << got.message << ": " << statement.substr(0, 200) << std::endl;
    const auto why = s.lost() ? "the connection is lost: " + got.message : defect(f, got);
    EXPECT_EQ(why, "") << "as " << role << (in_a_block ? ", in a transaction block" : "") << ": " << statement.substr(0, 2000) << "\nHOSTILE_SEED=" << seed_;
    if (s.lost()) return false;
    if (s.in_transaction()) s.must("ROLLBACK");
    return true;
  }

  // A call that worked may have taken away what the next ones are to find.
  void look_after() {
    make_fixture(superuser_);
    EXPECT_EQ(what_is_wrong_with_stores(superuser_), "") << "HOSTILE_SEED=" << seed_;
  }

  void tell() const {
    std::cout << called_ << " calls of " << functions_.size() << " functions:";
    for (const auto& [state, count] : states_) std::cout << " " << (state.empty() ? "answered" : state) << " " << count;
    std::cout << std::endl;
  }

  const unsigned seed_;
  std::mt19937 random_;
  race::session superuser_;
  std::vector<function> functions_;
  std::size_t called_ = 0;
  std::map<std::string, std::size_t> states_;

 private:
  void connect(const char* role) {
    roles_.push_back(role);
    auto& s = sessions_.try_emplace(role).first->second;
    s.must("SET client_min_messages = error");
    s.must("SET statement_timeout = '500ms'");
    s.must("SET lock_timeout = '100ms'");
    s.must(std::string("SET ROLE ") + role);
  }

  const unsigned examples_ = from_environment("HOSTILE_EXAMPLES", 0);  // so many of each SQLSTATE are shown
  std::vector<std::string> roles_;
  std::map<std::string, race::session> sessions_;
};

// A new type of argument has to be thought of.
TEST_F(calls, have_values_for_every_type) {
  EXPECT_GT(functions_.size(), 50u);
  for (const auto& f : functions_)
    for (const auto& p : f.parameters) EXPECT_FALSE(values_for(p).empty()) << f.signature << " has a parameter of type " << p.type;
}

// Each value in each place, beside good ones.
TEST_F(calls, with_one_wrong_argument) {
  for (const auto& f : functions_) {
    std::vector<std::string> good;
    for (const auto& p : f.parameters) good.push_back(values_for(p).front());
    for (std::size_t place = 0; place < good.size(); ++place)
      for (const auto& value : values_for(f.parameters[place])) {
        auto arguments = good;
        arguments[place] = value;
        if (!check(f, call(f, arguments, below(2) == 0), !f.procedure)) return;
      }
    if (good.empty() && !check(f, call(f, {}, false), !f.procedure)) return;
  }
  look_after();
  tell();
}

// What is asked of a store that is not there is refused in one way, by whatever function.
TEST_F(calls, of_a_store_that_is_not_there) {
  for (const auto& f : functions_) {
    if (f.helper || f.parameters.empty() || f.parameters[0].name != "store" || f.name == "dcb.create_store") continue;
    for (const char* store : {"'hostile_nowhere'", "''", "'\"hostile_good\"'", "'public'"}) {
      std::vector<std::string> arguments{store};
      for (std::size_t i = 1; i < f.parameters.size(); ++i) arguments.push_back(values_for(f.parameters[i]).front());
      const auto got = superuser_.run(call(f, arguments, false));
      EXPECT_EQ(got.sqlstate, "DCB05") << call(f, arguments, false) << ": " << got.message;
    }
  }
}

// Arguments left out, named, and wrong in combination, committed or not.
TEST_F(calls, at_random) {
  const auto count = from_environment("HOSTILE_CALLS", 4000);
  for (unsigned n = 1; n <= count; ++n) {
    const auto& f = functions_[below(functions_.size())];
    const bool mostly_good = below(2) == 0;
    std::vector<std::string> arguments;
    for (const auto& p : f.parameters) {
      const auto& of = values_for(p);
      if (p.has_default && !p.name.empty() && below(2) == 0)
        arguments.emplace_back();
      else
        arguments.push_back(mostly_good && below(4) != 0 ? of.front() : any(of));
    }
    if (!check(f, call(f, arguments, below(2) == 0), !f.procedure && below(3) != 0)) return;
    if (n % 500 == 0) look_after();
  }
  look_after();
  tell();
}

}  // namespace
}  // namespace hostile
