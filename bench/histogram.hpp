#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace bench {

// Latencies in nanoseconds, in buckets whose width is 1/32 of their magnitude: a percentile is off by 3 % at most, whatever its size.
class histogram {
 public:
  void add(std::uint64_t nanoseconds) {
    ++counts_[bucket(nanoseconds)];
    ++total_;
    largest_ = std::max(largest_, nanoseconds);
  }

  void add(const histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    largest_ = std::max(largest_, other.largest_);
  }

  std::uint64_t total() const { return total_; }
  std::uint64_t largest() const { return largest_; }

  // The latency that a share of all stays at or below; 0 when there is none.
  std::uint64_t percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if ((seen += counts_[i]) > wanted) return std::min(upper_bound(i), largest_);
    return largest_;
  }

 private:
  static constexpr int fine_bits = 5;
  static constexpr std::size_t fine = std::size_t{1} << fine_bits;

  static std::size_t bucket(std::uint64_t value) {
    if (value < fine) return value;
    const int shift = std::bit_width(value) - fine_bits - 1;
    return (static_cast<std::size_t>(shift) << fine_bits) + (value >> shift);
  }

  static std::uint64_t upper_bound(std::size_t bucket) {
    if (bucket < 2 * fine) return bucket;
    const auto shift = (bucket >> fine_bits) - 1;
    return ((fine + bucket % fine + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - fine_bits + 1) * fine> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace bench
