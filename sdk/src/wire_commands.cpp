// The composite types dcb.command and dcb.outcome in binary.

#include "wire.hpp"

#include <dcb/error.hpp>

namespace dcb::inline v0 {
namespace {

constexpr type_oid int8_type = 20, uuid_type = 2950;

void write_attribute(wire_writer& out, type_oid type, const std::optional<std::string>& bytes) {
  out.integer(type);
  bytes ? out.value(*bytes) : out.null_value();
}

// Its bytes, or nothing for NULL.
std::optional<std::string_view> read_attribute(wire_reader& in) {
  in.integer<type_oid>();
  const auto length = in.integer<std::int32_t>();
  if (length < 0) return {};
  return in.bytes(static_cast<std::size_t>(length));
}

append_outcome read_outcome(wire_reader in) {
  if (in.integer<std::int32_t>() != 3) throw decode_error("an outcome of another shape than was expected");
  append_outcome outcome;
  if (const auto position = read_attribute(in)) outcome.position = decode_int8(*position);
  if (const auto sqlstate = read_attribute(in)) outcome.sqlstate = *sqlstate;
  if (const auto conflict_at = read_attribute(in)) outcome.conflict_at = decode_int8(*conflict_at);
  return outcome;
}

}  // namespace

std::string encode_commands(std::span<const append_command> commands, const dcb_types& types) {
  wire_writer out;
  write_array_header(out, commands.size(), types.command);
  for (const auto& [events, condition, append_id] : commands) {
    const auto begin = out.begin_value();
    out.integer(std::int32_t{4});  // attributes, each with its type in front
    write_attribute(out, types.new_events, encode_events(events, types.new_event));
    write_attribute(out, types.query, condition ? std::optional{encode_query(condition->fail_if_events_match)} : std::nullopt);
    write_attribute(out, int8_type, encode_int8(condition ? condition->after : 0));
    write_attribute(out, uuid_type, append_id ? std::optional{encode_uuid(*append_id)} : std::nullopt);
    out.end_value(begin);
  }
  return out.take();
}

std::vector<append_outcome> decode_outcomes(std::string_view bytes) {
  wire_reader in{bytes};
  const auto dimensions = in.integer<std::int32_t>();
  in.integer<std::int32_t>();  // whether it has NULLs: the lengths tell
  in.integer<type_oid>();
  const auto size = dimensions == 0 ? 0 : in.integer<std::int32_t>();
  if (dimensions == 1) in.integer<std::int32_t>();  // lower bound
  std::vector<append_outcome> outcomes;
  for (std::int32_t i = 0; i < size; ++i) {
    const auto length = in.integer<std::int32_t>();
    if (length < 0) throw decode_error("NULL among the outcomes");
    outcomes.push_back(read_outcome(wire_reader{in.bytes(static_cast<std::size_t>(length))}));
  }
  return outcomes;
}

}  // namespace dcb::inline v0
