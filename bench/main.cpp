#include <getopt.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <sstream>

#include "report.hpp"
#include "text.hpp"

namespace {

constexpr const char* usage = R"(dcb_bench [OPTION]...

Measures pg_dcb and what it is compared with, on servers that are private to the run: it creates schemas and fills them.

  --server NAME=CONNINFO  a server to measure; repeated, the further ones stand for other builds or settings (default: libpq's)
  --events N              events in the main store (1000000)
  --small N, --large N    events in the stores that the main one is compared with (10000; none)
  --clients N,N,...       (1,16,64)
  --batches N,N,...       (1,100)
  --rounds N              rounds of each contender (3)
  --seconds S             length of a round (1)
  --warm-up S             before each (0.3)
  --only REGEX            workloads with such a title only
  --contenders REGEX      contenders with such a label only, as for a profile
  --no-peers              without other event stores' SQL
  --full                  as many appends and as long waits as the targets speak of
  --sql FOLDER            where the scripts are
  --out FOLDER            for the results (.)
  --name NAME             of their files (results)
  --fact 'KEY: VALUE'     a line for the head of the results
)";

struct options {
  std::vector<std::pair<std::string, std::string>> servers, facts;
  std::int64_t small = 10'000, main = 1'000'000, large = 0;
  bench::plan what;
  bench::pace how;
  std::string only, contenders, sql = "bench", out = ".", name = "results";
};

std::vector<int> numbers(const std::string& list) {
  std::vector<int> all;
  std::istringstream words{list};
  for (std::string word; std::getline(words, word, ',');) all.push_back(std::stoi(word));
  return all;
}

std::pair<std::string, std::string> split(const std::string& text, char at) {
  const auto place = text.find(at);
  if (place == std::string::npos) throw std::invalid_argument("no '" + std::string(1, at) + "' in \"" + text + '"');
  return {text.substr(0, place), text.substr(place + 1)};
}

options parse(int argc, char** argv) {
  static const option known[] = {{"server", 1, nullptr, 's'},
                                 {"events", 1, nullptr, 'e'},
                                 {"small", 1, nullptr, 'S'},
                                 {"large", 1, nullptr, 'L'},
                                 {"clients", 1, nullptr, 'c'},
                                 {"batches", 1, nullptr, 'b'},
                                 {"rounds", 1, nullptr, 'r'},
                                 {"seconds", 1, nullptr, 't'},
                                 {"warm-up", 1, nullptr, 'w'},
                                 {"only", 1, nullptr, 'o'},
                                 {"contenders", 1, nullptr, 'C'},
                                 {"no-peers", 0, nullptr, 'p'},
                                 {"full", 0, nullptr, 'f'},
                                 {"sql", 1, nullptr, 'q'},
                                 {"out", 1, nullptr, 'd'},
                                 {"name", 1, nullptr, 'n'},
                                 {"fact", 1, nullptr, 'x'},
                                 {"help", 0, nullptr, 'h'},
                                 {}};
  options chosen;
  for (int key; (key = getopt_long(argc, argv, "", known, nullptr)) != -1;) switch (key) {
      case 's': chosen.servers.push_back(split(optarg, '=')); break;
      case 'e': chosen.main = std::stoll(optarg); break;
      case 'S': chosen.small = std::stoll(optarg); break;
      case 'L': chosen.large = std::stoll(optarg); break;
      case 'c': chosen.what.clients = numbers(optarg); break;
      case 'b': chosen.what.batches = numbers(optarg); break;
      case 'r': chosen.how.rounds = std::stoi(optarg); break;
      case 't': chosen.how.seconds = std::stod(optarg); break;
      case 'w': chosen.how.warm_up = std::stod(optarg); break;
      case 'o': chosen.only = optarg; break;
      case 'C': chosen.contenders = optarg; break;
      case 'p': chosen.what.peers = false; break;
      case 'f': chosen.what.full = true; break;
      case 'q': chosen.sql = optarg; break;
      case 'd': chosen.out = optarg; break;
      case 'n': chosen.name = optarg; break;
      case 'x': chosen.facts.push_back(split(optarg, ':')); break;
      case 'h': std::cout << usage; std::exit(0);
      default: throw std::invalid_argument(usage);
    }
  if (optind < argc) throw std::invalid_argument(usage);
  if (chosen.servers.empty()) chosen.servers.emplace_back("this", "");
  return chosen;
}

std::string line_of(const std::string& path, const std::string& start) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(start)) return line.substr(std::min(line.size(), line.find_first_not_of(" \t", line.find(':') + 1)));
  return "unknown";
}

std::string load_average() {
  std::ifstream file{"/proc/loadavg"};
  std::string one, five;
  file >> one >> five;
  return one + " (5 minutes: " + five + ")";
}

void describe(bench::server& where, bench::report& into) {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day date{today};
  std::ostringstream iso;
  iso << static_cast<int>(date.year()) << '-' << std::string(unsigned{date.month()} < 10 ? "0" : "") << unsigned{date.month()} << '-'
      << std::string(unsigned{date.day()} < 10 ? "0" : "") << unsigned{date.day()};
  into.facts.emplace_back("date", iso.str());
  into.facts.emplace_back("machine", std::to_string(sysconf(_SC_NPROCESSORS_ONLN)) + " cores (" + line_of("/proc/cpuinfo", "model name") +
                                         "), memory " + line_of("/proc/meminfo", "MemTotal"));
  std::string settings;
  for (const char* name : {"server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "checkpoint_timeout", "autovacuum",
                           "shared_preload_libraries"}) {
    const auto value = where.control().execute("SELECT current_setting('" + std::string{name} + "')");
    settings += (settings.empty() ? "" : ", ") + std::string{name} + " = " + value.text(0, 0);
  }
  into.facts.emplace_back("PostgreSQL", settings);
}

// How much of the machine others used during the rounds.
std::string disturbance(const std::vector<bench::outcome>& outcomes) {
  std::vector<double> shares;
  for (const auto& outcome : outcomes)
    for (const auto& rounds : outcome.rounds)
      for (const auto& round : rounds)
        shares.push_back(std::max(0.0, round.foreign_cpu_seconds) / round.seconds / static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN)) * 100);
  const auto all = bench::summarize(shares);
  return bench::readable(all.median) + " % of the processors in the median round, " + bench::readable(all.max) + " % in the worst";
}

std::vector<bench::workload> chosen_workloads(std::vector<bench::site>& sites, const options& chosen) {
  const std::regex titles{chosen.only}, labels{chosen.contenders};
  const auto unwanted = [&](const std::string& label) { return !label.empty() && !std::regex_search(label, labels); };
  auto all = bench::workloads(sites, chosen.what);
  std::erase_if(all, [&](const auto& workload) { return !std::regex_search(workload.title, titles); });
  for (auto& workload : all) {
    std::erase_if(workload.contenders, [&](const auto& contender) { return unwanted(contender.label); });
    std::erase_if(workload.comparisons, [&](const auto& how) { return unwanted(how.of) || unwanted(how.with); });
  }
  return all;
}

void measure(const options& chosen) {
  std::vector<std::unique_ptr<bench::server>> servers;
  std::vector<bench::site> sites;
  for (const auto& [name, conninfo] : chosen.servers) {
    servers.push_back(std::make_unique<bench::server>(name, conninfo));
    sites.push_back(bench::make_site(*servers.back(), chosen.small, chosen.main, chosen.large));
  }
  for (auto& site : sites) bench::set_up(site, chosen.what, chosen.sql, &site == &sites.front());

  bench::report made;
  made.facts = chosen.facts;
  describe(*servers.front(), made);
  made.facts.emplace_back("stores", sites.front().small.label() + ", " + sites.front().main.label() +
                                        (chosen.large ? " and " + sites.front().large.label() : "") + " events; the tables use " +
                                        sites.front().main.label() + " unless they say otherwise");
  made.facts.emplace_back("rounds", std::to_string(chosen.how.rounds) + " of " + bench::readable(chosen.how.seconds) + " s, each after " +
                                        bench::readable(chosen.how.warm_up) + " s of warm-up");
  made.facts.emplace_back("load average before", load_average());
  made.space_filled = bench::spaces(sites.front(), chosen.what.peers);
  made.content_bytes = bench::content_of_event(sites.front());
  bench::random_numbers random{7};
  for (auto& workload : chosen_workloads(sites, chosen)) made.outcomes.push_back(bench::run(std::move(workload), chosen.how, random));
  made.space_after = bench::spaces(sites.front(), chosen.what.peers);
  made.facts.emplace_back("used by other processes meanwhile", disturbance(made.outcomes));

  std::filesystem::create_directories(chosen.out);
  bench::write(made, chosen.out, chosen.name);
  std::cerr << chosen.out << '/' << chosen.name << ".md\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    measure(parse(argc, argv));
  } catch (const std::exception& failure) {
    std::cerr << "dcb_bench: " << failure.what() << '\n';
    return 1;
  }
}
