#pragma once

#include <cstdint>

namespace bench {

// splitmix64: small, fast, and good enough to pick boundaries.
class random_numbers {
 public:
  using result_type = std::uint64_t;
  explicit random_numbers(std::uint64_t seed) : state_(seed) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }

  result_type operator()() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

  std::int64_t below(std::int64_t bound) { return static_cast<std::int64_t>((*this)() % static_cast<std::uint64_t>(bound)); }
  double unit() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace bench
