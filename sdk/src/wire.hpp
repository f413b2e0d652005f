#pragma once

// PostgreSQL's binary formats: what the SDK sends as parameters and what it reads from results. Nothing here knows a connection.

#include <dcb/event.hpp>
#include <dcb/event_log.hpp>
#include <dcb/query.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

using type_oid = std::uint32_t;

/// Appends big-endian integers and counted values to a string.
class wire_writer {
 public:
  template <class Integer>
  void integer(Integer value) {
    std::array<char, sizeof value> big_endian;
    for (std::size_t i = 0; i < sizeof value; ++i)
      big_endian[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> 8 * (sizeof value - 1 - i) & 0xff);
    out_.append(big_endian.data(), big_endian.size());
  }
  void bytes(std::string_view value) { out_ += value; }
  /// A value with its length in front, -1 for NULL.
  void null_value() { integer(std::int32_t{-1}); }
  void value(std::string_view bytes);
  /// The same for a value that is written piece by piece between the two calls.
  std::size_t begin_value();
  void end_value(std::size_t begin);

  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Reads them back. Throws `decode_error` when the bytes end too early.
class wire_reader {
 public:
  explicit wire_reader(std::string_view bytes) : rest_(bytes) {}

  template <class Integer>
  Integer integer() {
    std::uint64_t value = 0;
    for (const char c : bytes(sizeof(Integer))) value = value << 8 | static_cast<unsigned char>(c);
    return static_cast<Integer>(value);
  }
  std::string_view bytes(std::size_t count);
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

/// Throws `error` 22021 if the text, which the message names, holds a NUL character.
void require_no_nul(std::string_view text, std::string_view what);

std::string encode_int8(std::int64_t value);
std::string encode_bool(bool value);
std::string encode_uuid(const uuid& value);
std::string encode_timestamp(timestamp value);
/// The binary form of type dcb.query. Throws what `event_query::validate` throws.
std::string encode_query(const event_query& query);
/// An array of composite dcb.new_event, whose element type is given. Throws `error` 22021 for a NUL character in a text, 54000 if the
/// array is larger than a message to the server may be.
std::string encode_events(std::span<const new_event> events, type_oid new_event_type);

std::string encode_text_array(std::span<const std::string> values);

/// The numbers that the types of the extension have in a database.
struct dcb_types {
  type_oid new_event = 0, new_events = 0, query = 0, command = 0;
};
/// An array of composite dcb.command. Throws what `encode_events` and `encode_query` throw.
std::string encode_commands(std::span<const append_command> commands, const dcb_types& types);
/// Of an array of composite dcb.outcome.
std::vector<append_outcome> decode_outcomes(std::string_view bytes);
/// The head of a one-dimensional array without NULLs; its elements follow as counted values.
void write_array_header(wire_writer& out, std::size_t size, type_oid element_type);

std::int64_t decode_int8(std::string_view bytes);
bool decode_bool(std::string_view bytes);
uuid decode_uuid(std::string_view bytes);
timestamp decode_timestamp(std::string_view bytes);
std::string_view decode_jsonb(std::string_view bytes);
/// Into a vector whose strings are used again.
void decode_text_array(std::string_view bytes, std::vector<std::string>& into);

}  // namespace dcb::inline v0
