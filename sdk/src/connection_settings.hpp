#pragma once

// How the connections of one pool are made, worked out once.

#include <chrono>
#include <string>
#include <vector>

namespace dcb::inline v0 {

struct store_options;

struct connection_settings {
  /// One server to try. What is empty is as the conninfo and the environment say.
  struct target {
    std::string host{}, hostaddr{}, port{}, session_attributes{};
  };

  /// A conninfo with several hosts is taken apart: libpq would give each its time only if it waited itself. Unless it says otherwise, of several
  /// hosts one that accepts writes is used, and for `readers` a standby, or else any.
  connection_settings(std::string conninfo, const store_options& options, bool readers);

  std::string conninfo;
  std::string application_name;
  std::chrono::milliseconds connect_timeout;  ///< for each target
  std::chrono::milliseconds cancel_grace;
  bool transaction_pooling;
  std::vector<target> targets;  ///< in the order in which they are tried
};

}  // namespace dcb::inline v0
