#include <dcb/error.hpp>
#include <dcb/json.hpp>

#include "base64.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>

namespace dcb::inline v0::json {

namespace ondemand = simdjson::ondemand;

namespace {

std::string_view kind_of(ondemand::value& value) {
  ondemand::json_type type{};
  if (value.type().get(type)) return "something that is not JSON";
  switch (type) {
    case ondemand::json_type::array: return "an array";
    case ondemand::json_type::object: return "an object";
    case ondemand::json_type::number: return "a number";
    case ondemand::json_type::string: return "a string";
    case ondemand::json_type::boolean: return "a boolean";
    case ondemand::json_type::null: return "null";
  }
  return "something else";
}

std::string expected(std::string_view what, ondemand::value& value) {
  std::string_view found = kind_of(value);
  if (found == "a number") {
    found = value.raw_json_token();
    found = found.substr(0, std::min(found.find_first_of(" \n\r\t"), std::size_t{40}));
  }
  return "expected " + std::string{what} + ", found " + std::string{found};
}

// A text of which the parser may read a little past the end, in brackets so that every value, a bare number too, is an element of an array
// and nothing can follow it. Parser and text are kept for the next event of the thread.
struct parse_buffer {
  ondemand::parser parser;
  std::string text;
  bool busy = false;
};

template <class Number>
void append_number(std::string& text, Number value) {
  char buffer[32];
  text.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void wrap(std::string& buffer, std::string_view text) {
  buffer.reserve(text.size() + 2 + simdjson::SIMDJSON_PADDING);
  buffer = '[';
  buffer += text;
  buffer += ']';
}

class text_reader final : public reader {
 public:
  text_reader(ondemand::value& value, const path& at, std::size_t depth) : reader(at, depth), value_(value) {}
  bool take_null() override;
  bool take_bool() override;
  std::int64_t take_integer(std::int64_t least, std::int64_t most) override;
  std::uint64_t take_unsigned(std::uint64_t most) override;
  double take_double() override;
  std::string_view take_string() override;
  std::vector<std::byte> take_bytes() override;
  std::string take_json() override;
  std::string_view take_enum(std::optional<std::int64_t>& number) override;
  std::size_t take_elements(void* container, void (*element)(reader&, std::size_t, void*)) override;
  std::size_t take_entries(void* container, void (*entry)(reader&, std::string_view, void*)) override;

 private:
  ondemand::value& value_;
};

bool text_reader::take_null() {
  bool null = false;
  return !value_.is_null().get(null) && null;
}

bool text_reader::take_bool() {
  bool value = false;
  if (value_.get_bool().get(value)) fail(expected("a boolean", value_));
  return value;
}

std::int64_t text_reader::take_integer(std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  if (value_.get_int64().get(value)) fail(expected("an integer of at most 64 bits", value_));
  if (value < least || value > most)
    fail("expected an integer from " + std::to_string(least) + " to " + std::to_string(most) + ", found " + std::to_string(value));
  return value;
}

std::uint64_t text_reader::take_unsigned(std::uint64_t most) {
  std::uint64_t value = 0;
  if (value_.get_uint64().get(value)) fail(expected("an integer from 0 to " + std::to_string(most), value_));
  if (value > most) fail("expected an integer from 0 to " + std::to_string(most) + ", found " + std::to_string(value));
  return value;
}

double text_reader::take_double() {
  double value = 0;
  if (value_.get_double().get(value)) fail(expected("a number that a double can hold", value_));
  return value;
}

std::string_view text_reader::take_string() {
  std::string_view value;
  if (value_.get_string().get(value)) fail(expected("a string", value_));
  return value;
}

std::vector<std::byte> text_reader::take_bytes() {
  auto bytes = decode_base64(take_string());
  if (!bytes) fail("not base64");
  return std::move(*bytes);
}

std::string text_reader::take_json() {
  ondemand::json_type type{};
  if (value_.type().get(type)) fail("not JSON");
  std::string_view text;
  ondemand::object object;
  ondemand::array array;
  if (type == ondemand::json_type::object) {
    if (value_.get_object().get(object) || object.raw_json().get(text)) fail("not JSON");
  } else if (type == ondemand::json_type::array) {
    if (value_.get_array().get(array) || array.raw_json().get(text)) fail("not JSON");
  } else {
    text = value_.raw_json_token();  // which ends at the next one
    text = text.substr(0, text.find_last_not_of(" \n\r\t") + 1);
  }
  return std::string{text};
}

std::string_view text_reader::take_enum(std::optional<std::int64_t>& number) {
  ondemand::json_type type{};
  if (value_.type().get(type)) fail("not JSON");
  if (type == ondemand::json_type::string) return take_string();
  if (type != ondemand::json_type::number) fail(expected("the name of an enumerator", value_));
  number = take_integer(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  return {};
}

std::size_t text_reader::take_entries(void* container, void (*entry)(reader&, std::string_view, void*)) {
  ondemand::object object;
  if (value_.get_object().get(object)) fail(expected("an object", value_));
  const std::size_t depth = depth_within();
  std::size_t count = 0;
  for (auto each : object) {
    ondemand::field field;
    std::string_view unescaped;
    if (std::move(each).get(field) || field.unescaped_key().get(unescaped)) fail("not JSON");
    const std::string key{unescaped};
    const path here{path_, key, {}};
    text_reader value{field.value(), here, depth};
    entry(value, key, container);
    ++count;
  }
  return count;
}

std::size_t text_reader::take_elements(void* container, void (*element)(reader&, std::size_t, void*)) {
  ondemand::array array;
  if (value_.get_array().get(array)) fail(expected("an array", value_));
  const std::size_t depth = depth_within();
  std::size_t count = 0;
  for (auto each : array) {
    const path here{path_, {}, count};
    ondemand::value found;
    if (std::move(each).get(found)) fail("not JSON");
    text_reader value{found, here, depth};
    element(value, count, container);
    ++count;
  }
  return count;
}

// Where a well-formed number ends; `at` if there is none.
std::size_t end_of_number(std::string_view text, const std::size_t at) {
  std::size_t end = at;
  const auto take = [&](std::string_view any_of) { return end < text.size() && any_of.find(text[end]) != any_of.npos && ++end; };
  const auto take_digits = [&] {
    const auto begin = end;
    while (take("0123456789")) continue;
    return end > begin;
  };
  take("-");
  if (!take("0") && !take_digits()) return at;
  if (take(".") && !take_digits()) return at;
  if (take("eE")) {
    take("+-");
    if (!take_digits()) return at;
  }
  // 1e5.5 is none, and 0 in place of 1e5 would make it one.
  return take("0123456789.+-eE") ? at : end;
}

// The text with 0 for each well-formed number, up to the first one that is none: what comes behind that does not matter.
std::string without_numbers(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\' && i + 1 < text.size()) {
      (out += c) += text[++i];
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != '-' && (c < '0' || c > '9'))) {
      out += c;
      continue;
    }
    const std::size_t end = end_of_number(text, i);
    if (end == i) return out += text.substr(i);
    out += '0';
    i = end - 1;
  }
  return out;
}

// Why the text is not one JSON value. A number beyond 64 bits and doubles is JSON all the same, but the parser says of it what it says of a
// malformed one; so then the numbers are judged here.
simdjson::error_code failure_of(std::string_view text) {
  static thread_local simdjson::dom::parser parser;
  const auto failure = parser.parse(simdjson::padded_string{text}).error();
  return failure == simdjson::NUMBER_ERROR ? parser.parse(simdjson::padded_string{without_numbers(text)}).error() : failure;
}

}  // namespace

void parse(std::string_view name, std::string_view text, void* object, void (*read)(reader&, void*)) {
  static thread_local parse_buffer kept;
  if (kept.busy) {  // called from within a read, by json_as
    parse_buffer fresh;
    std::swap(fresh.text, kept.text);
    std::swap(fresh.parser, kept.parser);
    kept.busy = false;
    struct restore {
      parse_buffer& from;
      ~restore() {
        std::swap(from.text, kept.text);
        std::swap(from.parser, kept.parser);
        kept.busy = true;
      }
    } restore{fresh};
    parse(name, text, object, read);
    return;
  }
  struct in_use {
    in_use() { kept.busy = true; }
    ~in_use() { kept.busy = false; }
  } in_use;

  const path root{nullptr, name, {}};
  wrap(kept.text, text);
  ondemand::document document;
  ondemand::array array;
  auto not_json = [&]() { return decode_error{std::string{name} + ": not JSON"}; };
  if (kept.parser.iterate(kept.text, kept.text.capacity()).get(document) || document.get_array().get(array)) throw not_json();
  std::size_t values = 0;
  for (auto each : array) {
    ondemand::value found;
    if (std::move(each).get(found) || ++values > 1) throw not_json();
    text_reader value{found, root, 0};
    read(value, object);
  }
  if (values != 1) throw not_json();
}

void check_json(std::string_view name, std::string_view text) {
  if (failure_of(text)) throw decode_error{std::string{name} + ": not JSON"};
}

std::string write(std::string_view name, const void* value, void (*put)(writer&, const void*)) {
  text_writer out{name};
  put(out, value);
  return out.take();
}

void check_text(std::string_view text) {
  if (text.find('\0') != text.npos || !simdjson::validate_utf8(text.data(), text.size()))
    throw error{"invalid byte sequence for encoding \"UTF8\"", {.sqlstate = "22021", .detail = "Text is UTF-8 without NUL characters."}};
}

void check(std::string_view text) {
  check_text(text);
  if (const auto failure = failure_of(text))
    throw error{"invalid input syntax for type json", {.sqlstate = "22P02", .detail = simdjson::error_message(failure)}};
  for (auto at = text.find("\\u0000"); at != text.npos; at = text.find("\\u0000", at + 1)) {
    auto start = at;
    while (start > 0 && text[start - 1] == '\\') --start;
    if ((at - start) % 2 == 0)  // the backslash is not itself escaped
      throw error{"unsupported Unicode escape sequence", {.sqlstate = "22P05", .detail = "\\u0000 cannot be converted to text."}};
  }
}

void text_writer::put_null() { out_ += "null"; }
void text_writer::put_bool(bool value) { out_ += value ? "true" : "false"; }
void text_writer::put_integer(std::int64_t value) { append_number(out_, value); }
void text_writer::put_unsigned(std::uint64_t value) { append_number(out_, value); }
void text_writer::put_double(double value) {
  if (!std::isfinite(value)) fail("JSON has no NaN and no infinity");
  append_number(out_, value);
}
void text_writer::put_float(float value) {
  if (!std::isfinite(value)) fail("JSON has no NaN and no infinity");
  append_number(out_, value);
}

void text_writer::put_string(std::string_view value) {
  static constexpr char hex[] = "0123456789abcdef";
  if (!simdjson::validate_utf8(value.data(), value.size())) fail("the text is not UTF-8");
  out_ += '"';
  for (const char c : value) {
    switch (c) {
      case '"': out_ += "\\\""; break;
      case '\\': out_ += "\\\\"; break;
      case '\n': out_ += "\\n"; break;
      case '\r': out_ += "\\r"; break;
      case '\t': out_ += "\\t"; break;
      case '\0': fail("PostgreSQL stores no NUL character in text");
      default:
        if (static_cast<unsigned char>(c) >= 0x20)
          out_ += c;
        else
          (out_ += "\\u00") += {hex[c >> 4], hex[c & 15]};
    }
  }
  out_ += '"';
}

void text_writer::put_bytes(std::span<const std::byte> value) {
  out_ += '"';
  append_base64(out_, value);
  out_ += '"';
}

void text_writer::opened(char bracket) {
  out_ += bracket;
  first_ = true;
}

void text_writer::separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

void text_writer::put_key(std::string_view key) {
  separate();
  put_string(key);
  out_ += ':';
}

void text_writer::closed(char bracket) {
  out_ += bracket;
  first_ = false;
}

}  // namespace dcb::inline v0::json
