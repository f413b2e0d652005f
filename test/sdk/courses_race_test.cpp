// What the school has to hold when many decide at once, on connections of their own (if the server has as many), 20 times.
#include "audit.hpp"
#include "course.hpp"
#include "store_factories.hpp"
#include "subscription.hpp"

#include <atomic>
#include <cstdlib>
#include <functional>
#include <latch>
#include <random>
#include <thread>

namespace {

constexpr int rounds = 20;

// Of the long race; COURSES_ROUNDS says otherwise.
int long_rounds() {
  const char* text = std::getenv("COURSES_ROUNDS");
  return text ? std::stoi(text) : 2;
}

std::string student(int n) { return "student-" + std::to_string(n); }

class courses_race : public testing::TestWithParam<log_factory> {
 protected:
  // Calls it with 0, 1, 2 … at the same time. No exception reaches the caller.
  template <class Each>
  static void race(int count, const Each& each) {
    std::latch barrier{count};
    std::vector<std::jthread> threads;
    for (int n = 0; n < count; ++n)
      threads.emplace_back([&, n] {
        barrier.arrive_and_wait();
        try {
          each(n);
        } catch (const std::exception& failure) {
          ADD_FAILURE() << failure.what();
        }
      });
  }

  void define(const std::string& course, unsigned seats) { ASSERT_TRUE(maker.make(DefineCourse{course, course, seats})); }

  // 1 if there is a seat now; the other answer is the one that is expected.
  int subscribe(const std::string& student, const std::string& course, SubscriptionError otherwise) {
    const auto made = maker.make(Subscribe{student, course});
    EXPECT_TRUE(made || made.error() == otherwise) << student << ", " << course;
    conflicts += made.conflicts();
    return made ? 1 : 0;
  }

  Audit expect_all_well() {
    auto audit = Audit::of(store);
    for (const auto& sentence : audit.wrong) ADD_FAILURE() << sentence;
    std::int64_t expected = 0;
    for (const auto& recorded : store.read()) EXPECT_EQ(recorded.position, ++expected);
    EXPECT_EQ(expected, store.head());
    return audit;
  }

  // In memory a decision may be over before the next thread runs.
  void expect_race() {
    EXPECT_TRUE(conflicts > 0 || GetParam().name == "memory") << "nobody met anybody: this was no race";
  }

  // 500 students want two of ten courses with 100 seats: as many places as wishes, though not where they are wished for.
  void fill_school(const std::function<bool(const std::string& student, const std::string& course)>& takes) {
    for (int round = 0; round < long_rounds(); ++round) {
      const auto course = [&](int n) { return std::to_string(round) + "-course-" + std::to_string(n); };
      for (int n = 0; n < 10; ++n) define(course(n), 100);
      std::atomic<int> taken = 0;
      race(500, [&](int n) {
        std::minstd_rand random(static_cast<unsigned>(round * 1'000 + n + 1));
        // Asks everywhere until two have a seat: many want the first ones.
        const auto first = static_cast<int>(std::min(random() % 10, random() % 10));
        int its = 0;
        for (int i = 0; i < 10 && its < 2; ++i) its += takes(std::to_string(round) + student(n), course((first + i) % 10)) ? 1 : 0;
        taken += its;
      });
      const auto audit = expect_all_well();
      int places = 0;
      for (int n = 0; n < 10; ++n) {
        const auto in_it = static_cast<int>(audit.courses.at(course(n)).students.size());
        EXPECT_LE(in_it, 100);
        places += in_it;
      }
      EXPECT_EQ(places, taken);
      // A seat is left over only to those who found nothing else than the course that they have.
      EXPECT_GE(places, 900);
    }
  }

  std::unique_ptr<dcb::event_log> log = GetParam().make();
  typed_log<SchoolEvent> store{*log};
  dcb::decision_maker<SchoolEvent> maker{store};
  std::atomic<int> conflicts = 0;
};

TEST_P(courses_race, thirty_students_and_one_last_place) {
  for (int round = 0; round < rounds; ++round) {
    const auto course = "c" + std::to_string(round);
    define(course, 2);
    ASSERT_TRUE(maker.make(Subscribe{"early", course}));
    std::atomic<int> seats = 0;
    race(30, [&](int n) { seats += subscribe(student(n) + '-' + course, course, SubscriptionError::course_is_full); });
    EXPECT_EQ(seats, 1);
    ASSERT_TRUE(maker.make(Unsubscribe{"early", course}));
  }
  expect_race();
  expect_all_well();
}

TEST_P(courses_race, a_student_at_the_limit_gets_two_courses) {
  for (const auto* course : {"a", "b", "c"}) define(course, 1'000);
  for (int round = 0; round < rounds; ++round) {
    const auto name = student(round);
    ASSERT_TRUE(maker.make(Subscribe{name, "a"}));
    std::atomic<int> b = 0, c = 0;
    // Both courses at once, from four windows each.
    race(8, [&](int n) { (n % 2 ? b : c) += subscribe(name, n % 2 ? "b" : "c", SubscriptionError::too_many_courses); });
    EXPECT_EQ((b > 0) + (c > 0), 1);
    Timetable timetable{name};
    store.load(timetable);
    EXPECT_EQ(timetable.courses, (std::set<std::string>{"a", b > 0 ? "b" : "c"}));
  }
  expect_race();
  expect_all_well();
}

TEST_P(courses_race, no_seat_over_when_everybody_tries_again) {
  const dcb::decision_maker<SchoolEvent> patient{store, dcb::retry{.attempts = 1'000}};
  fill_school([&](const std::string& student, const std::string& course) {
    const auto made = patient.make(Subscribe{student, course});
    conflicts += made.conflicts();
    return bool(made);
  });
  expect_race();
}

TEST_P(courses_race, no_seat_over_when_everybody_waits_in_line) {
  fill_school([&](const std::string& student, const std::string& course) {
    const auto in_line = maker.with(dcb::wait_in_line{.at_most = std::chrono::minutes{2}, .tags = {dcb::tag("course", course)}});
    const auto made = in_line.make(Subscribe{student, course});
    conflicts += made.conflicts();
    return bool(made);
  });
  EXPECT_EQ(conflicts, 0);
}

TEST_P(courses_race, nobody_gets_a_seat_in_a_course_that_was_closed) {
  for (int round = 0; round < rounds; ++round) {
    const auto course = "c" + std::to_string(round);
    define(course, 1'000);
    race(16, [&](int n) {
      if (n % 8 == 0)
        EXPECT_TRUE(maker.make(CloseCourse{course}));
      else
        subscribe(student(n) + '-' + course, course, SubscriptionError::course_is_not_open);
    });
    EXPECT_EQ(store.count(dcb::query<CourseClosed>(dcb::tag("course", course))), 1);
  }
  expect_all_well();
}

TEST_P(courses_race, a_title_is_given_once) {
  for (int round = 0; round < rounds; ++round) {
    const auto title = "Title " + std::to_string(round);
    const auto course = [&](int n) { return std::to_string(round) + "-course-" + std::to_string(n); };
    for (int n = 0; n < 8; n += 2) define(course(n), 1);
    std::atomic<int> named = 0;
    race(8, [&](int n) {
      if (n % 2 == 0) {
        const auto made = maker.make(RenameCourse{course(n), title});
        EXPECT_TRUE(made || made.error() == CourseError::title_is_taken);
        named += made ? 1 : 0;
      } else {
        const auto made = maker.try_make(DefineCourse{course(n), title, 1});
        EXPECT_TRUE(made || made.error().sqlstate() == "DCB01");
        named += made ? 1 : 0;
      }
    });
    EXPECT_EQ(named, 1);
  }
  expect_all_well();
}

// Those who leave, and those who rename, are in nobody's way.
TEST_P(courses_race, leaving_and_renaming_make_no_subscription_stale) {
  for (int round = 0; round < rounds; ++round) {
    const auto course = "c" + std::to_string(round);
    define(course, 100);
    for (int n = 1; n < 16; ++n) ASSERT_TRUE(maker.make(Subscribe{student(n) + '-' + course, course}));
    race(16, [&](int n) {
      if (n == 0) {
        for (int i = 0; i < 5; ++i) EXPECT_EQ(maker.make(Subscribe{"eve-" + std::to_string(i) + course, course}).conflicts(), 0);
      } else if (n == 1) {
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(maker.make(RenameCourse{course, course + '-' + std::to_string(i)}));
      } else {
        const auto made = maker.make(Unsubscribe{student(n) + '-' + course, course});
        EXPECT_TRUE(made);
        EXPECT_EQ(made.conflicts(), 0);
      }
    });
  }
  expect_all_well();
}

INSTANTIATE_TEST_SUITE_P(store, courses_race, testing::Values(memory_logs(), server_logs(200)), name_of);

}  // namespace
