#include <dcb/error.hpp>
#include <dcb/msgpack.hpp>

#include <simdjson.h>

#include <bit>
#include <cmath>
#include <limits>
#include <optional>

namespace dcb::inline v0::msgpack {
namespace {

enum class kind { null, boolean, integer, real, text, binary, array, map, extension };

constexpr std::string_view name_of(kind of) {
  constexpr std::string_view names[] = {"null",   "a boolean", "an integer", "a real number", "a string",
                                        "binary", "an array",  "an object",  "an extension"};
  return names[static_cast<std::size_t>(of)];
}

// The head of a value: what stands before text, bytes or elements. Scalars are heads alone.
struct head {
  kind is = kind::null;
  bool negative = false;     // an integer below 0, whose two's complement `number` holds
  std::uint64_t number = 0;  // of a boolean or an integer
  double real = 0;
  std::size_t length = 0;  // bytes of text, binary, extension; elements of arrays; entries of maps
};

class cursor {
 public:
  cursor(std::string_view bytes) : rest_(bytes) {}

  std::string_view rest() const { return rest_; }
  bool at_end() const { return rest_.empty(); }

  // Nothing when the bytes end too early or are no MessagePack.
  std::optional<std::string_view> bytes(std::size_t count) {
    if (count > rest_.size()) return {};
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::optional<head> next() {
    const auto first = bytes(1);
    if (!first) return {};
    const auto tag = static_cast<unsigned char>(first->front());
    if (tag < 0x80) return head{.is = kind::integer, .number = tag};
    if (tag < 0x90) return head{.is = kind::map, .length = tag & 0x0fu};
    if (tag < 0xa0) return head{.is = kind::array, .length = tag & 0x0fu};
    if (tag < 0xc0) return head{.is = kind::text, .length = tag & 0x1fu};
    if (tag >= 0xe0) return signed_integer(static_cast<std::int8_t>(tag));
    switch (tag) {
      case 0xc0: return head{};
      case 0xc2: return head{.is = kind::boolean, .number = 0};
      case 0xc3: return head{.is = kind::boolean, .number = 1};
      case 0xc4: return with_length(kind::binary, 1);
      case 0xc5: return with_length(kind::binary, 2);
      case 0xc6: return with_length(kind::binary, 4);
      case 0xc7: return with_length(kind::extension, 1, 1);
      case 0xc8: return with_length(kind::extension, 2, 1);
      case 0xc9: return with_length(kind::extension, 4, 1);
      case 0xca: return real_number(4);
      case 0xcb: return real_number(8);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf: return unsigned_integer(1u << (tag - 0xcc));
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3: return signed_bytes(1u << (tag - 0xd0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8: return head{.is = kind::extension, .length = (1u << (tag - 0xd4)) + 1};
      case 0xd9: return with_length(kind::text, 1);
      case 0xda: return with_length(kind::text, 2);
      case 0xdb: return with_length(kind::text, 4);
      case 0xdc: return with_length(kind::array, 2);
      case 0xdd: return with_length(kind::array, 4);
      case 0xde: return with_length(kind::map, 2);
      case 0xdf: return with_length(kind::map, 4);
      default: return {};  // 0xc1, which the specification never uses
    }
  }

  // Steps over one value; however deep it is, this is a loop.
  bool skip() {
    for (std::uint64_t values = 1; values > 0; --values) {
      const auto value = next();
      if (!value) return false;
      if (value->is == kind::array) values += value->length;
      if (value->is == kind::map) values += 2 * static_cast<std::uint64_t>(value->length);
      const bool has_bytes = value->is == kind::text || value->is == kind::binary || value->is == kind::extension;
      if (has_bytes && !bytes(value->length)) return false;
    }
    return true;
  }

 private:
  std::optional<std::uint64_t> big_endian(std::size_t count) {
    const auto digits = bytes(count);
    if (!digits) return {};
    std::uint64_t value = 0;
    for (const char c : *digits) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::optional<head> with_length(kind is, std::size_t count, std::size_t more = 0) {
    const auto length = big_endian(count);
    if (!length) return {};
    return head{.is = is, .length = static_cast<std::size_t>(*length) + more};  // an extension's type is one byte more
  }
  static head signed_integer(std::int64_t value) {
    return head{.is = kind::integer, .negative = value < 0, .number = static_cast<std::uint64_t>(value)};
  }
  std::optional<head> signed_bytes(std::size_t count) {
    const auto value = big_endian(count);
    if (!value) return {};
    const int unused = 64 - 8 * static_cast<int>(count);
    return signed_integer(static_cast<std::int64_t>(*value << unused) >> unused);
  }
  std::optional<head> unsigned_integer(std::size_t count) {
    const auto value = big_endian(count);
    if (!value) return {};
    return head{.is = kind::integer, .number = *value};
  }
  std::optional<head> real_number(std::size_t count) {
    const auto bits = big_endian(count);
    if (!bits) return {};
    return head{.is = kind::real,
                .real = count == 4 ? double{std::bit_cast<float>(static_cast<std::uint32_t>(*bits))} : std::bit_cast<double>(*bits)};
  }

  std::string_view rest_;
};

std::string described(const head& value) {
  if (value.is == kind::integer) return value.negative ? std::to_string(static_cast<std::int64_t>(value.number)) : std::to_string(value.number);
  if (value.is == kind::real) return std::to_string(value.real);
  return std::string{name_of(value.is)};
}

class binary_reader final : public json::reader {
 public:
  binary_reader(cursor& in, const json::path& at, std::size_t depth) : reader(at, depth), in_(in) {}

  bool take_null() override {
    if (in_.rest().empty() || in_.rest().front() != '\xc0') return false;
    in_.bytes(1);
    return true;
  }

  bool take_bool() override { return expect(kind::boolean, "a boolean").number != 0; }

  std::int64_t take_integer(std::int64_t least, std::int64_t most) override {
    const auto value = expect(kind::integer, "an integer of at most 64 bits");
    const auto number = static_cast<std::int64_t>(value.number);
    if (!value.negative && number < 0) fail("expected an integer of at most 64 bits, found " + described(value));
    if (number < least || number > most)
      fail("expected an integer from " + std::to_string(least) + " to " + std::to_string(most) + ", found " + described(value));
    return number;
  }

  std::uint64_t take_unsigned(std::uint64_t most) override {
    const std::string range = "an integer from 0 to " + std::to_string(most);
    const auto value = expect(kind::integer, range);
    if (value.negative || value.number > most) fail("expected " + range + ", found " + described(value));
    return value.number;
  }

  double take_double() override {
    const auto value = next();
    if (value.is == kind::real) return value.real;
    if (value.is != kind::integer) fail("expected a number that a double can hold, found " + described(value));
    return value.negative ? static_cast<double>(static_cast<std::int64_t>(value.number)) : static_cast<double>(value.number);
  }

  std::string_view take_string() override { return text(expect(kind::text, "a string")); }

  std::vector<std::byte> take_bytes() override {
    const auto bytes = content(expect(kind::binary, "binary"));
    const auto* const begin = reinterpret_cast<const std::byte*>(bytes.data());
    return {begin, begin + bytes.size()};
  }

  // NaN and infinity become null, binary base64: what JSON has no form for.
  std::string take_json() override {
    json::text_writer out{path_->text()};
    write_to(out);
    return out.take();
  }

  std::string_view take_enum(std::optional<std::int64_t>& number) override {
    const auto value = peek();
    if (value.is == kind::text) return take_string();
    if (value.is != kind::integer) fail("expected the name of an enumerator, found " + described(value));
    number = take_integer(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
    return {};
  }

  std::size_t take_elements(void* container, void (*element)(reader&, std::size_t, void*)) override {
    const auto array = expect(kind::array, "an array");
    const std::size_t depth = depth_within();
    for (std::size_t i = 0; i < array.length; ++i) {
      const json::path here{path_, {}, i};
      read_or_skip(here, depth, [&](reader& value) { element(value, i, container); });
    }
    return array.length;
  }

  std::size_t take_entries(void* container, void (*entry)(reader&, std::string_view, void*)) override {
    const auto map = expect(kind::map, "an object");
    const std::size_t depth = depth_within();
    for (std::size_t i = 0; i < map.length; ++i) {
      const std::string key = take_key();
      const json::path here{path_, key, {}};
      read_or_skip(here, depth, [&](reader& value) { entry(value, key, container); });
    }
    return map.length;
  }

 private:
  void write_to(json::writer& out) {
    const auto value = peek();
    if (value.is == kind::array) {
      out.open('[');
      take_elements(&out, [](reader& element, std::size_t, void* to) {
        static_cast<json::writer*>(to)->separate();
        static_cast<binary_reader&>(element).write_to(*static_cast<json::writer*>(to));
      });
      return out.close(']');
    }
    if (value.is == kind::map) {
      out.open('{');
      take_entries(&out, [](reader& entry, std::string_view key, void* to) {
        static_cast<json::writer*>(to)->put_key(key);
        static_cast<binary_reader&>(entry).write_to(*static_cast<json::writer*>(to));
      });
      return out.close('}');
    }
    next();
    switch (value.is) {
      case kind::boolean: return out.put_bool(value.number != 0);
      case kind::integer: return value.negative ? out.put_integer(static_cast<std::int64_t>(value.number)) : out.put_unsigned(value.number);
      case kind::real: return std::isfinite(value.real) ? out.put_double(value.real) : out.put_null();
      case kind::text: return out.put_string(text(value));
      case kind::binary: return out.put_bytes(std::as_bytes(std::span{content(value)}));
      case kind::extension: return out.put_bytes(std::as_bytes(std::span{content(value)}));
      default: return out.put_null();
    }
  }
  head peek() {
    cursor ahead = in_;
    const auto value = ahead.next();
    if (!value) fail("not MessagePack");
    return *value;
  }
  head next() {
    const auto value = in_.next();
    if (!value) fail("not MessagePack");
    return *value;
  }
  head expect(kind wanted, std::string_view what) {
    const auto value = next();
    if (value.is != wanted) fail("expected " + std::string{what} + ", found " + described(value));
    return value;
  }
  std::string_view content(const head& value) {
    const auto bytes = in_.bytes(value.length);
    if (!bytes) fail("not MessagePack");
    return *bytes;
  }
  std::string_view text(const head& value) {
    const auto bytes = content(value);
    if (!simdjson::validate_utf8(bytes.data(), bytes.size())) fail("the text is not UTF-8");
    return bytes;
  }
  // Other writers use numbers as keys of maps.
  std::string take_key() {
    const auto value = next();
    if (value.is == kind::text) return std::string{text(value)};
    if (value.is == kind::integer) return described(value);
    fail("expected text or a number as key, found " + described(value));
  }
  // A value that the function does not want is left where it is.
  template <class Function>
  void read_or_skip(const json::path& here, std::size_t depth, const Function& function) {
    const auto before = in_.rest().size();
    binary_reader value{in_, here, depth};
    function(value);
    if (in_.rest().size() == before && !in_.skip()) value.fail("not MessagePack");
  }

  cursor& in_;
};

}  // namespace

void parse(std::string_view name, std::span<const std::byte> bytes, void* object, void (*read)(json::reader&, void*)) {
  cursor in{{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  const json::path root{nullptr, name, {}};
  binary_reader value{in, root, 0};
  read(value, object);
  if (!in.at_end()) value.fail("not MessagePack: something follows the value");
}

std::span<const std::byte> payload_of(const recorded_event& stored) {
  if (!stored.payload) throw decode_error{stored.type + ": no payload, where MessagePack was expected"};
  return *stored.payload;
}

}  // namespace dcb::inline v0::msgpack
