#pragma once

#include <memory>
#include <string>
#include <vector>

#include "session.hpp"

namespace bench {

// A cluster under load on this machine, the clients connected to it, and what it has used. One client's connection serves every way, so that idle
// ones are few and caches warm.
class server {
 public:
  server(std::string name, std::string conninfo);

  // The first n clients; more connect when needed.
  std::vector<session*> clients(int count);
  session& control() { return control_; }  // outside of rounds

  double cpu_seconds() const;  // of all its processes, ended ones too
  std::int64_t wal_bytes();    // written since ever

  const std::string name;
  const std::string conninfo;

 private:
  session control_;
  int postmaster_;
  std::vector<std::unique_ptr<session>> clients_;
};

double own_cpu_seconds();      // of this process
double machine_cpu_seconds();  // of all processes and of the kernel

}  // namespace bench
