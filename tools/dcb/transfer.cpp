// Export and import, with a bar on a terminal.

#include "tool.hpp"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace tool {
namespace {

// Drawn on standard error a few times a second, if that is a terminal.
class progress_bar {
 public:
  explicit progress_bar(std::string what) : what_(std::move(what)) {}
  ~progress_bar() {
    if (drawn_) std::cerr << '\n';
  }
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  // `whole` 0: not known.
  void draw(std::int64_t events, double done, double whole) {
    constexpr std::size_t width = 30;
    const auto now = std::chrono::steady_clock::now();
    const bool ends = whole > 0 && done >= whole;
    if (!visible_ || (!ends && now - last_ < std::chrono::milliseconds{200})) return;
    last_ = now;
    drawn_ = true;
    std::cerr << '\r' << what_ << ' ';
    if (whole > 0) {
      const double share = std::min(1.0, done / whole);
      const auto full = static_cast<std::size_t>(share * width);
      std::cerr << '[' << std::string(full, '#') << std::string(width - full, ' ') << "] " << static_cast<int>(share * 100) << " %  ";
    }
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    std::cerr << events << " events, " << static_cast<std::int64_t>(seconds > 0 ? static_cast<double>(events) / seconds : 0) << "/s   " << std::flush;
  }

 private:
  std::string what_;
  bool visible_ = isatty(STDERR_FILENO);
  bool drawn_ = false;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now(), last_{};
};

void report(const dcb::transfer_progress& done, const char* position_is, const settings& with) {
  if (with.print_table())
    std::cerr << done.events << " events, " << position_is << ' ' << done.position << '\n';
  else
    std::cerr << "{\"events\":" << done.events << ",\"position\":" << done.position << "}\n";
}

void add_export(CLI::App& app, settings& with) {
  static std::string store, path = "-";
  static query_options query;
  static dcb::export_options options;
  auto& command = add_command(app, "export", "write events as JSON lines, one event a line, to a file or standard output", store);
  command.add_option("FILE", path, "a new file; - is standard output")->capture_default_str();
  query.add_to(command);
  command.add_option("--after", options.after, "only events after this position");
  command.add_option("--upto", options.upto, "only events up to this position");
  command.callback([&with] {
    dcb::raw_store log{with.conninfo, store, {.pool = {.max_connections = 1}}};
    progress_bar bar{"export"};
    options.query = query.query();
    options.progress = [&](const dcb::transfer_progress& done) {
      bar.draw(done.events, static_cast<double>(done.position - options.after), static_cast<double>(done.last - options.after));
    };
    if (path == "-") {
      dcb::export_events(log, std::cout, options);
      return;
    }
    if (std::filesystem::exists(path)) throw dcb::error{path + " exists already", {.hint = "Give another name, or remove it."}};
    std::ofstream file{path, std::ios::binary};
    if (!file) throw dcb::error{"cannot write " + path};
    report(dcb::export_events(log, file, options), "the last at position", with);
  });
}

void add_import(CLI::App& app, settings& with) {
  static std::string store, path = "-";
  static dcb::import_options options;
  static bool keep_positions = false, keep_recorded_at = false;
  auto& command = add_command(app, "import", "append the events of such lines, in batches; run it again if it broke off", store);
  command.add_option("FILE", path, "- is standard input")->capture_default_str();
  command.add_flag("--keep-positions", keep_positions, "the positions of the file, which has to go on where the log ends");
  command.add_flag("--keep-recorded-at", keep_recorded_at, "refused: the server's clock sets it, and it never runs backwards; see --origin");
  command.add_flag("--origin", options.with_origin, "keep each line's position and time in the metadata, as \"origin\"");
  command.add_option("--batch", options.batch, "events of one append; the same when run again")->capture_default_str();
  command.add_option("--name", options.name, "of this import: the same file is imported once more under another name");
  command.callback([&with] {
    if (keep_recorded_at)
      throw dcb::error{
          "an import cannot keep recorded_at",
          {.sqlstate = "0A000", .detail = "It is the server's time of the append and never decreases along positions.", .hint = "Use --origin."}};
    if (keep_positions) options.numbering = dcb::positions::kept;
    dcb::raw_store log{with.conninfo, store, {.pool = {.max_connections = 1}}};
    progress_bar bar{"import"};
    std::error_code unknown;
    const auto size = path == "-" ? 0 : std::filesystem::file_size(path, unknown);
    options.progress = [&](const dcb::transfer_progress& done) {
      bar.draw(done.events, static_cast<double>(done.bytes), unknown ? 0 : static_cast<double>(size));
    };
    std::ifstream file;
    if (path != "-") file.open(path, std::ios::binary);
    if (path != "-" && !file) throw dcb::error{"cannot read " + path, {.sqlstate = "58030"}};
    const auto done = dcb::import_events(log, path == "-" ? std::cin : file, options);
    report(done, "the log's last position", with);
  });
}

}  // namespace

void add_transfer_commands(CLI::App& app, settings& with) {
  add_export(app, with);
  add_import(app, with);
}

}  // namespace tool
