#include "fiber.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t stack_bytes = 64 * 1024;

TEST(fiber, goes_on_where_it_was_left) {
  std::string trace;
  dcb::fiber* inside = nullptr;
  dcb::fiber f{[&] {
                 for (const char c : {'a', 'b', 'c'}) {
                   trace += c;
                   inside->leave();
                 }
               },
               stack_bytes};
  inside = &f;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(f.enter());
    trace += '-';
  }
  EXPECT_TRUE(f.enter());
  EXPECT_EQ(trace, "a-b-c-");
}

TEST(fiber, may_go_on_in_another_thread) {
  int steps = 0;
  dcb::fiber* inside = nullptr;
  dcb::fiber f{[&] {
                 for (; steps < 10; ++steps) inside->leave();
               },
               stack_bytes};
  inside = &f;
  bool returned = false;
  while (!returned) std::thread{[&] { returned = f.enter(); }}.join();
  EXPECT_EQ(steps, 10);
}

// A fiber that is left while it handles an exception must find that one again, not the one of another fiber.
TEST(fiber, keeps_its_own_exceptions) {
  std::vector<std::string> seen(2);
  std::vector<dcb::fiber*> inside(2);
  const auto handle = [&](std::size_t i) {
    try {
      throw std::runtime_error("of " + std::to_string(i));
    } catch (...) {
      inside[i]->leave();
      try {
        throw;  // the one that is being handled
      } catch (const std::exception& e) {
        seen[i] = e.what();
      }
    }
    EXPECT_EQ(std::current_exception(), nullptr);
  };
  dcb::fiber first{[&] { handle(0); }, stack_bytes}, second{[&] { handle(1); }, stack_bytes};
  inside = {&first, &second};
  try {
    throw std::runtime_error("outside");
  } catch (...) {
    first.enter();
    second.enter();
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    EXPECT_TRUE(first.enter());
    EXPECT_TRUE(second.enter());
    try {
      throw;
    } catch (const std::exception& e) {
      EXPECT_STREQ(e.what(), "outside");
    }
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"of 0", "of 1"}));
}

TEST(fiber_death, stack_that_grows_too_large_is_a_fault) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  // Not optimised away: each call's memory is written to.
  struct deep {
    static int down(int depth) {
      volatile char page[4096];
      page[depth % 4096] = 1;
      return depth == 0 ? 0 : down(depth - 1) + page[depth % 4096];
    }
  };
  EXPECT_DEATH((dcb::fiber{[] { deep::down(1000); }, stack_bytes}.enter()), "");
}

}  // namespace
