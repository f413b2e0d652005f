#pragma once

#include <dcb/export.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dcb::inline v0 {

/// What an error tells besides its message.
struct error_info {
  std::string sqlstate{};  ///< five characters, or empty when no server was involved
  std::string detail{};
  std::string hint{};
  bool retryable = false;
  bool in_doubt = false;
};

/// The root of everything the SDK throws on its own account. Subclasses exist only where callers catch them apart.
/// Thread safety: immutable once thrown.
class DCB_EXPORT error : public std::runtime_error {
 public:
  explicit error(const std::string& message, error_info info = {});
  error(const error&);
  error& operator=(const error&);
  ~error() override;

  /// The server's SQLSTATE (`DCB01` …), or empty when no server was involved.
  std::string_view sqlstate() const noexcept { return info_.sqlstate; }
  /// The same call may succeed when it is tried again as it is, or, for a decision, after reading again.
  bool retryable() const noexcept { return info_.retryable; }
  /// An append or commit was sent and its outcome is unknown. Sending it again with the same append id is safe.
  bool in_doubt() const noexcept { return info_.in_doubt; }
  std::string_view detail() const noexcept { return info_.detail; }
  std::string_view hint() const noexcept { return info_.hint; }

 private:
  error_info info_;
};

/// An event that the append's condition excludes has been appended meanwhile (`DCB01`). Retryable: read and decide again.
class DCB_EXPORT conflict : public error {
 public:
  explicit conflict(const std::string& message, error_info info = {}, std::optional<std::int64_t> position = {});
  conflict(const conflict&);
  conflict& operator=(const conflict&);
  ~conflict() override;

  /// The position of the first event that matched the condition, if the server named it.
  std::optional<std::int64_t> position() const noexcept { return position_; }

 private:
  std::optional<std::int64_t> position_;
};

/// No connection could be made, or it was lost. Retryable unless `in_doubt()`.
class DCB_EXPORT connection_error : public error {
 public:
  using error::error;
  connection_error(const connection_error&);
  connection_error& operator=(const connection_error&);
  ~connection_error() override;
};

/// The call's timeout, the pool's or the server's lock timeout ran out.
class DCB_EXPORT timeout : public error {
 public:
  using error::error;
  timeout(const timeout&);
  timeout& operator=(const timeout&);
  ~timeout() override;
};

/// The call's stop token was triggered, or somebody else cancelled the statement (`57014`).
class DCB_EXPORT cancelled : public error {
 public:
  using error::error;
  cancelled(const cancelled&);
  cancelled& operator=(const cancelled&);
  ~cancelled() override;
};

/// An answer or a stored event does not have the form that was expected.
class DCB_EXPORT decode_error : public error {
 public:
  using error::error;
  decode_error(const decode_error&);
  decode_error& operator=(const decode_error&);
  ~decode_error() override;
};

}  // namespace dcb::inline v0
