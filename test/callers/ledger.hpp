// What callers were told about their events, and whether the store agrees in the end.
#pragma once

#include "session.hpp"

#include <atomic>
#include <map>
#include <mutex>

namespace callers {

// The seed of a random run: CALLERS_SEED, else a new one, said once.
unsigned seed();

// Each event has a type of its own. An answer is true: success means stored, an error means not stored, and only a lost connection leaves it open.
// Safe for threads.
class ledger {
 public:
  std::string fresh() { return "E" + std::to_string(++made_); }

  // How one append, or the COMMIT that it was part of, was answered; the position where it was told.
  void told(const race::answer& how, const std::string& event, std::int64_t position = 0);

  // Finds what is not true, as test failures. Positions are 1, 2, 3 ..., each event is stored once, dcb.verify is content.
  void check(const std::string& store) const;

  int acknowledged() const { return acknowledged_; }
  int refused() const { return refused_; }
  int in_doubt() const { return in_doubt_; }

 private:
  enum class fate { stored, refused, open };
  struct entry {
    fate what;
    std::int64_t position;
    std::string error;
  };
  std::atomic<int> made_{0}, acknowledged_{0}, refused_{0}, in_doubt_{0};
  mutable std::mutex mutex_;
  std::map<std::string, entry> entries_;
};

}  // namespace callers
