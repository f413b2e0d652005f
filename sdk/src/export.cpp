#include <dcb/error.hpp>
#include <dcb/export_import.hpp>
#include <dcb/json.hpp>

#include "base64.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ostream>

namespace dcb::inline v0 {
namespace {

// ISO 8601 in UTC with microseconds.
std::string time_text(timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                                   static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                                   static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

// JSON text is one line once its line ends are blanks: strings have none.
void append_json(std::string& line, std::string_view json) {
  for (const char c : json) line += c == '\n' || c == '\r' ? ' ' : c;
}

std::string quoted(std::string_view text) {
  json::text_writer out{"an event"};
  out.put_string(text);
  return out.take();
}

}  // namespace

std::string to_line(const recorded_event& event) {
  std::string line = "{\"position\":" + std::to_string(event.position) + ",\"type\":" + quoted(event.type) + ",\"tags\":[";
  for (const auto& tag : event.tags) {
    if (line.back() != '[') line += ',';
    line += quoted(tag);
  }
  line += "],\"data\":";
  append_json(line, event.data);
  if (event.payload) {
    line += ",\"payload\":\"";
    append_base64(line, *event.payload);
    line += '"';
  }
  if (event.metadata) append_json(line += ",\"metadata\":", *event.metadata);
  if (event.id) line += ",\"id\":\"" + event.id->to_string() + '"';
  return line += ",\"recorded_at\":\"" + time_text(event.recorded_at) + "\"}";
}

transfer_progress export_events(event_log& log, std::ostream& to, const export_options& options) {
  constexpr std::int64_t often = 1000;
  transfer_progress done{.last = options.upto ? *options.upto : log.head(options.call)};
  log.read(
      options.query, {.after = options.after, .upto = done.last},
      [&](const recorded_event& event) {
        const auto line = to_line(event) + '\n';
        if (!to.write(line.data(), static_cast<std::streamsize>(line.size())))
          throw error{"the export could not be written", {.sqlstate = "58030", .detail = "Its last event is " + std::to_string(done.position) + '.'}};
        ++done.events;
        done.position = event.position;
        done.bytes += line.size();
        if (options.progress && done.events % often == 0) options.progress(done);
        return true;
      },
      options.call);
  if (!to.flush()) throw error{"the export could not be written", {.sqlstate = "58030"}};
  if (options.progress) options.progress(done);
  return done;
}

}  // namespace dcb::inline v0
