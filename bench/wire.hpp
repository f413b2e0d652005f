#pragma once

#include <libpq-fe.h>

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// PostgreSQL's binary forms, as far as the statements measured here need them.
namespace bench {

constexpr Oid text_oid = 25;

// Integers are big-endian.
template <std::integral T>
void put(std::string& out, T value) {
  for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<std::make_unsigned_t<T>>(value) >> shift));
}

template <std::integral T>
T get(const char* bytes) {
  std::make_unsigned_t<T> value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = static_cast<std::make_unsigned_t<T>>(value << 8 | static_cast<unsigned char>(bytes[i]));
  return static_cast<T>(value);
}

// A value with its length before it, which is known only when the value is there.
template <class Fill>
void put_sized(std::string& out, Fill fill) {
  const auto start = out.size();
  put<std::int32_t>(out, 0);
  fill();
  std::string length;
  put(length, static_cast<std::int32_t>(out.size() - start - 4));
  out.replace(start, 4, length);
}

inline void put_null(std::string& out) { put<std::int32_t>(out, -1); }

inline void put_text(std::string& out, std::string_view value) {
  put(out, static_cast<std::int32_t>(value.size()));
  out += value;
}

inline void put_int8(std::string& out, std::int64_t value) {
  put<std::int32_t>(out, 8);
  put(out, value);
}

inline void put_jsonb(std::string& out, std::string_view json) {
  put(out, static_cast<std::int32_t>(json.size() + 1));
  out.push_back(1);  // version of the format
  out += json;
}

// What stands before the elements of an array of one dimension; each element comes with its length.
inline void put_array_header(std::string& out, Oid element, std::size_t count) {
  put<std::int32_t>(out, count == 0 ? 0 : 1);
  put<std::int32_t>(out, 0);  // no nulls
  put(out, element);
  if (count == 0) return;
  put(out, static_cast<std::int32_t>(count));
  put<std::int32_t>(out, 1);
}

inline void put_texts(std::string& out, std::span<const std::string_view> values) {
  put_sized(out, [&] {
    put_array_header(out, text_oid, values.size());
    for (const auto value : values) put_text(out, value);
  });
}

// The parameters of one statement, in memory that serves the next one again.
class parameters {
 public:
  void clear() {
    bytes_.clear();
    ends_.clear();
  }

  parameters& null() {
    return add(true, [] {});
  }
  parameters& text(std::string_view value) {
    return add(false, [&] { bytes_ += value; });
  }
  parameters& int8(std::int64_t value) {
    return add(false, [&] { put(bytes_, value); });
  }
  parameters& int4(std::int32_t value) {
    return add(false, [&] { put(bytes_, value); });
  }
  parameters& texts(std::span<const std::string_view> values) {
    return add(false, [&] {
      put_array_header(bytes_, text_oid, values.size());
      for (const auto value : values) put_text(bytes_, value);
    });
  }
  parameters& jsonb(std::string_view json) { return text("\1").extend(json); }

  // A value that `fill` writes to the end of the bytes it is given.
  template <class Fill>
  parameters& raw(Fill fill) {
    return add(false, [&] { fill(bytes_); });
  }

  int count() const { return static_cast<int>(ends_.size()); }

  // In libpq's form; the pointers hold until the next change.
  struct libpq_form {
    std::vector<const char*> values;
    std::vector<int> lengths, formats;
  };
  const libpq_form& in_libpq_form() {
    const auto n = ends_.size();
    form_.values.resize(n);
    form_.lengths.resize(n);
    form_.formats.assign(n, 1);
    std::size_t start = 0;
    for (std::size_t i = 0; i < n; ++i) {
      form_.values[i] = ends_[i].is_null ? nullptr : bytes_.data() + start;
      form_.lengths[i] = static_cast<int>(ends_[i].at - start);
      start = ends_[i].at;
    }
    return form_;
  }

 private:
  struct end {
    std::size_t at;
    bool is_null;
  };

  template <class Fill>
  parameters& add(bool is_null, Fill fill) {
    fill();
    ends_.push_back({bytes_.size(), is_null});
    return *this;
  }
  parameters& extend(std::string_view more) {
    bytes_ += more;
    ends_.back().at = bytes_.size();
    return *this;
  }

  std::string bytes_;
  std::vector<end> ends_;
  libpq_form form_;
};

}  // namespace bench
