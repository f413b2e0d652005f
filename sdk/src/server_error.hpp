#pragma once

// From what a server answers to what the SDK throws.

#include <dcb/error.hpp>

#include <string>
#include <string_view>

namespace dcb::inline v0 {

struct server_error {
  std::string sqlstate{};
  std::string message{};
  std::string detail{};
  std::string hint{};
};

[[noreturn]] void throw_server_error(server_error from);

/// Whether the error says nothing about the connection. Others may come from what a connection remembers, prepared statements and the
/// numbers of types, which an extension created anew makes void: after them the connection is not used again.
bool leaves_connection_sound(std::string_view sqlstate);

/// The server has become a standby, or is no longer to be written to.
bool is_read_only(std::string_view sqlstate);

inline constexpr const char* in_doubt_hint = "It may have been stored. Repeat it with the same append id, or read to find out.";

/// What an error tells besides its message, marked as in doubt.
error_info in_doubt_info(const error& from);

}  // namespace dcb::inline v0
