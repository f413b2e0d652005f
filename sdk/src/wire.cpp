#include "wire.hpp"

#include <dcb/error.hpp>

#include <chrono>
#include <utility>

namespace dcb::inline v0 {
namespace {

constexpr type_oid bytea_type = 17, text_type = 25, uuid_type = 2950, text_array_type = 1009, jsonb_type = 3802;
constexpr char jsonb_version = 1;
constexpr std::size_t max_message_bytes = 1'000'000'000;  // the server refuses messages from 1 GiB on, by closing the connection

// Timestamps are sent as microseconds since 2000-01-01.
constexpr timestamp postgres_epoch = std::chrono::sys_days{std::chrono::year{2000} / 1 / 1};

std::string_view as_text(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

void write_json(wire_writer& out, std::string_view json) {
  const auto begin = out.begin_value();
  out.bytes({&jsonb_version, 1});
  out.bytes(json);
  out.end_value(begin);
}

void write_event(wire_writer& out, const new_event& event) {
  out.integer(std::int32_t{6});  // attributes, each with its type in front
  out.integer(text_type);
  out.value(event.type);

  out.integer(jsonb_type);
  write_json(out, event.data);

  out.integer(text_array_type);
  const auto tags = out.begin_value();
  write_array_header(out, event.tags.size(), text_type);
  for (const auto& tag : event.tags) out.value(tag);
  out.end_value(tags);

  out.integer(jsonb_type);
  event.metadata ? write_json(out, *event.metadata) : out.null_value();

  out.integer(bytea_type);
  event.payload ? out.value(as_text(*event.payload)) : out.null_value();

  out.integer(uuid_type);
  event.id ? out.value(as_text(event.id->bytes)) : out.null_value();
}

void refuse_nul(const new_event& event, std::size_t index) {
  const auto check = [index](std::string_view text, const char* what) {
    if (text.find('\0') != text.npos) require_no_nul(text, std::string{what} + " of event " + std::to_string(index + 1));
  };
  check(event.type, "the type");
  check(event.data, "the data");
  for (const auto& tag : event.tags) check(tag, "a tag");
  if (event.metadata) check(*event.metadata, "the metadata");
}

std::string_view exactly(std::string_view bytes, std::size_t size) {
  if (bytes.size() != size)
    throw decode_error("a value of " + std::to_string(bytes.size()) + " bytes where " + std::to_string(size) + " were expected");
  return bytes;
}

}  // namespace

void write_array_header(wire_writer& out, std::size_t size, type_oid element_type) {
  out.integer(std::int32_t{size > 0});  // dimensions; an empty array has none
  out.integer(std::int32_t{0});         // no NULLs
  out.integer(element_type);
  if (size > 0) {
    out.integer(static_cast<std::int32_t>(size));
    out.integer(std::int32_t{1});  // lower bound
  }
}

void wire_writer::value(std::string_view bytes) {
  integer(static_cast<std::int32_t>(bytes.size()));
  out_ += bytes;
}

std::size_t wire_writer::begin_value() {
  integer(std::int32_t{0});
  return out_.size();
}

void wire_writer::end_value(std::size_t begin) {
  wire_writer length;
  length.integer(static_cast<std::int32_t>(out_.size() - begin));
  out_.replace(begin - length.out_.size(), length.out_.size(), length.out_);
}

std::string_view wire_reader::bytes(std::size_t count) {
  if (count > rest_.size()) throw decode_error("a value ends too early");
  const auto result = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return result;
}

void require_no_nul(std::string_view text, std::string_view what) {
  if (text.find('\0') == text.npos) return;
  throw error(std::string{what} + " holds a NUL character",
              {.sqlstate = "22021", .detail = "PostgreSQL's text cannot hold it.", .hint = "Put binary data into the payload."});
}

std::string encode_int8(std::int64_t value) {
  wire_writer out;
  out.integer(value);
  return out.take();
}

std::string encode_bool(bool value) { return std::string(1, value ? '\1' : '\0'); }

std::string encode_uuid(const uuid& value) { return std::string{as_text(value.bytes)}; }

std::string encode_timestamp(timestamp value) { return encode_int8((value - postgres_epoch).count()); }

std::string encode_events(std::span<const new_event> events, type_oid new_event_type) {
  std::size_t size = 0;
  wire_writer out;
  write_array_header(out, events.size(), new_event_type);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& event = events[i];
    refuse_nul(event, i);
    size += event.type.size() + event.data.size() + 100;
    for (const auto& tag : event.tags) size += tag.size() + 4;
    if (event.metadata) size += event.metadata->size();
    if (event.payload) size += event.payload->size();
    if (size > max_message_bytes)
      throw error("the append is larger than 1,000,000,000 bytes",
                  {.sqlstate = "54000", .detail = "A message to the server cannot be larger.", .hint = "Append in several parts."});
    const auto begin = out.begin_value();
    write_event(out, event);
    out.end_value(begin);
  }
  return out.take();
}

std::string encode_text_array(std::span<const std::string> values) {
  wire_writer out;
  write_array_header(out, values.size(), text_type);
  for (const auto& value : values) out.value(value);
  return out.take();
}

std::int64_t decode_int8(std::string_view bytes) { return wire_reader{exactly(bytes, 8)}.integer<std::int64_t>(); }

bool decode_bool(std::string_view bytes) { return exactly(bytes, 1)[0] != 0; }

uuid decode_uuid(std::string_view bytes) {
  uuid result;
  exactly(bytes, result.bytes.size()).copy(reinterpret_cast<char*>(result.bytes.data()), result.bytes.size());
  return result;
}

timestamp decode_timestamp(std::string_view bytes) {
  const std::chrono::microseconds since_epoch{decode_int8(bytes)};
  if (since_epoch > timestamp::max() - postgres_epoch) throw decode_error("a time that is infinite or too far ahead");
  return postgres_epoch + since_epoch;
}

std::string_view decode_jsonb(std::string_view bytes) {
  if (bytes.empty() || bytes[0] != jsonb_version) throw decode_error("jsonb in a version that is not known");
  return bytes.substr(1);
}

void decode_text_array(std::string_view bytes, std::vector<std::string>& into) {
  wire_reader in{bytes};
  const auto dimensions = in.integer<std::int32_t>();
  in.integer<std::int32_t>();  // whether it has NULLs: the lengths tell
  in.integer<type_oid>();
  if (dimensions > 1) throw decode_error("an array of tags with several dimensions");
  const auto size = dimensions == 0 ? 0 : in.integer<std::int32_t>();
  if (dimensions == 1) in.integer<std::int32_t>();  // lower bound
  if (size < 0 || static_cast<std::size_t>(size) > in.left() / sizeof(std::int32_t)) throw decode_error("an array of impossible size");
  into.resize(static_cast<std::size_t>(size));
  for (auto& text : into) {
    const auto length = in.integer<std::int32_t>();
    if (length < 0) throw decode_error("NULL among the tags of an event");
    text = in.bytes(static_cast<std::size_t>(length));
  }
}

}  // namespace dcb::inline v0
