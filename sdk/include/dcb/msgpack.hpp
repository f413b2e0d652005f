// MessagePack: the values of json.hpp in a binary notation, by the same reflection and with the same tolerance.
//
// Structs, maps and variants become maps with text as keys, sequences become arrays, enums their names, uuids text, std::vector<std::byte>
// binary. Unlike JSON it holds NaN, infinity and NUL characters. Integers and lengths take their shortest form. When reading, any form of an
// integer, float or length does, and extensions are skipped like any member that the struct does not have.
#pragma once

#include <dcb/export.hpp>
#include <dcb/json.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

namespace msgpack {

class DCB_EXPORT binary_writer final : public json::writer {
 public:
  explicit binary_writer(std::string_view name) : writer(name) {}
  void put_null() override;
  void put_bool(bool value) override;
  void put_integer(std::int64_t value) override;
  void put_unsigned(std::uint64_t value) override;
  void put_double(double value) override;
  void put_float(float value) override;
  void put_string(std::string_view value) override;
  void put_bytes(std::span<const std::byte> value) override;
  void separate() override;
  void put_key(std::string_view key) override;
  std::vector<std::byte> take_bytes() const;

 private:
  // A container whose length is put in front of its elements when it is closed.
  struct container {
    std::size_t begin;
    std::size_t count;
  };
  void opened(char bracket) override;
  void closed(char bracket) override;

  std::vector<container> open_;
};

DCB_EXPORT std::vector<std::byte> write(std::string_view name, const void* value, void (*put)(json::writer&, const void*));

// Reads all the bytes as one value; name is the first part of the path in errors.
DCB_EXPORT void parse(std::string_view name, std::span<const std::byte> bytes, void* object, void (*read)(json::reader&, void*));

// Throws decode_error for an event without payload.
DCB_EXPORT std::span<const std::byte> payload_of(const recorded_event& stored);

}  // namespace msgpack

/// The MessagePack form of a value. Throws `error` DCB03 with the path for text that is not UTF-8.
template <class T>
std::vector<std::byte> to_msgpack(const T& value) {
  return msgpack::write(json::name_of<T>(), &value, &json::put_object<T>);
}

/// The value of a MessagePack form. Throws `decode_error` with the path.
template <class T>
T from_msgpack(std::span<const std::byte> bytes) {
  static_assert(std::default_initializable<T>, "dcb: a type that is read from MessagePack has to be default-constructible");
  T value{};
  msgpack::parse(json::name_of<T>(), bytes, &value, &json::take_object<T>);
  return value;
}

}  // namespace dcb::inline v0
