// Appending and reading events.

#include "session.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

namespace tool {
namespace {

std::vector<std::byte> contents_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  if (!file.is_open() || file.bad()) throw dcb::error{"cannot read " + path, {.sqlstate = "58030"}};
  const auto* const begin = reinterpret_cast<const std::byte*>(bytes.data());
  return {begin, begin + bytes.size()};
}

std::vector<dcb::new_event> events_of(std::istream& lines) {
  std::vector<dcb::new_event> events;
  std::string line;
  for (std::uint64_t number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") != line.npos) events.push_back(dcb::from_line(line, "line " + std::to_string(number)));
  }
  return events;
}

void add_append(CLI::App& app, settings& with) {
  static std::string store, type, data = "{}", metadata, payload, id, append_id;
  static std::vector<std::string> tags;
  static query_options unless;
  static std::int64_t after = 0;
  auto& command =
      add_command(app, "append", "append one event given by options, or the events of standard input, one JSON object a line, all or none", store);
  auto* const typed = command.add_option("--type", type, "the event's type; without, standard input is read")->group("Event");
  for (auto* option :
       {command.add_option("--tag", tags, "a tag; repeat the option for more")->allow_extra_args(false),
        command.add_option("--data", data, "JSON text")->capture_default_str(), command.add_option("--metadata", metadata, "JSON text"),
        command.add_option("--payload", payload, "a file whose bytes are the payload"), command.add_option("--id", id, "the event's UUID")})
    option->needs(typed)->group("Event");
  unless.add_to(command, "unless");
  command.add_option("--after", after, "fail if an event after this position matches what --unless... say; 0: any")->group("Condition");
  command.add_option("--append-id", append_id, "a UUID; the same append sent again has one effect");

  command.callback([&with] {
    dcb::raw_store log{with.conninfo, store, {.pool = {.max_connections = 1}}};
    std::vector<dcb::new_event> events;
    if (type.empty()) {
      events = events_of(std::cin);
    } else {
      auto& event = events.emplace_back(dcb::new_event{.type = type, .data = data, .tags = tags});
      if (!metadata.empty()) event.metadata = metadata;
      if (!payload.empty()) event.payload = contents_of(payload);
      if (!id.empty()) event.id = dcb::uuid::from_string(id);
    }
    std::optional<dcb::append_condition> condition;
    if (after != 0 && !unless.given()) throw CLI::ValidationError{"--after", "needs --unless or one of --unless-type, --unless-except, --unless-tag"};
    if (unless.given()) condition = dcb::append_condition{unless.query(), after};
    dcb::call_options call;
    if (!append_id.empty()) call.append_id = dcb::uuid::from_string(append_id);
    const auto position = log.append(events, condition, call);
    if (with.print_table())
      std::cout << position << '\n';
    else
      std::cout << "{\"position\":" << position << "}\n";
  });
}

// A line for people: the position, the time to the second, type, tags, data.
void print_readable(const dcb::recorded_event& event) {
  const auto line = dcb::to_line(event);
  const auto time = line.rfind("\"recorded_at\":\"") + 15;
  std::string tags;
  for (const auto& tag : event.tags) tags += (tags.empty() ? "" : ",") + tag;
  std::string text = std::to_string(event.position);
  text.insert(0, text.size() < 8 ? 8 - text.size() : 0, ' ');
  text += "  " + line.substr(time, 10) + ' ' + line.substr(time + 11, 8) + "  " + event.type + "  {" + tags + "}  " + dcb::readable_data(event);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';  // a terminal must not obey an event
  }
  std::cout << text << '\n';
}

void add_read(CLI::App& app, settings& with) {
  static std::string store;
  static query_options query;
  static dcb::read_options range;
  static bool follow = false;
  auto& command = add_command(app, "read", "print the events that match, in order of position", store);
  query.add_to(command);
  command.add_option("--after", range.after, "only events after this position");
  command.add_option("--upto", range.upto, "only events up to this position");
  auto* const limit = command.add_option("--limit", range.max_count, "at most so many");
  auto* const backwards = command.add_flag("--backwards", range.backwards, "newest first");
  command.add_flag("--follow", follow, "go on with what is appended later, until interrupted")->excludes(limit)->excludes(backwards);

  command.callback([&with] {
    dcb::raw_store log{with.conninfo, store, {.pool = {.max_connections = 1}}};
    const auto wanted = query.query();
    const bool readable = with.print_table();
    std::optional<session> waiting;
    for (;;) {
      range.after = log.read(wanted, range, [&](const dcb::recorded_event& event) {
        if (readable)
          print_readable(event);
        else
          std::cout << dcb::to_line(event) << '\n';
        return bool(std::cout);
      });
      if (!follow || !std::cout.flush() || (range.upto && range.after >= *range.upto)) return;
      if (!waiting) waiting.emplace(with);
      while (
          waiting
              ->run("CALL dcb.wait_for_query($1, $2::dcb.query, $3::bigint, '1 min', NULL)", {store, wanted.to_json(), std::to_string(range.after)})
              .value(0, 0) != "t") {}
    }
  });
}

}  // namespace

void add_event_commands(CLI::App& app, settings& with) {
  add_append(app, with);
  add_read(app, with);
}

}  // namespace tool
