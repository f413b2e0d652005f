#include "backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace std::chrono_literals;

TEST(backoff, doubles_its_bound_up_to_the_longest) {
  for (const auto& [failures, bound] : {std::pair{1, 10ms}, {2, 20ms}, {3, 40ms}, {5, 100ms}, {1000, 100ms}}) {
    std::chrono::microseconds least{1h}, most{0};
    for (int i = 0; i < 1000; ++i) {
      const auto wait = dcb::backoff(failures, 10ms, 100ms);
      least = std::min(least, wait);
      most = std::max(most, wait);
    }
    EXPECT_LE(most, bound);
    EXPECT_GT(most, bound / 2);
    EXPECT_LT(least, bound / 2) << "from 0 on, so that those who failed together are spread";
  }
}

}  // namespace
