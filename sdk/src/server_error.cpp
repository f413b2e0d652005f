#include "server_error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace dcb::inline v0 {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view sqlstate, const std::array<std::string_view, N>& states) {
  return std::ranges::find(states, sqlstate) != states.end();
}

// The server is going away, is not ready yet, or has no room.
bool is_about_connection(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || is_one_of(sqlstate, std::array<std::string_view, 5>{"57P01", "57P02", "57P03", "57P05", "53300"});
}

bool is_transient(std::string_view sqlstate) { return is_one_of(sqlstate, std::array<std::string_view, 4>{"DCB01", "DCB09", "40001", "40P01"}); }

// DETAIL names it first: `Event 42 of type …`.
std::optional<std::int64_t> first_number(std::string_view text) {
  const auto begin = text.find_first_of("0123456789");
  std::int64_t number = 0;
  if (begin == text.npos || std::from_chars(text.data() + begin, text.data() + text.size(), number).ec != std::errc{}) return {};
  return number;
}

}  // namespace

void throw_server_error(server_error from) {
  const std::string state = from.sqlstate;
  if (state == "3F000" && from.hint.empty() && from.message.find("\"dcb\"") != std::string::npos)
    from.hint = "Run CREATE EXTENSION pg_dcb in this database.";
  error_info info{.sqlstate = std::move(from.sqlstate), .detail = std::move(from.detail), .hint = std::move(from.hint)};
  if (state == "DCB01") {
    info.retryable = true;
    const auto position = first_number(info.detail);
    throw conflict(from.message, std::move(info), position);
  }
  if (state == "57014") throw cancelled(from.message, std::move(info));
  if (state == "55P03") {
    info.retryable = true;
    throw timeout(from.message, std::move(info));
  }
  if (is_about_connection(state)) {
    info.retryable = true;
    throw connection_error(from.message, std::move(info));
  }
  info.retryable = is_transient(state);
  throw error(from.message, std::move(info));
}

bool is_read_only(std::string_view sqlstate) { return sqlstate == "25006"; }

bool leaves_connection_sound(std::string_view sqlstate) {
  return sqlstate.starts_with("DCB") || sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("40") ||
         is_one_of(sqlstate, std::array<std::string_view, 4>{"42501", "55P03", "57014", "25P02"});
}

error_info in_doubt_info(const error& from) {
  return {.sqlstate = std::string{from.sqlstate()}, .detail = std::string{from.detail()}, .hint = in_doubt_hint, .in_doubt = true};
}

}  // namespace dcb::inline v0
