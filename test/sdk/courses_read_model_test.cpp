// The read model on a server: rebuilt from position 0 beside the live one while subscriptions go on, and what an old course lacks.
#include "courses_support.hpp"
#include "workload.hpp"

#include <atomic>
#include <cstdlib>
#include <memory>

namespace {

using namespace courses;

class courses_read_model : public school_test {
 protected:
  // For what runs outside of a transaction.
  void psql(const std::string& arguments) { ASSERT_EQ(std::system(("psql -Xqo /dev/null -v ON_ERROR_STOP=1 " + arguments).c_str()), 0); }
};

// Readers look at the view all the time. Its rows know two things that hold in every complete model: all courses are there, and what a
// reader has seen before does not come back: positions only grow, so neither do closed courses open.
TEST_F(courses_read_model, is_rebuilt_beside_the_live_one) {
  constexpr int rebuilds = 3, closings = 40;
  const Workload work{.students = 8, .courses = 6, .seats = 4, .duration = 200ms};
  dcb::store<SchoolEvent> store{"", name, {.pool = {.max_connections = 32}}};
  dcb::decision_maker maker{store};
  silent watch;
  define_courses(maker, work);
  for (int n = 0; n < closings; ++n) ASSERT_TRUE(maker.make(DefineCourse{"evening-" + std::to_string(n), "Evening " + std::to_string(n), 1}));

  auto live = std::make_unique<dcb::runner<SchoolEvent>>(store, dcb::runner_options{.look_again = 100ms, .watch = &watch});
  live->add(FreeSeats{name});
  live->create();
  auto running = std::make_unique<std::jthread>([&live = *live](std::stop_token stop) { live.run(stop); });
  ASSERT_TRUE(live->wait_until(store.head()));

  std::atomic<bool> over = false;
  std::atomic<int> looks = 0, half_built = 0, went_back = 0, closed = 0;
  std::vector<std::jthread> threads;
  for (int reader = 0; reader < 3; ++reader)
    threads.emplace_back([&] {
      std::int64_t closed_before = 0;
      while (!over) {
        try {
          auto in = store.log().begin();
          const auto row = in.exec("SELECT count(*), count(*) FILTER (WHERE NOT open) FROM " + name + ".free_seats").at(0);
          in.rollback();
          if (row[0] != std::to_string(work.courses + closings)) ++half_built;
          const auto closed_now = std::stoll(row[1].value());
          if (closed_now < closed_before) ++went_back;
          closed_before = closed_now;
          ++looks;
        } catch (const std::exception& failure) {
          ADD_FAILURE() << "a reader sees an error: " << failure.what();
          return;
        }
      }
    });
  threads.emplace_back([&] {
    while (!over) {
      const auto outcome = come_and_go(maker, work);
      for (const auto& error : outcome.errors) ADD_FAILURE() << error;
      if (closed == closings) continue;
      EXPECT_TRUE(maker.make(CloseCourse{"evening-" + std::to_string(closed++)}));
    }
  });

  for (int version = 2; version <= 1 + rebuilds; ++version) {
    const FreeSeats next{name, version};
    auto setup = admin.begin();
    next.create_table(setup);
    setup.commit();
    auto builder = std::make_unique<dcb::runner<SchoolEvent>>(store, dcb::runner_options{.look_again = 100ms, .watch = &watch});
    builder->add(next);
    builder->create();
    auto building = std::make_unique<std::jthread>([&builder = *builder](std::stop_token stop) { builder.run(stop); });
    await([&] { return ask("SELECT to_regclass($1)", next.table(version - 1)).at(0).at(0) == std::nullopt; });
    running.reset();
    live = std::move(builder);
    running = std::move(building);
    const auto looked = looks.load();
    await([&] { return looks >= looked + 10; });
  }
  over = true;
  threads.clear();
  ASSERT_TRUE(dcb::wait_until(store, "free-seats-" + std::to_string(1 + rebuilds), store.head(), 120s));
  running.reset();

  const auto audit = expect_all_well(store);
  EXPECT_EQ(free_seats(), audit.free_seats());
  EXPECT_EQ(half_built, 0);
  EXPECT_EQ(went_back, 0);
  EXPECT_GT(closed, 0);
  EXPECT_EQ(admin.reactions().status().size(), 1u) << "former versions are gone";
}

// Courses of the first release have no tag of their title, so that a title could be given once more; retagging gives it to them.
TEST_F(courses_read_model, knows_courses_of_the_first_release) {
  dcb::store<SchoolEvent> store{"", name};
  dcb::decision_maker maker{store};
  const dcb::new_event old[]{{.type = "CourseCreated", .data = R"({"course":"c1","name":"Algebra","seats":2})", .tags = {"course:c1"}}};
  store.log().append(old);
  EXPECT_FALSE(store.exists(dcb::query<CourseDefined>(dcb::where<&CourseDefined::title>("Algebra"))));
  psql("-c \"CALL dcb.retag('" + name + "', dcb.query(types => '{CourseCreated}'), 'title', '\\$.name')\"");
  const auto second = maker.try_make(DefineCourse{"c2", "Algebra", 1});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sqlstate(), "DCB01");
  EXPECT_TRUE(maker.make(Subscribe{"ann", "c1"}));
  dcb::runner runner{store};
  runner.add(FreeSeats{name});
  runner.run_once();
  EXPECT_EQ(free_seats(), (std::vector<dcb::sql_row>{{"c1", "Algebra", "1", "t"}}));
}

// The projection within the database shows the same.
TEST_F(courses_read_model, can_be_kept_by_the_server) {
  dcb::store<SchoolEvent> store{"", name, {.pool = {.max_connections = 16}}};
  dcb::decision_maker maker{store};
  psql("-v store=" + name + " -f " COURSES_SQL);
  const Workload work{.students = 8, .courses = 4, .seats = 2, .duration = 300ms};
  define_courses(maker, work);
  const dcb::new_event old[]{{.type = "CourseCreated", .data = R"({"course":"c1","name":"Algebra","seats":2})", .tags = {"course:c1"}}};
  store.log().append(old);
  for (const auto& error : come_and_go(maker, work).errors) ADD_FAILURE() << error;
  ASSERT_TRUE(maker.make(CloseCourse{"course-0"}));
  psql("-c \"CALL dcb.run_projection('" + name + "', 'seats left')\"");
  ASSERT_TRUE(dcb::wait_until(store, "seats left", store.head()));
  EXPECT_EQ(ask("SELECT course, title, free, open FROM " + name + ".seats_left ORDER BY course COLLATE \"C\""), expect_all_well(store).free_seats());
}

}  // namespace
