#include "base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace dcb::inline v0 {
namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::int8_t none = -1;

constexpr auto values = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(none);
  for (std::size_t i = 0; i < digits.size(); ++i) table[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  return table;
}();

}  // namespace

void append_base64(std::string& text, std::span<const std::byte> bytes) {
  text.reserve(text.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < count ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) text += i <= count ? digits[group >> (18 - 6 * i) & 63] : '=';
  }
}

std::optional<std::vector<std::byte>> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    std::size_t count = 4;  // of digits; padding stands at the very end
    if (at + 4 == text.size()) {
      if (text[at + 3] == '=') count = text[at + 2] == '=' ? 2 : 3;
    }
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto value = i < count ? values[static_cast<unsigned char>(text[at + i])] : 0;
      if (value == none) return {};
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t i = 0; i + 1 < count; ++i) bytes.push_back(static_cast<std::byte>(group >> (16 - 8 * i) & 0xff));
    if ((group & ((1u << (8 * (4 - count))) - 1)) != 0) return {};
  }
  return bytes;
}

}  // namespace dcb::inline v0
