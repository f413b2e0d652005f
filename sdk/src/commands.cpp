#include "commands.hpp"

#include <dcb/error.hpp>

#include <algorithm>

namespace dcb::inline v0 {
namespace {

constexpr statement submit_sql{.sql = "CALL dcb.submit($1::text, $2::dcb.new_event[], $3::dcb.query, $4::bigint, $5::uuid, NULL::bigint)",
                               .name = "dcb_submit",
                               .commits = true};

constexpr statement submit_many_sql{
    .sql = "CALL dcb.submit_many($1::text, $2::dcb.command[], NULL::dcb.outcome[])", .name = "dcb_submit_many", .commits = true};

constexpr statement append_sql{.sql = "SELECT dcb.append($1::text, $2::dcb.new_event[], $3::dcb.query, $4::bigint, $5::uuid)", .name = "dcb_append"};

constexpr statement append_at_commit_sql{
    .sql = "SELECT dcb.append_at_commit($1::text, $2::dcb.new_event[], $3::dcb.query, $4::bigint, $5::uuid)", .name = "dcb_append_at_commit"};

// One statement, one snapshot: the watermark belongs to the rows. Unlike the head it does not wait for other sessions' flushes.
constexpr statement read_sql{.sql =
                                 "SELECT log.watermark, e.position, e.type, e.tags, e.data, e.payload, e.metadata, e.id, e.recorded_at "
                                 "FROM (SELECT dcb.watermark($1::text) AS watermark OFFSET 0) log "
                                 "LEFT JOIN dcb.read($1::text, $2::dcb.query, $3::bigint, $4::bigint, $5::boolean, $6::bigint) e ON true",
                             .name = "dcb_read"};

constexpr statement head_sql{.sql = "SELECT dcb.head($1::text)", .name = "dcb_head"};
constexpr statement exists_sql{.sql = "SELECT dcb.exists($1::text, $2::dcb.query, $3::bigint)", .name = "dcb_exists"};
constexpr statement count_sql{.sql = "SELECT dcb.count($1::text, $2::dcb.query, $3::bigint)", .name = "dcb_count"};
constexpr statement last_sql{.sql = "SELECT dcb.last($1::text, $2::dcb.query)", .name = "dcb_last"};
constexpr statement position_at_sql{.sql = "SELECT dcb.position_at($1::text, $2::timestamptz)", .name = "dcb_position_at"};

std::optional<std::string> encode_optional(std::optional<std::int64_t> value) { return value ? std::optional{encode_int8(*value)} : std::nullopt; }

parameters append_parameters(const command& with, std::span<const new_event> events, const std::optional<append_condition>& condition,
                             const std::optional<uuid>& append_id) {
  return {with.store, encode_events(events, with.on.types(with.limits).new_event),
          condition ? std::optional{encode_query(condition->fail_if_events_match)} : std::nullopt, encode_int8(condition ? condition->after : 0),
          append_id ? std::optional{encode_uuid(*append_id)} : std::nullopt};
}

}  // namespace

std::string_view only_value(const sql_result& answer) {
  const auto value = answer.rows() == 1 ? answer.value(0, 0) : std::nullopt;
  if (!value) throw decode_error("the server gave no answer where one was expected");
  return *value;
}

std::string_view required(const sql_result& answer, int row, int column) {
  const auto value = answer.value(row, column);
  if (!value) throw decode_error("an event without " + std::string{answer.column_name(column)});
  return *value;
}

void decode_event(const sql_result& answer, int row, int first, recorded_event& into) {
  into.position = decode_int8(required(answer, row, first));
  into.type = required(answer, row, first + 1);
  decode_text_array(required(answer, row, first + 2), into.tags);
  into.data = decode_jsonb(required(answer, row, first + 3));
  into.payload.reset();
  if (const auto payload = answer.value(row, first + 4)) {
    const auto* const begin = reinterpret_cast<const std::byte*>(payload->data());
    into.payload.emplace(begin, begin + payload->size());
  }
  into.metadata.reset();
  if (const auto metadata = answer.value(row, first + 5)) into.metadata = decode_jsonb(*metadata);
  into.id.reset();
  if (const auto id = answer.value(row, first + 6)) into.id = decode_uuid(*id);
  into.recorded_at = decode_timestamp(required(answer, row, first + 7));
}

std::vector<sql_row> text_rows(const sql_result& answer) {
  std::vector<sql_row> rows(static_cast<std::size_t>(answer.rows()));
  for (int i = 0; i < answer.rows(); ++i)
    for (int column = 0; column < answer.columns(); ++column) rows[static_cast<std::size_t>(i)].emplace_back(answer.value(i, column));
  return rows;
}

std::int64_t command::append(way how, std::span<const new_event> events, const std::optional<append_condition>& condition,
                             const std::optional<uuid>& append_id) const {
  return decode_int8(only_value(on.run(how == way::submit ? submit_sql : append_sql, append_parameters(*this, events, condition, append_id), limits)));
}

void command::append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition,
                               const std::optional<uuid>& append_id) const {
  on.run(append_at_commit_sql, append_parameters(*this, events, condition, append_id), limits);
}

std::vector<append_outcome> command::submit_many(std::span<const append_command> commands) const {
  auto outcomes = decode_outcomes(only_value(on.run(submit_many_sql, {store, encode_commands(commands, on.types(limits))}, limits)));
  if (outcomes.size() != commands.size()) throw decode_error("the server gave another number of outcomes than it was sent commands");
  return outcomes;
}

std::int64_t command::read(const event_query& query, const read_options& options, const event_sink& sink, arrival rows) const {
  const parameters values{store,
                          encode_query(query),
                          encode_int8(options.after),
                          encode_optional(options.max_count),
                          encode_bool(options.backwards),
                          encode_optional(options.upto)};
  read_progress progress;
  recorded_event event;
  const auto take = [&](const sql_result& answer, int row) {
    progress.head = std::max(progress.head, decode_int8(required(answer, row, 0)));
    if (!answer.value(row, 1)) return true;  // nothing matches: the watermark stands alone
    decode_event(answer, row, 1, event);
    progress.head = std::max(progress.head, event.position);
    ++progress.delivered;
    progress.last_position = event.position;
    progress.stopped = !sink(event);
    return !progress.stopped;
  };
  if (rows == arrival::row_by_row) {
    on.stream(read_sql, values, limits, [&](const sql_result& row) { return take(row, 0); });
  } else {
    const auto answer = on.run(read_sql, values, limits);
    for (int row = 0; row < answer.rows() && take(answer, row); ++row) continue;
  }
  return vouched_position(options, progress);
}

std::int64_t command::head() const { return decode_int8(only_value(on.run(head_sql, {store}, limits))); }

bool command::exists(const event_query& query, std::int64_t after) const {
  return decode_bool(only_value(on.run(exists_sql, {store, encode_query(query), encode_int8(after)}, limits)));
}

std::int64_t command::count(const event_query& query, std::int64_t after) const {
  return decode_int8(only_value(on.run(count_sql, {store, encode_query(query), encode_int8(after)}, limits)));
}

std::optional<std::int64_t> command::last(const event_query& query) const {
  const auto answer = on.run(last_sql, {store, encode_query(query)}, limits);
  const auto position = answer.value(0, 0);
  return position ? std::optional{decode_int8(*position)} : std::nullopt;
}

std::int64_t command::position_at(timestamp time) const {
  return decode_int8(only_value(on.run(position_at_sql, {store, encode_timestamp(time)}, limits)));
}

}  // namespace dcb::inline v0
