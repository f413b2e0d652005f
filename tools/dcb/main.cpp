// dcb: stores and their events from the command line.

#include "tool.hpp"

#include <unistd.h>

#include <iostream>

namespace tool {

bool settings::print_table() const { return table || (!json && isatty(STDOUT_FILENO)); }

CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& about, std::string& store) {
  auto& command = *app.add_subcommand(name, about);
  command.add_option("STORE", store, "the store's name")->required();
  return command;
}

void query_options::add_to(CLI::App& command, const std::string& prefix) {
  const std::string option = prefix.empty() ? "--" : "--" + prefix + '-';
  const auto add = [&](const std::string& name, auto& value, const char* about) {
    return command.add_option(name, value, about)->group(prefix.empty() ? "Query" : "Condition");
  };
  auto* const whole =
      add(prefix.empty() ? "--query" : "--" + prefix, json_, R"(as JSON: {"items": [{"types": [...], "except": [...], "tags": [...]}]})");
  for (auto* part : {add(option + "type", types_, "an event type, or one of several: repeat the option"),
                     add(option + "except", except_, "none of these event types"), add(option + "tag", tags_, "a tag, or all of several")})
    part->excludes(whole)->allow_extra_args(false);
}

dcb::event_query query_options::query() const {
  if (json_.empty()) return dcb::query_item{.types = types_, .except_types = except_, .tags = tags_};
  return dcb::event_query::from_json(json_);
}

namespace {

constexpr const char* footer = R"(Connection: as libpq takes it, from --conninfo or PGHOST, PGDATABASE and the other PG... variables.
Output: a table on a terminal, otherwise JSON lines.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an append condition failed, 4 no connection, 5 verify found problems.)";

void report(const dcb::error& failure) {
  std::cerr << "dcb: " << failure.what();
  if (!failure.sqlstate().empty()) std::cerr << " (" << failure.sqlstate() << ')';
  std::cerr << '\n';
  if (!failure.detail().empty()) std::cerr << "  detail: " << failure.detail() << '\n';
  if (!failure.hint().empty()) std::cerr << "  hint:   " << failure.hint() << '\n';
  if (failure.in_doubt()) std::cerr << "  The outcome is unknown: repeat it with the same append id.\n";
}

int run(int count, char** arguments) {
  CLI::App app{"Event stores with dynamic consistency boundaries in PostgreSQL", "dcb"};
  settings with;
  app.footer(footer);
  app.set_version_flag("--version", "dcb " DCB_VERSION);
  app.add_option("--conninfo", with.conninfo, "connection string or URI of libpq");
  auto* const json = app.add_flag("--json", with.json, "print JSON lines");
  app.add_flag("--table", with.table, "print a table")->excludes(json);
  app.require_subcommand(1);
  app.fallthrough();
  add_store_commands(app, with);
  add_event_commands(app, with);
  add_transfer_commands(app, with);
  add_reaction_commands(app, with);
  add_evolution_commands(app, with);

  try {
    app.parse(count, arguments);
    if (!std::cout.flush()) throw dcb::error{"the output could not be written", {.sqlstate = "58030"}};
    return with.status;
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? ok : misused;
  } catch (const dcb::conflict& failure) {
    report(failure);
    return condition_failed;
  } catch (const dcb::connection_error& failure) {
    report(failure);
    return failure.in_doubt() ? failed : not_connected;
  } catch (const dcb::error& failure) {
    report(failure);
  } catch (const std::exception& failure) {
    std::cerr << "dcb: " << failure.what() << '\n';
  }
  return failed;
}

}  // namespace
}  // namespace tool

int main(int count, char** arguments) { return tool::run(count, arguments); }
