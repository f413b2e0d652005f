// What is done over and over must not keep memory: neither in the server's memory contexts, where each byte counts, nor in the process.
#pragma once

#include "session.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>

namespace memory {

// Operations of a round; MEMORY_ROUND lengthens it (200).
int operations();

// What is measured between rounds, in bytes.
struct measure {
  std::string of;
  std::function<std::int64_t()> bytes;
};
measure contexts_of(race::session& s);  // in use in the memory contexts of the session's own process
measure contexts_of(int process);       // in those of another process of the server, as that tells the server's log
measure private_to(int process);        // of any process, without files and shared memory

// Repeats the work until each measure has not grown in two rounds one after the other. Caches may take some rounds to fill; what keeps something of
// every operation, or of one now and then, goes on growing. The first round does not count.
void expect_steady(const std::vector<measure>& measures, const std::function<void()>& round);

// The same of a session and its process, with so many operations in a round.
void expect_steady(race::session& s, int count, const std::function<void()>& operation);
void expect_steady(race::session& s, const std::function<void()>& operation);

// For the totals at the end: events appended, in calls of their own or in batches; events read; errors.
struct totals {
  std::int64_t single = 0, in_batches = 0, read = 0, errors = 0;
};
extern totals done;

// A store whose events count, in the end, as appended singly or in batches.
class counted_store : public race::temporary_store {
 public:
  explicit counted_store(bool in_batches = false) : in_batches_(in_batches) {}
  ~counted_store();
  void filled_with(std::int64_t events) { filled_ += events; }  // in batches, before what is measured

 private:
  bool in_batches_;
  std::int64_t filled_ = 0;
};

}  // namespace memory
