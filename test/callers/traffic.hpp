// A store in use, for what happens beside it: appends in every way, decisions on one hot boundary and on boundaries of one's own, a reader that resumes, a
// consumer with its checkpoint, one who waits.
#pragma once

#include "ledger.hpp"

#include <functional>

namespace callers {

class traffic {
 public:
  traffic();  // with some thousand events in the store already
  ~traffic();

  const std::string& store() const { return store_.name(); }

  // Returns when so many more appends were acknowledged, read and consumed, and somebody was woken; throws if that does not go on.
  void pass(int appends);

  // Ends it, and finds what is wrong, as test failures: every answer true, no false conflict, each decision by itself, nothing skipped or handed out twice.
  void finish();

 private:
  void write(race::session& s, int writer);
  void race_for(race::session& s);
  void read(race::session& s);
  void consume(race::session& s);
  void wait(race::session& s);

  race::temporary_store store_;
  ledger ledger_;
  std::atomic<bool> done_{false};
  std::atomic<int> won_{0}, read_{0}, consumed_{0}, awaited_{0};
  std::vector<std::thread> threads_;
};

}  // namespace callers
