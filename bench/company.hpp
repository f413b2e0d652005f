// What goes on beside the clients of a round, in threads of its own: begun before the round and ended after it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server.hpp"
#include "way.hpp"

namespace bench {

class company {
 public:
  virtual ~company() = default;
};
using invite = std::function<std::unique_ptr<company>(server&)>;

// A transaction in another database that has an xid and a snapshot and does nothing.
invite bystander();

// Sessions that wait, each for the events of a customer of its own, and read them when they come.
invite subscribers(log& of, int count, awaited whom);

// A session that appends an event every some milliseconds, marked with the time at which it was sent.
invite slow_appender(log& to);
inline constexpr const char* slow_tag = "beat:1";

}  // namespace bench
