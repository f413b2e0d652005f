#include "server.hpp"

#include <unistd.h>

#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace bench {
namespace {

struct process {
  int parent = 0;
  double seconds = 0;           // of its own
  double seconds_children = 0;  // of ended children that it has waited for
};

// From /proc/PID/stat; nothing of a process that has just ended.
process look_at(int pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields{text.substr(name_end + 1)};
  std::string state, skipped;
  process found;
  double own[2], children[2];
  fields >> state >> found.parent;
  for (int i = 0; i < 9; ++i) fields >> skipped;  // up to the counts of page faults
  fields >> own[0] >> own[1] >> children[0] >> children[1];
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  found.seconds = (own[0] + own[1]) / ticks;
  found.seconds_children = (children[0] + children[1]) / ticks;
  return found;
}

}  // namespace

server::server(std::string server_name, std::string how)
    : name(std::move(server_name)), conninfo(std::move(how)), control_(conninfo, 0), postmaster_(look_at(control_.server_pid()).parent) {
  if (postmaster_ == 0) throw std::runtime_error("the server does not run on this machine");
}

std::vector<session*> server::clients(int count) {
  while (std::ssize(clients_) < count) clients_.push_back(std::make_unique<session>(conninfo, static_cast<int>(clients_.size())));
  std::vector<session*> some;
  for (int i = 0; i < count; ++i) some.push_back(clients_[static_cast<std::size_t>(i)].get());
  return some;
}

double server::cpu_seconds() const {
  const auto self = look_at(postmaster_);
  double sum = self.seconds + self.seconds_children;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    const std::string name = entry.path().filename();
    int pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    if (const auto found = look_at(pid); found.parent == postmaster_) sum += found.seconds;
  }
  return sum;
}

std::int64_t server::wal_bytes() { return control_.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").int8(0, 0); }

double own_cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double machine_cpu_seconds() {
  std::ifstream file{"/proc/stat"};
  std::string name;
  double user, nice, system, idle, waiting, interrupts, soft_interrupts;
  file >> name >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts;
  return (user + nice + system + interrupts + soft_interrupts) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace bench
