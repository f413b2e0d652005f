#pragma once
#include <cstdint>

// How interest comes to whole cents.
using interest_rule = std::int64_t (*)(std::int64_t cents, std::int64_t basis_points);

// The first release's, a bug: it keeps what is less than a cent.
constexpr std::int64_t interest_rounded_down(std::int64_t cents, std::int64_t basis_points) {
  return cents / 10'000 * basis_points + cents % 10'000 * basis_points / 10'000;
}

// To the nearest cent, half a cent to the even one.
constexpr std::int64_t interest_on(std::int64_t cents, std::int64_t basis_points) {
  const auto whole = interest_rounded_down(cents, basis_points);
  const auto rest = cents % 10'000 * basis_points % 10'000;
  return whole + (rest > 5'000 || (rest == 5'000 && whole % 2 != 0));
}
