#pragma once

// The SQL of the SDK: what is asked of the functions of schema dcb on one connection, whether it is in a transaction block or not.

#include "connection.hpp"

#include <dcb/event_log.hpp>
#include <dcb/transaction.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// One connection, the store, and the limits of the call.
struct command {
  connection& on;
  const std::string& store;
  const call_limits& limits;

  enum class way {
    submit,  ///< a transaction of its own
    join     ///< part of the transaction that is open
  };
  std::int64_t append(way how, std::span<const new_event> events, const std::optional<append_condition>& condition,
                      const std::optional<uuid>& append_id) const;
  void append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition,
                        const std::optional<uuid>& append_id) const;
  enum class arrival {
    row_by_row,  ///< in bounded memory, however many they are
    at_once      ///< cheaper for each row; for answers that are known to be small
  };
  std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, arrival rows = arrival::row_by_row) const;
  std::int64_t head() const;
  bool exists(const event_query& query, std::int64_t after) const;
  std::int64_t count(const event_query& query, std::int64_t after) const;
  std::optional<std::int64_t> last(const event_query& query) const;
  std::int64_t position_at(timestamp time) const;
  std::int64_t load(std::span<const load_part> parts, load_sink& sink) const;
  bool save_snapshot(const load_part& part, const saved_state& state) const;
  std::vector<append_outcome> submit_many(std::span<const append_command> commands) const;
  void lock_tags(const waiting_line& line) const;
};

/// The one value of an answer. Throws `decode_error` if there is none.
std::string_view only_value(const sql_result& answer);
std::string_view required(const sql_result& answer, int row, int column);

/// The event whose columns begin at `first`, into one whose memory is used again.
void decode_event(const sql_result& answer, int row, int first, recorded_event& into);

/// All rows of an answer in text form.
std::vector<sql_row> text_rows(const sql_result& answer);

}  // namespace dcb::inline v0
