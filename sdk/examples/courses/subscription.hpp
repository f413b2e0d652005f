// Who takes which course: the boundary is one course together with one student.
#pragma once
#include "events.hpp"

#include <set>

struct Seats {
  CourseId course;
  bool open = false;
  unsigned seats = 0, taken = 0;

  void apply(const CourseDefined& e)       { open = true; seats = e.seats; }
  void apply(const CourseClosed&)          { open = false; }
  void apply(const StudentSubscribed&)     { ++taken; }
  void apply(const StudentUnsubscribed&)   { --taken; }
};

struct Timetable {
  StudentId student;
  std::set<std::string> courses{};

  void apply(const StudentSubscribed& e)   { courses.insert(e.course); }
  void apply(const StudentUnsubscribed& e) { courses.erase(e.course); }
};

// One student's seat in one course: two ids, so only events that have both count.
struct Seat {
  StudentId student;
  CourseId course;
  bool taken = false;

  void apply(const StudentSubscribed&)     { taken = true; }
  void apply(const StudentUnsubscribed&)   { taken = false; }
};

constexpr std::size_t courses_at_most = 2;

enum class SubscriptionError { course_is_not_open, course_is_full, too_many_courses, not_subscribed };
using SubscriptionDecision = dcb::decided<SchoolEvent, SubscriptionError>;

struct Subscribe {
  std::string student, course;

  auto states() const { return std::tuple{Seats{course}, Timetable{student}}; }
  SubscriptionDecision decide(const Seats& seats, const Timetable& timetable) const {
    if (timetable.courses.contains(course)) return dcb::nothing;
    if (!seats.open) return SubscriptionError::course_is_not_open;
    if (seats.taken >= seats.seats) return SubscriptionError::course_is_full;
    if (timetable.courses.size() >= courses_at_most) return SubscriptionError::too_many_courses;
    return StudentSubscribed{student, course};
  }
  // Whoever leaves meanwhile only makes room.
  auto guard(const Seats& seats, const Timetable& timetable) const {
    return std::tuple{dcb::without<StudentUnsubscribed>(seats), dcb::without<StudentUnsubscribed>(timetable)};
  }
};

struct Unsubscribe {
  std::string student, course;

  auto states() const { return Seat{student, course}; }
  SubscriptionDecision decide(const Seat& seat) const {
    if (!seat.taken) return SubscriptionError::not_subscribed;
    return StudentUnsubscribed{student, course};
  }
};
