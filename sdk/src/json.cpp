#include <dcb/error.hpp>
#include <dcb/json.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cmath>

namespace dcb::inline v0::json {

namespace ondemand = simdjson::ondemand;

namespace {

ondemand::value& value_at(void* value) { return *static_cast<ondemand::value*>(value); }

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

// Whether a member of a fresh object is something else than its type's empty value.
bool has_initialiser(const layout& type, void* fresh, std::size_t index) {
  const member& about = type.members[index];
  writer initial{about.name};
  writer empty{about.name};
  about.type->write(initial, type.at(fresh, index));
  about.type->write_empty(empty);
  return initial.take() != empty.take();
}

}  // namespace

std::string path::text() const {
  std::string text = parent ? parent->text() : std::string{};
  if (index) return text + '[' + std::to_string(*index) + ']';
  if (!text.empty() && !name.empty()) text += '.';
  return text += name;
}

void reader::fail(const std::string& what) const { throw decode_error{path_->text() + ": " + what}; }

bool reader::take_null() {
  bool null = false;
  return !value_at(value_).is_null().get(null) && null;
}

bool reader::take_bool() {
  bool value = false;
  if (value_at(value_).get_bool().get(value)) fail(expected("a boolean", value_at(value_)));
  return value;
}

std::int64_t reader::take_integer(std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  if (value_at(value_).get_int64().get(value)) fail(expected("an integer of at most 64 bits", value_at(value_)));
  if (value < least || value > most)
    fail("expected an integer from " + std::to_string(least) + " to " + std::to_string(most) + ", found " + std::to_string(value));
  return value;
}

std::uint64_t reader::take_unsigned(std::uint64_t most) {
  std::uint64_t value = 0;
  if (value_at(value_).get_uint64().get(value)) fail(expected("an integer from 0 to " + std::to_string(most), value_at(value_)));
  if (value > most) fail("expected an integer from 0 to " + std::to_string(most) + ", found " + std::to_string(value));
  return value;
}

double reader::take_double() {
  double value = 0;
  if (value_at(value_).get_double().get(value)) fail(expected("a number that a double can hold", value_at(value_)));
  return value;
}

std::string_view reader::take_string() {
  std::string_view value;
  if (value_at(value_).get_string().get(value)) fail(expected("a string", value_at(value_)));
  return value;
}

std::string_view reader::take_enum(std::optional<std::int64_t>& number) {
  ondemand::json_type type{};
  if (value_at(value_).type().get(type)) fail("not JSON");
  if (type == ondemand::json_type::string) return take_string();
  if (type != ondemand::json_type::number) fail(expected("the name of an enumerator", value_at(value_)));
  number = take_integer(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  return {};
}

std::size_t reader::take_entries(void* container, void (*entry)(reader&, std::string_view, void*)) {
  ondemand::object object;
  if (value_at(value_).get_object().get(object)) fail(expected("an object", value_at(value_)));
  std::size_t count = 0;
  for (auto each : object) {
    ondemand::field field;
    std::string_view unescaped;
    if (std::move(each).get(field) || field.unescaped_key().get(unescaped)) fail("not JSON");
    const std::string key{unescaped};
    path here{path_, key, {}};
    reader value{&field.value(), here};
    entry(value, key, container);
    ++count;
  }
  return count;
}

std::size_t reader::take_elements(void* container, void (*element)(reader&, std::size_t, void*)) {
  ondemand::array array;
  if (value_at(value_).get_array().get(array)) fail(expected("an array", value_at(value_)));
  std::size_t count = 0;
  for (auto each : array) {
    path here{path_, {}, count};
    ondemand::value found;
    if (std::move(each).get(found)) fail("not JSON");
    reader value{&found, here};
    element(value, count, container);
    ++count;
  }
  return count;
}

void reader::take_object(void* object, const layout& type) {
  struct walk {
    void* object;
    const layout& type;
    std::array<bool, reflect::max_members> seen{};
  } walked{object, type};
  take_entries(&walked, [](reader& value, std::string_view key, void* context) {
    auto& [object, type, seen] = *static_cast<walk*>(context);
    for (std::size_t i = 0; i < type.members.size(); ++i) {
      if (type.members[i].name != key) continue;
      type.members[i].type->read(value, type.at(object, i));
      seen[i] = true;
      return;
    }
  });
  for (std::size_t i = 0; i < type.members.size(); ++i) {
    if (walked.seen[i] || type.members[i].may_be_missing || type.with_fresh(has_initialiser, i)) continue;
    throw decode_error{path{path_, type.members[i].name, {}}.text() + ": missing",
                       {.hint = "Make the member a std::optional, or name it in `defaulted`, so that older events can be read."}};
  }
}

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

  path root{nullptr, name, {}};
  wrap(kept.text, text);
  ondemand::document document;
  ondemand::array array;
  auto not_json = [&]() { return decode_error{std::string{name} + ": not JSON"}; };
  if (kept.parser.iterate(kept.text, kept.text.capacity()).get(document) || document.get_array().get(array)) throw not_json();
  std::size_t values = 0;
  for (auto each : array) {
    ondemand::value found;
    if (std::move(each).get(found) || ++values > 1) throw not_json();
    reader value{&found, root};
    read(value, object);
  }
  if (values != 1) throw not_json();
}

void check_text(std::string_view text) {
  if (text.find('\0') != text.npos || !simdjson::validate_utf8(text.data(), text.size()))
    throw error{"invalid byte sequence for encoding \"UTF8\"", {.sqlstate = "22021", .detail = "Text is UTF-8 without NUL characters."}};
}

void check(std::string_view text) {
  check_text(text);
  simdjson::dom::parser parser;
  std::string buffer;
  wrap(buffer, text);
  simdjson::dom::array array;
  const auto failure = parser.parse(buffer).get(array);
  // NUMBER_ERROR: a number beyond 64 bits and doubles is JSON all the same.
  if (failure != simdjson::NUMBER_ERROR && (failure || array.size() != 1))
    throw error{"invalid input syntax for type json", {.sqlstate = "22P02", .detail = simdjson::error_message(failure)}};
  for (auto at = text.find("\\u0000"); at != text.npos; at = text.find("\\u0000", at + 1)) {
    auto start = at;
    while (start > 0 && text[start - 1] == '\\') --start;
    if ((at - start) % 2 == 0)  // the backslash is not itself escaped
      throw error{"unsupported Unicode escape sequence", {.sqlstate = "22P05", .detail = "\\u0000 cannot be converted to text."}};
  }
}

void writer::fail(const std::string& what) const { throw error{path_->text() + ": " + what, {.sqlstate = "DCB03"}}; }

void writer::put_integer(std::int64_t value) { append_number(text_, value); }
void writer::put_unsigned(std::uint64_t value) { append_number(text_, value); }
void writer::put_double(double value) {
  if (!std::isfinite(value)) fail("JSON has no NaN and no infinity");
  append_number(text_, value);
}
void writer::put_float(float value) {
  if (!std::isfinite(value)) fail("JSON has no NaN and no infinity");
  append_number(text_, value);
}

void writer::put_string(std::string_view value) {
  static constexpr char hex[] = "0123456789abcdef";
  if (!simdjson::validate_utf8(value.data(), value.size())) fail("the text is not UTF-8");
  text_ += '"';
  for (const char c : value) {
    switch (c) {
      case '"': text_ += "\\\""; break;
      case '\\': text_ += "\\\\"; break;
      case '\n': text_ += "\\n"; break;
      case '\r': text_ += "\\r"; break;
      case '\t': text_ += "\\t"; break;
      case '\0': fail("PostgreSQL stores no NUL character in text");
      default:
        if (static_cast<unsigned char>(c) >= 0x20)
          text_ += c;
        else
          (text_ += "\\u00") += {hex[c >> 4], hex[c & 15]};
    }
  }
  text_ += '"';
}

void writer::put_object(const void* object, const layout& type) {
  const path* const outer = path_;
  open('{');
  for (std::size_t i = 0; i < type.members.size(); ++i) {
    const path here{outer, type.members[i].name, {}};
    path_ = &here;
    put_key(type.members[i].name);
    type.members[i].type->write(*this, type.at(const_cast<void*>(object), i));  // which only finds the member
  }
  path_ = outer;
  close('}');
}

void writer::open(char bracket) {
  text_ += bracket;
  first_ = true;
}

void writer::separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

void writer::put_key(std::string_view key) {
  separate();
  put_string(key);
  text_ += ':';
}

void writer::close(char bracket) {
  text_ += bracket;
  first_ = false;
}

}  // namespace dcb::inline v0::json
