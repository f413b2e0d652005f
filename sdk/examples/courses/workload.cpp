#include "workload.hpp"

#include <latch>
#include <mutex>
#include <random>
#include <thread>

namespace {

std::string course(int n) { return "course-" + std::to_string(n); }

class person {
 public:
  person(const dcb::decision_maker<SchoolEvent>& maker, const Workload& work, int n) : maker_(maker), work_(work), name_("student-" + std::to_string(n)) {}

  void run(std::chrono::steady_clock::time_point until) {
    while (std::chrono::steady_clock::now() < until) {
      const auto any = course(below(work_.courses));
      try {
        switch (below(16)) {
          case 0: count(maker_.make(RenameCourse{any, dcb::uuid::random().to_string()})); break;
          case 1: case 2: case 3: case 4: case 5: count(maker_.make(Unsubscribe{name_, any})); break;
          default: count(maker_.make(Subscribe{name_, any}));
        }
      } catch (const std::exception& failure) {
        outcome_.errors.push_back(failure.what());
      }
    }
  }

  const Outcome& outcome() const { return outcome_; }

 private:
  int below(int bound) { return std::uniform_int_distribution<int>{0, bound - 1}(random_); }

  template <class Made>
  void count(const Made& made) {
    ++(made ? outcome_.made : outcome_.refused);
    outcome_.conflicts += made.conflicts();
    outcome_.attempts += made.attempts();
  }

  const dcb::decision_maker<SchoolEvent>& maker_;
  const Workload& work_;
  std::string name_;
  std::minstd_rand random_{std::random_device{}()};
  Outcome outcome_{};
};

}  // namespace

void define_courses(const dcb::decision_maker<SchoolEvent>& maker, const Workload& work) {
  for (int n = 0; n < work.courses; ++n) {
    const auto made = maker.try_make(DefineCourse{course(n), "Course " + std::to_string(n), work.seats});
    if (!made && made.error().sqlstate() != "DCB01") throw std::runtime_error{made.error().what()};
  }
}

Outcome come_and_go(const dcb::decision_maker<SchoolEvent>& maker, const Workload& work) {
  Outcome all;
  std::mutex adding;
  std::latch barrier{work.students};
  std::vector<std::jthread> threads;
  for (int n = 0; n < work.students; ++n)
    threads.emplace_back([&, n] {
      person student{maker, work, n};
      barrier.arrive_and_wait();
      student.run(std::chrono::steady_clock::now() + work.duration);
      const std::scoped_lock lock{adding};
      const auto& its = student.outcome();
      all.made += its.made;
      all.refused += its.refused;
      all.conflicts += its.conflicts;
      all.attempts += its.attempts;
      all.errors.insert(all.errors.end(), its.errors.begin(), its.errors.end());
    });
  threads.clear();
  return all;
}
