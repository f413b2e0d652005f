#pragma once

// A school on the server with its read model, for tests that run with others on the same server.

#include "audit.hpp"
#include "course.hpp"
#include "free_seats.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace courses {

using namespace std::chrono_literals;

class school_test : public testing::Test {
 protected:
  void SetUp() override {
    ask("SELECT dcb.create_store($1)", name);
    auto setup = admin.begin();
    FreeSeats{name}.create(setup);
    setup.commit();
  }
  void TearDown() override {
    ask("SELECT dcb.drop_store($1, force => true)", name);
    ask("DROP SCHEMA IF EXISTS " + name + " CASCADE");  // with the read model
  }

  template <class... Args>
  std::vector<dcb::sql_row> ask(const std::string& sql, const Args&... args) {
    auto in = admin.begin();
    auto rows = in.exec(sql, args...);
    in.commit();
    return rows;
  }
  std::vector<dcb::sql_row> free_seats() { return ask("SELECT course, title, free, open FROM " + name + ".free_seats ORDER BY course COLLATE \"C\""); }

  Audit expect_all_well(const dcb::event_store<SchoolEvent>& store) {
    auto audit = Audit::of(store);
    for (const auto& sentence : audit.wrong) ADD_FAILURE() << sentence;
    return audit;
  }

  template <class Condition>
  void await(Condition&& condition) {
    const auto until = std::chrono::steady_clock::now() + 120s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "it never came true";
      std::this_thread::sleep_for(2ms);
    }
  }

  const std::string name = "courses_" + std::to_string(getpid()) + "_" + testing::UnitTest::GetInstance()->current_test_info()->name();
  dcb::raw_store admin{"", name, {.application_name = "admin"}};
};

struct silent final : dcb::runner_observer {};

}  // namespace courses
