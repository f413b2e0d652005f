#pragma once

// What the commands of the tool share. Each file adds the commands of one subject. A process carries out one command, so what its options say
// lives in static variables of the function that adds it.

#include <CLI/CLI.hpp>
#include <dcb/dcb.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tool {

// What a script can tell apart by the exit code.
enum exit_code { ok = 0, failed = 1, misused = 2, condition_failed = 3, not_connected = 4, problems_found = 5 };

struct settings {
  std::string conninfo{};
  bool json = false;  // the two say how to print; neither: a table for terminals, JSON lines otherwise
  bool table = false;
  int status = ok;  // of a command that ends well but has bad news

  bool print_table() const;
};

void add_store_commands(CLI::App& app, settings& with);
void add_event_commands(CLI::App& app, settings& with);
void add_transfer_commands(CLI::App& app, settings& with);
void add_reaction_commands(CLI::App& app, settings& with);
void add_evolution_commands(CLI::App& app, settings& with);

/// A command with the store as its first argument.
CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& about, std::string& store);

/// The options --type, --except, --tag and --query, and what they say; with a prefix --unless-type and so on, and --unless for the whole.
class query_options {
 public:
  void add_to(CLI::App& command, const std::string& prefix = {});
  bool given() const { return !json_.empty() || !types_.empty() || !except_.empty() || !tags_.empty(); }
  /// Everything, if none is given.
  dcb::event_query query() const;

 private:
  std::vector<std::string> types_{}, except_{}, tags_{};
  std::string json_{};
};

}  // namespace tool
