#pragma once

#include <string>
#include <vector>

#include "workload.hpp"

namespace bench {

// A server with the extension, and the stores in it. Further ones stand for other builds or settings and run pg_dcb's part only.
struct site {
  server& where;
  log small, main, large;  // large has no events in a short run
  log disintegrate, pyeventsourcing;
};
site make_site(server& where, std::int64_t small, std::int64_t main, std::int64_t large);

struct plan {
  std::vector<int> clients{1, 16, 64};
  std::vector<int> batches{1, 100};
  bool peers = true;
  bool full = false;  // as many appends and as long waits as the targets speak of
};

// Creates and fills schemas and stores; `sql` is the folder with the scripts.
void set_up(site& where, const plan& how, const std::string& sql, bool first);

// What a run measures, in order.
std::vector<workload> workloads(std::vector<site>& sites, const plan& how);

// Disk space, in bytes per event.
struct space {
  std::string table;
  std::int64_t events = 0;
  double heap = 0, indexes = 0;
};
std::vector<space> spaces(site& where, bool peers);
// Payload and tags of an event of the main store, in bytes.
double content_of_event(site& where);

}  // namespace bench
