#include <dcb/msgpack.hpp>

#include <simdjson.h>

#include <bit>
#include <limits>

namespace dcb::inline v0::msgpack {
namespace {

constexpr std::size_t max_length = std::numeric_limits<std::uint32_t>::max();

// The tag byte, and the value's bytes in network order.
template <class Unsigned>
std::string tagged(unsigned tag, Unsigned value) {
  std::string out(1, static_cast<char>(tag));
  for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}

// A length in the form for `fixed` and below, or behind one of the tags for 8, 16 and 32 bits; 0 where there is no such form.
std::string length(std::size_t value, unsigned fixed_tag, std::size_t fixed, unsigned tag8, unsigned tag16, unsigned tag32) {
  if (value < fixed) return std::string(1, static_cast<char>(fixed_tag | value));
  if (tag8 != 0 && value <= 0xff) return tagged(tag8, static_cast<std::uint8_t>(value));
  if (value <= 0xffff) return tagged(tag16, static_cast<std::uint16_t>(value));
  return tagged(tag32, static_cast<std::uint32_t>(value));
}

}  // namespace

void binary_writer::put_null() { out_ += '\xc0'; }
void binary_writer::put_bool(bool value) { out_ += value ? '\xc3' : '\xc2'; }

void binary_writer::put_integer(std::int64_t value) {
  if (value >= 0) return put_unsigned(static_cast<std::uint64_t>(value));
  if (value >= -32)
    out_ += static_cast<char>(value);
  else if (value >= std::numeric_limits<std::int8_t>::min())
    out_ += tagged(0xd0, static_cast<std::uint8_t>(value));
  else if (value >= std::numeric_limits<std::int16_t>::min())
    out_ += tagged(0xd1, static_cast<std::uint16_t>(value));
  else if (value >= std::numeric_limits<std::int32_t>::min())
    out_ += tagged(0xd2, static_cast<std::uint32_t>(value));
  else
    out_ += tagged(0xd3, static_cast<std::uint64_t>(value));
}

void binary_writer::put_unsigned(std::uint64_t value) {
  if (value < 0x80)
    out_ += static_cast<char>(value);
  else if (value <= 0xff)
    out_ += tagged(0xcc, static_cast<std::uint8_t>(value));
  else if (value <= 0xffff)
    out_ += tagged(0xcd, static_cast<std::uint16_t>(value));
  else if (value <= 0xffff'ffff)
    out_ += tagged(0xce, static_cast<std::uint32_t>(value));
  else
    out_ += tagged(0xcf, value);
}

void binary_writer::put_float(float value) { out_ += tagged(0xca, std::bit_cast<std::uint32_t>(value)); }
void binary_writer::put_double(double value) { out_ += tagged(0xcb, std::bit_cast<std::uint64_t>(value)); }

void binary_writer::put_string(std::string_view value) {
  if (!simdjson::validate_utf8(value.data(), value.size())) fail("the text is not UTF-8");
  if (value.size() > max_length) fail("a text of 4 GiB or more");
  out_ += length(value.size(), 0xa0, 32, 0xd9, 0xda, 0xdb);
  out_ += value;
}

void binary_writer::put_bytes(std::span<const std::byte> value) {
  if (value.size() > max_length) fail("4 GiB or more");
  out_ += length(value.size(), 0, 0, 0xc4, 0xc5, 0xc6);
  out_.append(reinterpret_cast<const char*>(value.data()), value.size());
}

void binary_writer::opened(char) { open_.push_back({out_.size(), 0}); }

void binary_writer::separate() { ++open_.back().count; }

void binary_writer::put_key(std::string_view key) {
  separate();
  put_string(key);
}

void binary_writer::closed(char bracket) {
  const auto [begin, count] = open_.back();
  open_.pop_back();
  if (count > max_length) fail("2^32 elements or more");
  out_.insert(begin, bracket == ']' ? length(count, 0x90, 16, 0, 0xdc, 0xdd) : length(count, 0x80, 16, 0, 0xde, 0xdf));
}

std::vector<std::byte> binary_writer::take_bytes() const {
  const auto* const begin = reinterpret_cast<const std::byte*>(out_.data());
  return {begin, begin + out_.size()};
}

std::vector<std::byte> write(std::string_view name, const void* value, void (*put)(json::writer&, const void*)) {
  binary_writer out{name};
  put(out, value);
  return out.take_bytes();
}

}  // namespace dcb::inline v0::msgpack
