#pragma once
#include <dcb/dcb.hpp>

struct CourseId  : dcb::id<std::string, "course">  { using id::id; };
struct StudentId : dcb::id<std::string, "student"> { using id::id; };
struct Title     : dcb::id<std::string, "title">   { using id::id; };

// As the first release stored it, under the name CourseCreated.
struct CourseCreatedV1 { CourseId course; std::string name; unsigned seats; };

struct CourseDefined {
  CourseId course;
  Title title;
  unsigned seats;

  static constexpr std::string_view event_aliases[] = {"CourseCreated"};
  using event_versions = dcb::versions<CourseCreatedV1>;
  static CourseDefined upcast(const CourseCreatedV1& old) { return {old.course, old.name, old.seats}; }
};

struct CourseRenamed       { CourseId course; Title title; };
struct CourseClosed        { CourseId course; };
struct StudentSubscribed   { StudentId student; CourseId course; };
struct StudentUnsubscribed { StudentId student; CourseId course; };

using SchoolEvent = std::variant<CourseDefined, CourseRenamed, CourseClosed, StudentSubscribed, StudentUnsubscribed>;
