// The school through trouble: connections cut and processes killed at random. Callers see no error, the log holds what it has to, and the read
// model is what the log says.
#include "courses_support.hpp"
#include "workload.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <random>

namespace {

using namespace courses;

class courses_in_trouble : public school_test {
 protected:
  // COURSES_SECONDS lengthens it.
  static std::chrono::seconds seconds() {
    const char* text = std::getenv("COURSES_SECONDS");
    return std::chrono::seconds{text ? std::stoi(text) : 3};
  }
  std::minstd_rand random{7};
};

TEST_F(courses_in_trouble, cut_connections_reach_nobody) {
  const Workload work{.students = 16, .courses = 6, .seats = 4, .duration = seconds()};
  silent watch;
  dcb::store<SchoolEvent> store{"", name, {.pool = {.max_connections = 24}, .application_name = name}};
  dcb::decision_maker maker{store};
  define_courses(maker, work);
  dcb::runner runner{store, {.look_again = 100ms, .watch = &watch}};
  runner.add(FreeSeats{name});
  runner.create();
  std::jthread running{[&](std::stop_token stop) { runner.run(stop); }};
  ASSERT_TRUE(runner.wait_until(store.head())) << "it has begun";
  std::size_t cut = 0;
  Outcome outcome;
  {
    std::jthread killer{[&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        cut += ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 ORDER BY random() LIMIT 1", name).size();
        std::this_thread::sleep_for(std::chrono::milliseconds{10 + random() % 40});
      }
    }};
    outcome = come_and_go(maker, work);
  }
  for (const auto& error : outcome.errors) ADD_FAILURE() << error;
  EXPECT_GT(outcome.made, work.students);
  EXPECT_GT(cut, 10u) << "that was no test";
  ASSERT_TRUE(dcb::wait_until(store, "free-seats-1", store.head(), 120s));
  EXPECT_EQ(free_seats(), expect_all_well(store).free_seats());
}

// Three processes at a time, each with students and the projection, killed at a random moment: 20 altogether.
TEST_F(courses_in_trouble, killed_processes_leave_nothing_half_done) {
  const auto start = [&] {
    const auto child = fork();
    if (child == 0) {
      execl(COURSES_LOAD, COURSES_LOAD, "", name.c_str(), "600", "6", "5", nullptr);
      _exit(127);
    }
    return child;
  };
  std::vector<pid_t> children{start(), start(), start()};
  for (int kills = 0; kills < 20; ++kills) {
    // Somebody gets to work before one is killed.
    const auto wanted = admin.head() + static_cast<std::int64_t>(20 + random() % 60);
    await([&] { return admin.head() >= wanted; });
    auto& victim = children[random() % children.size()];
    kill(victim, SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(victim, &status, 0), victim);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
    victim = start();
  }
  for (const auto child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  dcb::store<SchoolEvent> store{"", name};
  dcb::runner runner{store};
  runner.add(FreeSeats{name});
  std::jthread running{[&](std::stop_token stop) { runner.run(stop); }};
  await([&] { return !admin.reactions().status("free-seats-1").empty(); });
  ASSERT_TRUE(dcb::wait_until(store, "free-seats-1", store.head(), 120s));
  EXPECT_EQ(free_seats(), expect_all_well(store).free_seats());
}

}  // namespace
