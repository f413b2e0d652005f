#include <algorithm>
#include <fstream>
#include <map>

#include "report.hpp"
#include "text.hpp"

namespace bench {
namespace {

const char* unit(figure by) { return by == figure::events ? "events/s" : "operations/s"; }

// Rounds of one contender together.
struct total {
  histogram latency;
  double operations = 0, events = 0, conflicts = 0, cpu = 0, wal = 0;
};

total add_up(const std::vector<measurement>& rounds) {
  total sum;
  for (const auto& round : rounds) {
    sum.latency.add(round.latency);
    sum.operations += static_cast<double>(round.operations);
    sum.events += static_cast<double>(round.counts.events);
    sum.conflicts += static_cast<double>(round.counts.conflicts);
    sum.cpu += round.cpu_seconds;
    sum.wal += static_cast<double>(round.wal_bytes);
  }
  return sum;
}

class writer {
 public:
  writer(const report& what, const std::string& folder, const std::string& name)
      : what_(what), folder_(folder), name_(name), out_(folder + "/" + name + ".md") {
    if (!out_) throw std::runtime_error("cannot write to " + folder);
  }

  void write() {
    out_ << "# Benchmark results\n\n"
            "Written by `bench/run`; `bench/README.md` says how to read and repeat it. The contenders of a table took turns in short rounds, in "
            "random order. Ratios are those of "
            "the rounds: the median, with the smallest and the largest in brackets. Compare figures within a table only.\n\n";
    for (const auto& [key, value] : what_.facts) out_ << "- " << key << ": " << value << '\n';
    targets();
    plots();
    for (const auto& outcome : what_.outcomes) workload_section(outcome);
    space_section();
    rounds();
  }

 private:
  void targets() {
    out_ << "\n## Targets\n\n| target | measured | |\n|---|---|---|\n";
    for (const auto& outcome : what_.outcomes)
      for (const auto& verdict : verdicts(outcome)) target(verdict);
    const auto& store = what_.space_after.front();
    const auto share = (store.heap + store.indexes) / (what_.content_bytes + 40);
    target({"disk per event: ≤ 1.5 × (payload + tags + 40 bytes)", readable(share), share <= 1.5});
  }
  void target(const verdict& of) { out_ << "| " << of.target << " | " << of.figure << " | " << (of.met ? "met" : "**missed**") << " |\n"; }

  void plots() {
    std::vector<std::string> titles;
    for (const auto& outcome : what_.outcomes)
      if (!outcome.what.plot.empty() && std::ranges::find(titles, outcome.what.plot) == titles.end()) titles.push_back(outcome.what.plot);
    for (const auto& title : titles) plot(title);
  }

  void plot(const std::string& title) {
    chart drawn{.title = title, .x_title = {}, .y_title = {}, .points = {}, .lines = {}};
    std::map<std::string, std::size_t> lines;
    for (const auto& outcome : what_.outcomes) {
      if (outcome.what.plot != title) continue;
      drawn.points.push_back(outcome.what.x);
      drawn.y_title = unit(outcome.what.y);
      drawn.x_title = outcome.what.y == figure::events ? "events in a batch" : "clients";
      for (std::size_t i = 0; i < outcome.what.contenders.size(); ++i) {
        const auto& label = outcome.what.contenders[i].label;
        if (lines.emplace(label, drawn.lines.size()).second) drawn.lines.push_back({label, {}});
        auto& values = drawn.lines[lines[label]].values;
        values.resize(drawn.points.size());
        values.back() = outcome.figure_of(i, outcome.what.y);
      }
    }
    for (auto& line : drawn.lines) line.values.resize(drawn.points.size());
    if (drawn.points.size() < 2) return;
    std::string file = name_ + "-";
    for (const char c : title)
      if (c != ',') file += c == ' ' ? '-' : static_cast<char>(std::tolower(c));
    std::ofstream{folder_ + "/" + file + ".svg"} << svg(drawn);
    out_ << "\n![" << title << "](" << file << ".svg)\n";
  }

  void workload_section(const outcome& of) {
    const auto& what = of.what;
    out_ << "\n## " << what.title << "\n\n"
         << what.text << "\n\n| | " << unit(what.y)
         << " | p50 ms | p99 ms | p99.9 ms | longest ms | server CPU µs/operation | WAL bytes/event | conflicts/operation "
            "|\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    for (std::size_t i = 0; i < what.contenders.size(); ++i) {
      const auto sum = add_up(of.rounds[i]);
      const auto latency = [&](double share) { return milliseconds(static_cast<double>(sum.latency.percentile(share))); };
      out_ << "| " << what.contenders[i].label << " | " << ratio(of.figure_of(i, what.y)) << " | " << latency(0.5) << " | " << latency(0.99) << " | "
           << latency(0.999) << " | " << milliseconds(static_cast<double>(sum.latency.largest())) << " | " << readable(sum.cpu / sum.operations * 1e6)
           << " | " << (sum.events > 0 ? readable(sum.wal / sum.events) : "") << " | "
           << (sum.conflicts > 0 ? readable(sum.conflicts / sum.operations) : "0") << " |\n";
    }
    if (what.comparisons.empty()) return;
    out_ << '\n';
    for (const auto& how : what.comparisons) {
      static const std::map<figure, std::string> names{{figure::operations, ""},
                                                       {figure::events, ""},
                                                       {figure::p50, ", p50"},
                                                       {figure::p99, ", p99"},
                                                       {figure::conflicts, ", conflicts"},
                                                       {figure::least_share, ", share of the slowest client"}};
      out_ << "- " << how.of << (how.with.empty() ? "" : " : " + how.with) << names.at(how.by) << ": " << ratio(of.compare(how)) << '\n';
    }
  }

  void space_section() {
    out_ << "\n## Disk space\n\nBytes per event, filled in batches before the run and after it, single appends included. Payload and tags are "
         << readable(what_.content_bytes)
         << " bytes.\n\n| | events | table | indexes | events after | table | indexes |\n|---|--:|--:|--:|--:|--:|--:|\n";
    for (std::size_t i = 0; i < what_.space_filled.size(); ++i) {
      const auto &filled = what_.space_filled[i], &after = what_.space_after[i];
      out_ << "| " << filled.table;
      for (const auto* state : {&filled, &after})
        out_ << " | " << readable(static_cast<double>(state->events)) << " | " << readable(state->heap) << " | " << readable(state->indexes);
      out_ << " |\n";
    }
  }

  void rounds() {
    std::ofstream table{folder_ + "/" + name_ + ".tsv"};
    table << "workload\tcontender\tclients\tround\tper_second\toperations\tevents\trows\tconflicts\tp50_ns\tp99_ns\tp999_ns\tmax_ns\tseconds\tserver_"
             "cpu_s\tdriver_cpu_s\tforeign_cpu_s\twal_bytes\n";
    for (const auto& outcome : what_.outcomes)
      for (std::size_t i = 0; i < outcome.rounds.size(); ++i)
        for (std::size_t r = 0; r < outcome.rounds[i].size(); ++r) {
          const auto& m = outcome.rounds[i][r];
          table << outcome.what.title << '\t' << outcome.what.contenders[i].label << '\t' << outcome.what.contenders[i].clients << '\t' << r + 1
                << '\t' << m.per_second << '\t' << m.operations << '\t' << m.counts.events << '\t' << m.counts.rows << '\t' << m.counts.conflicts
                << '\t' << m.latency.percentile(0.5) << '\t' << m.latency.percentile(0.99) << '\t' << m.latency.percentile(0.999) << '\t'
                << m.latency.largest() << '\t' << m.seconds << '\t' << m.cpu_seconds << '\t' << m.driver_cpu_seconds << '\t' << m.foreign_cpu_seconds
                << '\t' << m.wal_bytes << '\n';
        }
  }

  const report& what_;
  const std::string &folder_, &name_;
  std::ofstream out_;
};

}  // namespace

void write(const report& what, const std::string& folder, const std::string& name) { writer{what, folder, name}.write(); }

}  // namespace bench
