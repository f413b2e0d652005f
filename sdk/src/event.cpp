#include <dcb/error.hpp>
#include <dcb/event.hpp>

#include <unistd.h>

#include <system_error>

namespace dcb::inline v0 {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool hyphen_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

}  // namespace

std::string uuid::to_string() const {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (hyphen_before(i)) out += '-';
    out += digits[std::to_integer<unsigned>(bytes[i]) >> 4];
    out += digits[std::to_integer<unsigned>(bytes[i]) & 15];
  }
  return out;
}

uuid uuid::from_string(std::string_view text) {
  const bool hyphens = text.size() == 36;
  uuid result;
  std::size_t at = 0;
  bool valid = hyphens || text.size() == 32;
  for (std::size_t i = 0; valid && i < result.bytes.size(); ++i) {
    if (hyphens && hyphen_before(i) && text[at++] != '-') valid = false;
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) valid = false;
    result.bytes[i] = static_cast<std::byte>(high << 4 | low);
    at += 2;
  }
  if (!valid) throw error("not a UUID: \"" + std::string{text} + "\"", {.sqlstate = "22P02"});
  return result;
}

// From the system each time: a generator of our own would repeat itself in a forked child, and append ids must never repeat.
uuid uuid::random() {
  uuid result;
  if (getentropy(result.bytes.data(), result.bytes.size()) != 0)
    throw std::system_error(errno, std::generic_category(), "no randomness from the system");
  result.bytes[6] = (result.bytes[6] & std::byte{0x0f}) | std::byte{0x40};
  result.bytes[8] = (result.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  return result;
}

}  // namespace dcb::inline v0
