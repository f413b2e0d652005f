#pragma once

#include "histogram.hpp"
#include "server.hpp"
#include "way.hpp"

namespace bench {

// What a number of clients did in one round.
struct measurement {
  double per_second = 0;  // operations
  std::uint64_t operations = 0;
  std::uint64_t fewest = 0;  // operations of the client that got through least often
  tally counts;
  histogram latency;
  double seconds = 0;              // until the last client was done
  double cpu_seconds = 0;          // of the server
  double driver_cpu_seconds = 0;   // of this process
  double foreign_cpu_seconds = 0;  // of everything else on the machine
  std::int64_t wal_bytes = 0;
};

// Closed loop: each of the clients begins its next operation when the last one is done. Operations count that begin within `seconds` after a
// warm-up; the clock runs until the last of them is done, for each client by itself.
measurement run_round(server& where, way& what, int clients, double warm_up, double seconds);

}  // namespace bench
