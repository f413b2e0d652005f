#include "uuid_name.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>

namespace dcb::inline v0 {
namespace {

// Of names, not of secrets: what the uuid's form asks for.
std::array<std::uint32_t, 5> sha1(std::string text) {
  std::array<std::uint32_t, 5> h{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const std::uint64_t bits = text.size() * 8;
  text += '\x80';
  while (text.size() % 64 != 56) text += '\0';
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(bits >> shift & 0xff);

  for (std::size_t block = 0; block < text.size(); block += 64) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 64; ++i) w[i / 4] = w[i / 4] << 8 | static_cast<unsigned char>(text[block + i]);
    for (std::size_t i = 16; i < w.size(); ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = h;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const auto mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                  : (b ^ c ^ d) + 0xca62c1d6;
      const auto next = std::rotl(a, 5) + mixed + e + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    h = {h[0] + a, h[1] + b, h[2] + c, h[3] + d, h[4] + e};
  }
  return h;
}

}  // namespace

uuid uuid_of_name(std::string_view name) {
  static constexpr std::string_view space{"\xda\x9e\x2b\x51\x0c\x6f\x4e\x0a\x9c\x37\x58\x13\xd4\x7e\x21\xb6", 16};
  const auto hash = sha1(std::string{space} + std::string{name});
  uuid result;
  for (std::size_t i = 0; i < result.bytes.size(); ++i) result.bytes[i] = static_cast<std::byte>(hash[i / 4] >> (24 - i % 4 * 8) & 0xff);
  result.bytes[6] = (result.bytes[6] & std::byte{0x0f}) | std::byte{0x50};
  result.bytes[8] = (result.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  return result;
}

}  // namespace dcb::inline v0
