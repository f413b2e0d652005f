// Plays operations to a server and to the reference, and compares.
#pragma once

#include "../race/session.hpp"
#include "operations.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace model {

// Server and reference disagree: the sequence up to there as a script for psql, with what was expected and what came.
struct disagreement : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A step of one of several sessions. In a failed transaction, few steps insist on being refused.
struct step {
  int session;
  bool insists;
  operation what;
};

// Plays one sequence after the other, with the same sessions. Making a store takes longer than a sequence: so a store is used for some sequences,
// emptied in between, as only a superuser can.
class player {
 public:
  explicit player(int sessions);
  void play(const std::vector<step>& steps);  // throws `disagreement`
  void need_new_store() { store_.reset(); }

 private:
  void perform(int session, const statement& s);
  void compare(const statement& s, const expectation& expected, const race::answer& got);
  std::string with_values(const std::string& sql) const;
  std::string for_psql(const statement& s, const expectation& expected) const;
  bool would_wait(int session, const statement& s) const;
  race::session& connection(int session);
  void take_store();

  std::vector<std::unique_ptr<race::session>> sessions_;
  std::vector<reference> references_;
  std::vector<std::string> tokens_;  // by their numbers in the reference; empty: not answered yet
  std::unique_ptr<race::temporary_store> store_;
  int uses_of_store_ = 0;
  std::string script_;
  int last_session_ = 0;
};

// What was played so far, by statement and outcome: "append DCB01" → how often.
struct tally {
  std::map<std::string, long> outcomes;
  long statements = 0, sequences = 0;
  void print() const;
};
extern tally played;

}  // namespace model
