#pragma once

#include <dcb/event_log.hpp>
#include <dcb/export.hpp>

#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dcb::inline v0 {

enum class isolation { read_committed, repeatable_read, serializable };

/// One row of a result as text; NULL is nullopt.
using sql_row = std::vector<std::optional<std::string>>;

/// The text form of a statement's parameter; numbers are written so that the same value is read. Other types convert by an overload `to_sql_text` found by argument-dependent lookup.
inline std::optional<std::string> to_sql_text(std::nullopt_t) { return std::nullopt; }
inline std::optional<std::string> to_sql_text(std::string text) { return text; }
inline std::optional<std::string> to_sql_text(std::string_view text) { return std::string{text}; }
inline std::optional<std::string> to_sql_text(const char* text) { return std::string{text}; }
inline std::optional<std::string> to_sql_text(std::same_as<bool> auto value) { return value ? "true" : "false"; }
inline std::optional<std::string> to_sql_text(const uuid& value) { return value.to_string(); }
template <class T>
concept sql_number = (std::integral<T> && !std::same_as<T, bool>) || std::floating_point<T>;
std::optional<std::string> to_sql_text(sql_number auto value) {
  char buffer[128];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}
template <class T>
std::optional<std::string> to_sql_text(const std::optional<T>& value) {
  return value ? to_sql_text(*value) : std::nullopt;
}

/// A transaction of the caller's on one connection of a store's pool: its own statements and an append commit or roll back as one.
/// `append` holds the store's append lock until the end of the transaction, so it is best the last thing before `commit`; `append_at_commit`
/// takes it at the end.
/// After an error of the server, or a timeout, the transaction is broken and can only be rolled back. The connection returns to the pool at
/// the end of it, with the settings it has then: use SET LOCAL.
/// Thread safety: to be used by one thread at a time.
class DCB_EXPORT transaction {
 public:
  transaction(transaction&&) noexcept;
  transaction& operator=(transaction&&) noexcept;  ///< rolls the former transaction back
  ~transaction();                                  ///< rolls back what was not committed

  /// As `event_log::append`, but part of this transaction: durable and seen by others only after `commit`. `in_doubt()` is never set.
  std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition = {}, const call_options& call = {});

  /// The same, but checked, numbered and stored at `commit`, so that the append lock is held up by nothing in between: not seen by this
  /// transaction's reads; what `append` throws is thrown by `commit`.
  void append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition = {}, const call_options& call = {});

  /// As `event_log::read`, within this transaction: sees its own appends. Under repeatable_read and serializable the position answered
  /// belongs to the transaction's snapshot. The sink must not use this transaction.
  std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call = {});

  /// Runs one statement with `$1`, `$2` … and answers its rows. Throws `error` with the server's SQLSTATE.
  template <class... Params>
  std::vector<sql_row> exec(std::string_view sql, const Params&... params) {
    const std::vector<std::optional<std::string>> texts{to_sql_text(params)...};
    return exec_params(sql, texts);
  }
  std::vector<sql_row> exec_params(std::string_view sql, std::span<const std::optional<std::string>> params, const call_options& call = {});

  /// Makes everything durable and visible. Throws what `append_at_commit` left to it, `error` 40001 (serialisation, retryable), 25P02 when an
  /// earlier statement had failed, and `connection_error` with `in_doubt()` when the answer was lost.
  void commit(const call_options& call = {});

  /// Undoes everything. No effect after `commit`. Never throws: a broken connection rolls back as well.
  void rollback() noexcept;

  struct impl;

 private:
  explicit transaction(std::unique_ptr<impl>) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace dcb::inline v0
