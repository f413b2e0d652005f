#pragma once

// What the fuzz targets share: a struct with every kind of member, and how a broken promise is reported.

#include <dcb/error.hpp>
#include <dcb/json.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fuzz {

enum class colour { red, green };
struct card {
  std::string number;
};
struct cash {};
struct tree {
  int leaf = 1;
  std::vector<tree> branches;
};
struct everything {
  std::optional<dcb::id<>> user_id;
  std::optional<std::int64_t> wide;
  std::optional<std::uint8_t> narrow;
  std::optional<double> real;
  std::optional<float> small_real;
  std::optional<bool> flag;
  std::optional<colour> paint;
  std::optional<std::variant<card, cash>> payment;
  std::map<std::string, int> counts;
  std::map<dcb::uuid, colour> by;
  std::set<std::string> marks;
  std::vector<std::byte> bytes;
  std::optional<dcb::uuid> key;
  std::optional<tree> root;
};

inline std::string_view text(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace fuzz
