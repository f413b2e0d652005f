#pragma once

#include <chrono>

namespace dcb::inline v0 {

/// How long to wait after so many failures (1, 2 …): random, from 0 to a bound that doubles from `first` up to `longest`. Full jitter spreads the next
/// attempts of those who failed together over the whole wait.
std::chrono::microseconds backoff(int failures, std::chrono::microseconds first, std::chrono::microseconds longest);

}  // namespace dcb::inline v0
