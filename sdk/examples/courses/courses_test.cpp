// The decisions and the read model, tested without a database.
#include "audit.hpp"
#include "course.hpp"
#include "free_seats.hpp"
#include "subscription.hpp"

#include <dcb/rehearsal.hpp>

#include <gtest/gtest.h>

namespace {

const CourseDefined algebra{"c1", "Algebra", 2};

}  // namespace

TEST(define_course, needs_a_seat_and_nothing_else) {
  dcb::given().when(DefineCourse{"c1", "Algebra", 2}).then(algebra);
  dcb::given().when(DefineCourse{"c1", "Algebra", 0}).then_error(CourseError::no_seats);
}

TEST(define_course, takes_a_course_and_a_title_once) {
  const dcb::memory_store<SchoolEvent> store;
  const dcb::decision_maker maker{store};
  ASSERT_TRUE(maker.make(DefineCourse{"c1", "Algebra", 2}));
  EXPECT_THROW(static_cast<void>(maker.make(DefineCourse{"c1", "Geometry", 2})), dcb::conflict);
  EXPECT_THROW(static_cast<void>(maker.make(DefineCourse{"c2", "Algebra", 2})), dcb::conflict);
  ASSERT_TRUE(maker.make(RenameCourse{"c1", "Linear algebra"}));
  EXPECT_THROW(static_cast<void>(maker.make(DefineCourse{"c2", "Linear algebra", 2})), dcb::conflict);
  EXPECT_THROW(static_cast<void>(maker.make(DefineCourse{"c2", "Algebra", 2})), dcb::conflict);
  EXPECT_EQ(store.head(), 2);
}

TEST(rename_course, takes_an_unused_title) {
  dcb::given(algebra).when(RenameCourse{"c1", "Linear algebra"}).then(CourseRenamed{"c1", "Linear algebra"});
  dcb::given(algebra).when(RenameCourse{"c1", "Algebra"}).then_nothing();
  dcb::given(algebra, CourseDefined{"c2", "Geometry", 1}).when(RenameCourse{"c2", "Algebra"}).then_error(CourseError::title_is_taken);
  dcb::given(algebra, CourseRenamed{"c1", "Linear algebra"}).when(RenameCourse{"c1", "Algebra"}).then_error(CourseError::title_is_taken);
  dcb::given(algebra).when(RenameCourse{"c2", "Geometry"}).then_error(CourseError::no_such_course);
}

TEST(close_course, once) {
  dcb::given(algebra).when(CloseCourse{"c1"}).then(CourseClosed{"c1"});
  dcb::given(algebra, CourseClosed{"c1"}).when(CloseCourse{"c1"}).then_nothing();
  dcb::given().when(CloseCourse{"c1"}).then_error(CourseError::no_such_course);
}

TEST(subscribe, takes_a_free_seat) {
  dcb::given(algebra).when(Subscribe{"ann", "c1"}).then(StudentSubscribed{"ann", "c1"});
  dcb::given(algebra, StudentSubscribed{"ann", "c1"}).when(Subscribe{"ann", "c1"}).then_nothing();
  dcb::given(algebra, StudentSubscribed{"bob", "c1"}, StudentSubscribed{"cem", "c1"})
      .when(Subscribe{"ann", "c1"}).then_error(SubscriptionError::course_is_full);
  dcb::given(algebra, StudentSubscribed{"bob", "c1"}, StudentSubscribed{"cem", "c1"}, StudentUnsubscribed{"bob", "c1"})
      .when(Subscribe{"ann", "c1"}).then(StudentSubscribed{"ann", "c1"});
  dcb::given(algebra, CourseClosed{"c1"}).when(Subscribe{"ann", "c1"}).then_error(SubscriptionError::course_is_not_open);
  dcb::given().when(Subscribe{"ann", "c1"}).then_error(SubscriptionError::course_is_not_open);
}

TEST(subscribe, gives_a_student_two_courses) {
  dcb::given(algebra, StudentSubscribed{"ann", "c2"}, StudentSubscribed{"ann", "c3"})
      .when(Subscribe{"ann", "c1"}).then_error(SubscriptionError::too_many_courses);
  dcb::given(algebra, StudentSubscribed{"ann", "c2"}, StudentSubscribed{"ann", "c3"}, StudentUnsubscribed{"ann", "c2"})
      .when(Subscribe{"ann", "c1"}).then(StudentSubscribed{"ann", "c1"});
}

TEST(unsubscribe, leaves_the_seat_that_one_has) {
  dcb::given(StudentSubscribed{"ann", "c1"}).when(Unsubscribe{"ann", "c1"}).then(StudentUnsubscribed{"ann", "c1"});
  dcb::given(StudentSubscribed{"ann", "c2"}, StudentSubscribed{"bob", "c1"})
      .when(Unsubscribe{"ann", "c1"}).then_error(SubscriptionError::not_subscribed);
}

TEST(courses_of_the_first_release, are_read_as_those_of_today) {
  const dcb::memory_store<SchoolEvent> store;
  const dcb::decision_maker maker{store};
  const dcb::new_event old[]{{.type = "CourseCreated", .data = R"({"course":"c1","name":"Algebra","seats":1})", .tags = {"course:c1"}}};
  store.log().append(old);
  Course course{"c1"};
  store.load(course);
  EXPECT_EQ(course.title, "Algebra");
  EXPECT_THROW(static_cast<void>(maker.make(DefineCourse{"c1", "Geometry", 2})), dcb::conflict);
  EXPECT_TRUE(maker.make(Subscribe{"ann", "c1"}));
  EXPECT_EQ(maker.make(Subscribe{"bob", "c1"}).error(), SubscriptionError::course_is_full);
}

TEST(free_seats, are_kept_in_a_table) {
  dcb::rehearsal<SchoolEvent> school;
  school.add(FreeSeats{"school"});
  school.given(algebra).then_sql(dcb::statement_of("INSERT INTO school.free_seats_1 VALUES ($1, $2, $3, true)", "c1", "Algebra", 2));
  school.given(StudentSubscribed{"ann", "c1"}).then_sql(dcb::statement_of("UPDATE school.free_seats_1 SET free = free - 1 WHERE course = $1", "c1"));
  school.given(StudentUnsubscribed{"ann", "c1"}).then_sql(dcb::statement_of("UPDATE school.free_seats_1 SET free = free + 1 WHERE course = $1", "c1"));
  school.given(CourseRenamed{"c1", "Sets"}).then_sql(dcb::statement_of("UPDATE school.free_seats_1 SET title = $2 WHERE course = $1", "c1", "Sets"));
  school.given(CourseClosed{"c1"}).then_sql(dcb::statement_of("UPDATE school.free_seats_1 SET open = false WHERE course = $1", "c1"));
}

TEST(audit, finds_what_must_not_be) {
  const auto wrong = [](const auto&... events) {
    const dcb::memory_store<SchoolEvent> store;
    store.append(events...);
    return Audit::of(store).wrong.size();
  };
  EXPECT_EQ(wrong(algebra, StudentSubscribed{"ann", "c1"}, StudentUnsubscribed{"ann", "c1"}, StudentSubscribed{"ann", "c1"}, CourseClosed{"c1"}), 0u);
  EXPECT_EQ(wrong(algebra, StudentSubscribed{"ann", "c1"}, StudentSubscribed{"bob", "c1"}, StudentSubscribed{"cem", "c1"}), 1u);
  EXPECT_EQ(wrong(algebra, StudentSubscribed{"ann", "c1"}, StudentSubscribed{"ann", "c1"}), 1u);
  EXPECT_EQ(wrong(algebra, CourseClosed{"c1"}, StudentSubscribed{"ann", "c1"}), 1u);
  EXPECT_EQ(wrong(algebra, CourseDefined{"c2", "Algebra", 1}), 1u);
  EXPECT_EQ(wrong(algebra, CourseDefined{"c2", "B", 1}, CourseDefined{"c3", "C", 1}, StudentSubscribed{"ann", "c1"}, StudentSubscribed{"ann", "c2"},
                  StudentSubscribed{"ann", "c3"}), 1u);
}
