// What all notations of values share: JSON (json.hpp) and MessagePack (msgpack.hpp) are each a reader and a writer. The templates in json.hpp
// that take a type apart know these alone, so an event type is compiled once, whatever it is stored as.
#pragma once

#include <dcb/event.hpp>
#include <dcb/export.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dcb::inline v0::json {

// Where in the value we are; lives on the stack of the walk.
struct path {
  const path* parent = nullptr;
  std::string_view name{};
  std::optional<std::size_t> index{};

  DCB_EXPORT std::string text() const;
};

class reader;
class writer;

// How values of a type are read and written; one for all members of the type.
struct form {
  void (*read)(reader&, void*);
  void (*write)(writer&, const void*);
  void (*write_empty)(writer&);
};

struct member {
  std::string_view name;
  bool may_be_missing;  // by its type, or listed
  const form* type;
};

// A struct as the compiled code sees it.
struct layout {
  std::span<const member> members;
  void* (*at)(void* object, std::size_t index);                                                // the address of a member
  bool (*with_fresh)(bool (*question)(const layout&, void*, std::size_t), std::size_t index);  // asks of an object made by initialisers alone
};

// Containers within containers, structs included. A bound, since reading and writing recursive types is recursive.
inline constexpr std::size_t max_depth = 256;

// One value that is being read. A value can be read once. Every function throws decode_error if the value is of another type.
class DCB_EXPORT reader {
 public:
  virtual bool take_null() = 0;  // false: it is something else and still to be read
  virtual bool take_bool() = 0;
  virtual std::int64_t take_integer(std::int64_t least, std::int64_t most) = 0;
  virtual std::uint64_t take_unsigned(std::uint64_t most) = 0;
  virtual double take_double() = 0;
  virtual std::string_view take_string() = 0;  // valid until the next value is read
  virtual std::vector<std::byte> take_bytes() = 0;
  virtual std::string take_json() = 0;  // any value, as JSON text
  virtual std::string_view take_enum(std::optional<std::int64_t>& number) = 0;
  virtual std::size_t take_elements(void* container, void (*element)(reader&, std::size_t, void*)) = 0;  // answers how many
  virtual std::size_t take_entries(void* container, void (*entry)(reader&, std::string_view, void*)) = 0;
  float take_float();
  uuid take_uuid();
  void take_object(void* object, const layout& type);
  [[noreturn]] void fail(const std::string& what) const;

 protected:
  reader(const path& at, std::size_t depth) : path_(&at), depth_(depth) {}
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;
  ~reader() = default;
  std::size_t depth_within() const;  // of what this container holds

  const path* path_;
  std::size_t depth_;
};

// Writes values one after the other. Every function throws error DCB03 with the path for what the notation cannot hold.
class DCB_EXPORT writer {
 public:
  virtual void put_null() = 0;
  virtual void put_bool(bool value) = 0;
  virtual void put_integer(std::int64_t value) = 0;
  virtual void put_unsigned(std::uint64_t value) = 0;
  virtual void put_double(double value) = 0;
  virtual void put_float(float value) = 0;
  virtual void put_string(std::string_view value) = 0;
  virtual void put_bytes(std::span<const std::byte> value) = 0;
  virtual void separate() = 0;  // before each element
  virtual void put_key(std::string_view key) = 0;
  void open(char bracket);
  void close(char bracket);
  void put_object(const void* object, const layout& type);
  std::string take() { return std::move(out_); }

 protected:
  explicit writer(std::string_view name) : root_{nullptr, name, {}} {}
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;
  ~writer() = default;
  [[noreturn]] void fail(const std::string& what) const;
  virtual void opened(char bracket) = 0;
  virtual void closed(char bracket) = 0;

  std::string out_;

 private:
  path root_;
  const path* path_ = &root_;
  std::size_t depth_ = 0;
};

}  // namespace dcb::inline v0::json
