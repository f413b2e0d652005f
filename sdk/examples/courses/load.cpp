// courses_load CONNINFO STORE SECONDS [STUDENTS [COURSES]]: students come and go at random, in a store that exists, and the read model is kept
// meanwhile; then the log is replayed and checked.
#include "audit.hpp"
#include "free_seats.hpp"
#include "workload.hpp"

#include <iostream>
#include <thread>

int main(int argc, char** argv) try {
  if (argc < 4 || argc > 6) return std::cerr << "usage: courses_load CONNINFO STORE SECONDS [STUDENTS [COURSES]]\n", 2;
  Workload work{.duration = std::chrono::seconds{std::stoi(argv[3])}};
  if (argc > 4) work.students = std::stoi(argv[4]);
  if (argc > 5) work.courses = std::stoi(argv[5]);
  if (work.students < 1 || work.courses < 1) return std::cerr << "courses_load: at least 1 student and 1 course\n", 2;

  dcb::store<SchoolEvent> store{argv[1], argv[2], {.pool = {.max_connections = static_cast<std::size_t>(work.students) + 6}}};
  dcb::decision_maker maker{store};
  const FreeSeats view{argv[2]};
  auto setup = store.log().begin();
  setup.exec("SELECT pg_advisory_xact_lock(hashtext($1))", view.schema);  // several of us may start at once
  view.create(setup);
  setup.commit();
  dcb::runner runner{store, {.lease = std::chrono::seconds{2}}};
  runner.add(view);
  runner.create();
  std::jthread running{[&](std::stop_token stop) { runner.run(stop); }};
  define_courses(maker, work);

  const auto begun = std::chrono::steady_clock::now();
  const auto outcome = come_and_go(maker, work);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  const auto decisions = outcome.made + outcome.refused;
  std::cout << work.students << " students, " << work.courses << " courses, " << took.count() << " s: " << decisions << " decisions, "
            << static_cast<std::int64_t>(static_cast<double>(decisions) / took.count()) << " a second; " << outcome.refused << " refused\n"
            << outcome.conflicts << " conflicts, " << outcome.attempts - decisions << " retries, " << outcome.errors.size() << " errors\n";
  for (const auto& error : outcome.errors) std::cout << "ERROR: " << error << '\n';

  bool all_well = outcome.errors.empty();
  const auto expect = [&](bool holds, const std::string& otherwise) {
    if (!holds) std::cout << "WRONG: " << otherwise << '\n';
    all_well = all_well && holds;
  };
  expect(runner.wait_until(store.head()), "the read model does not come along");
  const auto audit = Audit::of(store);
  for (const auto& sentence : audit.wrong) expect(false, sentence);
  auto look = store.log().begin();
  expect(look.exec("SELECT course, title, free, open FROM " + view.schema + ".free_seats ORDER BY course COLLATE \"C\"") == audit.free_seats(),
         "the read model is not what the log says");
  if (all_well) std::cout << "Checked in " << store.head() << " events: no seat over, nobody with three courses, no title twice, the read model equal.\n";
  return all_well ? 0 : 1;
} catch (const std::exception& failure) {
  std::cerr << "courses_load: " << failure.what() << '\n';
  return 1;
}
