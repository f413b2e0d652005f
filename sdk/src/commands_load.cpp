// Loading for decisions in one statement, hence as of one moment: the parts without snapshots as one read, which delivers each event once; each part
// with snapshots through dcb.load. And what keeps such snapshots, and lines in order.

#include "commands.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dcb::inline v0 {
namespace {

// Most boundaries have fewer events; a larger one is read on row by row, so that no load needs much memory.
constexpr std::int64_t max_at_once = 1000;

// More parts with snapshots than this are read from their first event.
constexpr std::size_t max_snapshots = 8;

constexpr statement save_snapshot_sql{
    .sql = "SELECT dcb.save_snapshot($1::text, $2::text, $3::dcb.query, $4::bigint, $5::bytea, $6::bigint)", .name = "dcb_save_snapshot"};
constexpr statement lock_tags_sql{.sql = "SELECT dcb.lock_tags($1::text, $2::text[], $3::bigint * interval '1 millisecond')", .name = "dcb_lock_tags"};

std::string parameter(std::size_t number, const char* type) { return '$' + std::to_string(number) + "::" + type; }

// Columns: the part (-1: the read of all those without snapshots), watermark, state, and those of an event.
std::string load_text(std::size_t snapshots, bool plain) {
  std::string sql;
  for (std::size_t i = 0; i < snapshots; ++i) {
    const auto first = 2 + 3 * i;
    sql += (i > 0 ? " UNION ALL SELECT " : "SELECT ") + std::to_string(i) +
           ", l.watermark, l.state, l.position, l.type, l.tags, l.data, l.payload, l.metadata, l.id, l.recorded_at FROM dcb.load($1::text, " +
           parameter(first, "dcb.query") + ", " + parameter(first + 1, "text") + ", " + parameter(first + 2, "bigint") + ") l";
  }
  if (plain)
    sql += " UNION ALL SELECT -1, NULL, NULL, e.position, e.type, e.tags, e.data, e.payload, e.metadata, e.id, e.recorded_at FROM dcb.read($1::text, " +
           parameter(2 + 3 * snapshots, "dcb.query") + ") e";
  return sql;
}

statement load_sql(std::size_t snapshots, bool plain) {
  struct text {
    std::string sql, name;
  };
  static const auto texts = [] {
    std::array<std::array<text, 2>, max_snapshots + 1> all;
    for (std::size_t n = 1; n <= max_snapshots; ++n)
      for (const bool with : {false, true}) all[n][with] = {load_text(n, with), "dcb_load_" + std::to_string(n) + (with ? "_and_read" : "")};
    return all;
  }();
  const auto& [sql, name] = texts[snapshots][plain];
  return {.sql = sql.c_str(), .name = name.c_str()};
}

// The parts by how they are read.
struct division {
  std::vector<std::size_t> with_snapshots{}, plain{};
  event_query read{};  // of the plain ones

  explicit division(std::span<const load_part> parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!parts[i].snapshot_name.empty() && with_snapshots.size() < max_snapshots) {
        with_snapshots.push_back(i);
      } else {
        plain.push_back(i);
        read |= parts[i].query;
      }
    }
  }

  void fold(std::span<const load_part> parts, load_sink& sink, const recorded_event& event) const {
    if (plain.size() == 1) return sink.fold(plain[0], event);
    for (const auto i : plain)
      if (parts[i].query.matches(event.type, event.tags, event.position, 0)) sink.fold(i, event);
  }
};

event_query beyond(const event_query& query, std::int64_t position) {
  auto items = query.items();
  for (auto& item : items) item.after = std::max(item.after.value_or(0), position);
  return event_query{std::move(items)};
}

}  // namespace

std::int64_t command::load(std::span<const load_part> parts, load_sink& sink) const {
  const division divided{parts};
  if (divided.with_snapshots.empty()) {
    std::int64_t events = 0;
    const event_sink fold = [&](const recorded_event& event) { return ++events, fold_into_parts(parts, sink, event), true; };
    const auto read_upto = read(divided.read, {.max_count = max_at_once}, fold, arrival::at_once);
    return events < max_at_once ? read_upto : read(beyond(divided.read, read_upto), {}, fold);
  }

  parameters values{store};
  for (const auto i : divided.with_snapshots) {
    values.push_back(encode_query(parts[i].query));
    values.push_back(parts[i].snapshot_name);
    values.push_back(encode_int8(parts[i].snapshot_version));
  }
  if (!divided.plain.empty()) values.push_back(encode_query(divided.read));

  std::int64_t read_upto = 0;
  recorded_event event;
  on.stream(load_sql(divided.with_snapshots.size(), !divided.plain.empty()), values, limits, [&](const sql_result& row) {
    constexpr int event_columns = 3;
    const auto part = wire_reader{required(row, 0, 0)}.integer<std::int32_t>();
    if (const auto watermark = row.value(0, 1)) {  // the first row of a part
      read_upto = std::max(read_upto, decode_int8(*watermark));
      if (const auto state = row.value(0, 2))
        sink.restore(divided.with_snapshots[static_cast<std::size_t>(part)], {decode_int8(required(row, 0, event_columns)), std::string{*state}});
      return true;
    }
    decode_event(row, 0, event_columns, event);
    read_upto = std::max(read_upto, event.position);
    part < 0 ? divided.fold(parts, sink, event) : sink.fold(divided.with_snapshots[static_cast<std::size_t>(part)], event);
    return true;
  });
  return read_upto;
}

bool command::save_snapshot(const load_part& part, const saved_state& state) const {
  return decode_bool(only_value(on.run(
      save_snapshot_sql,
      {store, part.snapshot_name, encode_query(part.query), encode_int8(state.position), state.state, encode_int8(part.snapshot_version)}, limits)));
}

void command::lock_tags(const waiting_line& line) const {
  on.run(lock_tags_sql, {store, encode_text_array(line.tags), encode_int8(line.at_most.count())}, limits);
}

}  // namespace dcb::inline v0
