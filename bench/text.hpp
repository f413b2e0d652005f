#pragma once

#include <cmath>
#include <cstdio>
#include <string>

#include "workload.hpp"

// Figures as people read them: three significant digits.
namespace bench {

inline std::string readable(double value) {
  char text[64];
  const auto magnitude = std::abs(value);
  if (magnitude >= 1000) {
    const auto rounding = std::pow(10, std::floor(std::log10(magnitude)) - 2);
    std::snprintf(text, sizeof text, "%.0f", std::round(value / rounding) * rounding);
    std::string digits = text;
    for (auto at = static_cast<int>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
  }
  std::snprintf(text, sizeof text, magnitude >= 99.95 ? "%.0f" : magnitude >= 9.995 ? "%.1f" : "%.2f", value);
  return text;
}

inline std::string milliseconds(double nanoseconds) { return readable(nanoseconds / 1e6); }

// The middle with the extremes.
inline std::string ratio(const spread_of& of) { return readable(of.median) + " (" + readable(of.min) + "–" + readable(of.max) + ")"; }

}  // namespace bench
