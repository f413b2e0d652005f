// What the school decides about its courses.
#pragma once
#include "events.hpp"

struct Course {
  CourseId course;
  enum class Stage { none, open, closed } stage = Stage::none;
  std::string title{};

  void apply(const CourseDefined& e) { stage = Stage::open; title = e.title; }
  void apply(const CourseRenamed& e) { title = e.title; }
  void apply(const CourseClosed&)    { stage = Stage::closed; }
};

// A title names one course for ever, also when that one has another title by now.
struct TitleUse {
  Title title;
  bool used = false;

  void apply(const CourseDefined&) { used = true; }
  void apply(const CourseRenamed&) { used = true; }
};

enum class CourseError { no_seats, no_such_course, course_is_closed, title_is_taken };
using CourseDecision = dcb::decided<SchoolEvent, CourseError>;

// Has to know nothing: that there is no such course and no such title is a condition of the append. Throws dcb::conflict otherwise.
struct DefineCourse {
  std::string course, title;
  unsigned seats;

  auto guard() const {
    return dcb::never<CourseDefined>(dcb::where<&CourseDefined::course>(course)) |
           dcb::never<CourseDefined, CourseRenamed>(dcb::where<&CourseDefined::title>(title));
  }
  CourseDecision decide() const {
    if (seats == 0) return CourseError::no_seats;
    return CourseDefined{course, title, seats};
  }
};

struct RenameCourse {
  std::string course, title;

  auto states() const { return std::tuple{Course{course}, TitleUse{title}}; }
  CourseDecision decide(const Course& its, const TitleUse& title_use) const {
    if (its.stage == Course::Stage::none) return CourseError::no_such_course;
    if (its.title == title) return dcb::nothing;
    if (title_use.used) return CourseError::title_is_taken;
    return CourseRenamed{course, title};
  }
};

struct CloseCourse {
  std::string course;

  auto states() const { return Course{course}; }
  CourseDecision decide(const Course& its) const {
    if (its.stage == Course::Stage::none) return CourseError::no_such_course;
    if (its.stage == Course::Stage::closed) return dcb::nothing;
    return CourseClosed{course};
  }
};
