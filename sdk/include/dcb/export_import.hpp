// A log as a file of JSON lines, one event a line in order of position, and back:
//   {"position":7,"type":"ItemAdded","tags":["cart:ann"],"data":{"quantity":2},"id":"0198…","recorded_at":"2026-11-21T08:00:00.000001Z"}
// besides, where an event has them, "payload" (base64) and "metadata". Only "type" is needed to import a line; an unknown member is refused.
#pragma once

#include <dcb/event_log.hpp>
#include <dcb/export.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace dcb::inline v0 {

/// How far an export or import is.
struct transfer_progress {
  std::int64_t events = 0;
  std::int64_t position = 0;  ///< of the last event
  std::int64_t last = 0;      ///< the position that an export goes up to
  std::uint64_t bytes = 0;    ///< of lines written or read
};
/// Called now and then, and at the end.
using progress_function = std::function<void(const transfer_progress&)>;

struct export_options {
  event_query query = event_query::all();
  std::int64_t after = 0;
  std::optional<std::int64_t> upto{};  ///< none: what is there when the export begins
  progress_function progress{};
  call_options call{};
};

/// One event as a line, without the line's end.
DCB_EXPORT std::string to_line(const recorded_event& event);

/// The event of such a line, without position and time, which only a store gives. Throws `decode_error`; `place` begins the path in it.
DCB_EXPORT new_event from_line(std::string_view line, std::string_view place = "line");

/// Writes the matching events; answers the last of its progress. Memory does not grow with their number. Throws what `event_log::read` throws, and
/// `error` 58030 when the stream takes no more.
DCB_EXPORT transfer_progress export_events(event_log& log, std::ostream& to, const export_options& options = {});

enum class positions {
  renumbered,  ///< behind what the log holds, in the file's order
  kept,        ///< the lines' positions: they have to follow the log's last event and each other without a gap
};

struct import_options {
  positions numbering = positions::renumbered;
  std::size_t batch = 1000;  ///< events of one append, at most; and about 8 MB of lines
  bool with_origin = false;  ///< keep each line's position and time: metadata "origin": {"position": …, "recorded_at": …}
  std::string name{};        ///< of this import; the same file under another name is imported once more
  progress_function progress{};
  call_options call{};  ///< for each append; its append id is not used
};

/// Appends the events of the lines, in batches, each all or nothing. An import that broke off, or whose outcome is in doubt, is called again with the same file,
/// name and batch size: each batch has an append id made of all that was read so far, so what has arrived already is not appended twice.
/// `recorded_at` is always the time of the import: a store's clock never runs backwards, and only the server sets it.
/// Throws what `event_log::append` throws (with positions kept: `conflict` or DCB09 when the log does not end where the file begins), and
/// `decode_error` with the line's number; what stands before the batch of that line has been appended.
DCB_EXPORT transfer_progress import_events(event_log& log, std::istream& from, const import_options& options = {});

}  // namespace dcb::inline v0
