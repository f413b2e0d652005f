#pragma once

#include <dcb/export.hpp>

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// The time of the server's clock, in its resolution.
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// Thread safety: a value.
struct DCB_EXPORT uuid {
  std::array<std::byte, 16> bytes{};

  /// The canonical form, 36 lower-case characters.
  std::string to_string() const;
  /// Reads 32 hexadecimal digits of either case, with or without the four hyphens. Throws `error` 22P02 on anything else.
  static uuid from_string(std::string_view text);
  /// A random one (version 4), from the system's source of randomness.
  static uuid random();

  friend bool operator==(const uuid&, const uuid&) = default;
  friend auto operator<=>(const uuid&, const uuid&) = default;
};

/// An event to append. Thread safety: a value.
struct new_event {
  std::string type{};
  std::string data = "{}";  ///< JSON text
  std::vector<std::string> tags{};
  std::optional<std::string> metadata{};  ///< JSON text
  std::optional<std::vector<std::byte>> payload{};
  std::optional<uuid> id{};

  friend bool operator==(const new_event&, const new_event&) = default;
};

/// A stored event. Thread safety: a value.
struct recorded_event {
  std::int64_t position = 0;  ///< 1, 2, 3 … in its store
  std::string type{};
  std::vector<std::string> tags{};  ///< sorted, nothing twice
  std::string data{};               ///< JSON text as the server writes it, not as it was given
  std::optional<std::vector<std::byte>> payload{};
  std::optional<std::string> metadata{};
  std::optional<uuid> id{};
  timestamp recorded_at{};  ///< never decreases along positions

  friend bool operator==(const recorded_event&, const recorded_event&) = default;
};

}  // namespace dcb::inline v0
