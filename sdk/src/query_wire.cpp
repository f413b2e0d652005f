// The binary form of dcb.query. Integers are big-endian:
//   byte    version, 1
//   uint16  number of items, then for each
//     byte    flags; bit 0: has an `after` of its own
//     int64   that `after`, if so
//     three lists, in the order types, excepted types, tags:
//       uint16  number of strings, then for each
//         uint16  length, and the bytes in UTF-8

#include "wire.hpp"

namespace dcb::inline v0 {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t has_after = 1;

void write_list(wire_writer& out, const std::vector<std::string>& values) {
  out.integer(static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    out.integer(static_cast<std::uint16_t>(value.size()));
    out.bytes(value);
  }
}

}  // namespace

std::string encode_query(const event_query& query) {
  query.validate();  // makes every count and length fit
  wire_writer out;
  out.integer(version);
  out.integer(static_cast<std::uint16_t>(query.items().size()));
  for (const auto& item : query.items()) {
    out.integer(item.after ? has_after : std::uint8_t{0});
    if (item.after) out.integer(*item.after);
    write_list(out, item.types);
    write_list(out, item.except_types);
    write_list(out, item.tags);
  }
  return out.take();
}

}  // namespace dcb::inline v0
