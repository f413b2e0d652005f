#include "backoff.hpp"

#include <algorithm>
#include <cstdint>
#include <random>

namespace dcb::inline v0 {

// Not inlined: see driver::current.
[[gnu::noinline]] std::chrono::microseconds backoff(int failures, std::chrono::microseconds first, std::chrono::microseconds longest) {
  const auto doublings = std::clamp(failures - 1, 0, 20);
  const auto bound = std::min(first * (std::int64_t{1} << doublings), longest);
  static thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::microseconds{std::uniform_int_distribution<std::int64_t>{0, bound.count()}(random)};
}

}  // namespace dcb::inline v0
