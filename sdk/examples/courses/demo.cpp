// courses_demo CONNINFO STORE: the first day of a term, in a store that exists.
#include "audit.hpp"
#include "course.hpp"
#include "free_seats.hpp"
#include "subscription.hpp"

#include <atomic>
#include <iostream>
#include <latch>
#include <thread>

namespace {

const auto run = dcb::uuid::random().to_string().substr(0, 8);
std::string of_today(const char* name) { return run + '-' + name; }

template <class Made>
void report(const std::string& what, const Made& made) {
  std::cout << what << (made ? "" : ": refused, " + dcb::to_json(made.error())) << '\n';
}

// Thirty students at once, and one seat.
int race(const dcb::decision_maker<SchoolEvent>& maker, const std::string& course) {
  std::atomic<int> seats = 0;
  std::latch barrier{30};
  std::vector<std::jthread> students;
  for (int n = 0; n < 30; ++n)
    students.emplace_back([&, n] {
      barrier.arrive_and_wait();
      if (maker.make(Subscribe{run + "-student-" + std::to_string(n), course})) ++seats;
    });
  students.clear();
  return seats;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return std::cerr << "usage: courses_demo CONNINFO STORE\n", 2;
  dcb::store<SchoolEvent> store{argv[1], argv[2]};
  dcb::decision_maker maker{store};

  auto setup = store.log().begin();
  FreeSeats{argv[2]}.create(setup);
  setup.commit();
  dcb::runner runner{store};
  runner.add(FreeSeats{argv[2]});
  runner.create();
  std::jthread running{[&](std::stop_token stop) { runner.run(stop); }};

  const auto algebra = of_today("algebra"), drawing = of_today("drawing"), greek = of_today("greek");
  report("Algebra has 2 seats", maker.make(DefineCourse{algebra, of_today("Algebra"), 2}));
  report("Drawing has 1", maker.make(DefineCourse{drawing, of_today("Drawing"), 1}));
  report("Greek has 5", maker.make(DefineCourse{greek, of_today("Greek"), 5}));
  if (const auto second = maker.try_make(DefineCourse{of_today("a2"), of_today("Algebra"), 9}); !second)
    std::cout << "A second Algebra: " << second.error().sqlstate() << ", the title is taken\n";
  report("Greek becomes Ancient Greek", maker.make(RenameCourse{greek, of_today("Ancient Greek")}));

  const auto ann = of_today("ann");
  report("Ann takes Algebra", maker.make(Subscribe{ann, algebra}));
  std::cout << "30 students want the last seat in Algebra: " << race(maker, algebra) << " gets it\n";
  report("Ann takes Ancient Greek", maker.make(Subscribe{ann, greek}));
  report("Ann takes Drawing", maker.make(Subscribe{ann, drawing}));
  report("Ann leaves Algebra", maker.make(Unsubscribe{ann, algebra}));

  // What is asked for in one place only needs no struct.
  for (const auto& course : {algebra, drawing, greek}) {
    const auto closed = maker.make(Seats{course}, [&](const Seats& seats) -> CourseDecision {
      if (!seats.open || seats.taken > 0) return dcb::nothing;
      return CourseClosed{course};
    });
    if (!closed.events().empty()) std::cout << "Nobody takes " << course.substr(9) << ": closed\n";
  }

  if (!runner.wait_until(store.head())) return std::cerr << "the read model does not come along\n", 1;
  auto look = store.log().begin();
  for (const auto& row : look.exec("SELECT title, free, open FROM " + std::string{argv[2]} + ".free_seats WHERE course LIKE $1 || '%' ORDER BY course", run))
    std::cout << row[0].value().substr(9) << ": " << row[1].value() << " free" << (row[2] == "t" ? "" : ", closed") << '\n';

  const auto audit = Audit::of(store);
  for (const auto& sentence : audit.wrong) std::cout << "WRONG: " << sentence << '\n';
  if (audit.wrong.empty()) std::cout << "Checked: no seat over, nobody with three courses.\n";
  return audit.wrong.empty() ? 0 : 1;
} catch (const std::exception& failure) {
  std::cerr << "courses_demo: " << failure.what() << '\n';
  return 1;
}
