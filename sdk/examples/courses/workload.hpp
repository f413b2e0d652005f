#pragma once
#include "course.hpp"
#include "subscription.hpp"

#include <chrono>

// Students who come and go at random, and a school that renames its courses meanwhile.
struct Workload {
  int students = 50, courses = 10;
  unsigned seats = 8;
  std::chrono::milliseconds duration{1'000};
};

struct Outcome {
  std::int64_t made = 0, refused = 0;
  std::int64_t conflicts = 0;  // answers that turned out stale, and were decided anew
  std::int64_t attempts = 0;
  std::vector<std::string> errors{};  // that reached a caller
};

// Defines those of the courses `course-0`, `course-1` … that are not there.
void define_courses(const dcb::decision_maker<SchoolEvent>& maker, const Workload& work);

// All begin at the same time.
Outcome come_and_go(const dcb::decision_maker<SchoolEvent>& maker, const Workload& work);
