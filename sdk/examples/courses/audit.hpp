// Replays the log and says what must not be: for tests and for whoever wants to be sure.
#pragma once
#include "subscription.hpp"

#include <map>

struct Audit {
  struct Course { bool open = true; int seats = 0; std::set<std::string> students{}; std::string title{}; };
  std::map<std::string, Course> courses{};
  std::map<std::string, std::set<std::string>> timetables{};
  std::set<std::string> titles{};
  std::vector<std::string> wrong{};

  void apply(const CourseDefined& e) {
    expect(courses.try_emplace(e.course, Course{true, static_cast<int>(e.seats), {}, e.title}).second, "defined twice: " + *e.course);
    use(e.title);
  }
  void apply(const CourseRenamed& e) {
    courses[e.course].title = e.title;
    use(e.title);
  }
  void apply(const CourseClosed& e) { courses[e.course].open = false; }
  void apply(const StudentSubscribed& e) {
    auto& course = courses[e.course];
    auto& timetable = timetables[e.student];
    expect(course.open, *e.student + " subscribed to a closed course, " + *e.course);
    expect(course.students.insert(e.student).second, *e.student + " has two seats in " + *e.course);
    expect(static_cast<int>(course.students.size()) <= course.seats, "a seat over in " + *e.course);
    timetable.insert(e.course);
    expect(timetable.size() <= courses_at_most, "too many courses: " + *e.student);
  }
  void apply(const StudentUnsubscribed& e) {
    expect(courses[e.course].students.erase(e.student) == 1, *e.student + " left a seat that was not taken");
    timetables[e.student].erase(e.course);
  }

  // What the read model has to show, by course.
  std::vector<dcb::sql_row> free_seats() const {
    std::vector<dcb::sql_row> rows;
    for (const auto& [id, course] : courses)
      rows.push_back({id, course.title, std::to_string(course.seats - static_cast<int>(course.students.size())), course.open ? "t" : "f"});
    return rows;
  }

  static Audit of(const dcb::event_store<SchoolEvent>& store) {
    Audit audit;
    store.load(audit);
    return audit;
  }

 private:
  void expect(bool holds, const std::string& otherwise) {
    if (!holds) wrong.push_back(otherwise);
  }
  void use(const Title& title) { expect(titles.insert(title).second, "title used twice: " + *title); }
};
