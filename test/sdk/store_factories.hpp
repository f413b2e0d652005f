// What the shared suite runs against: a log in memory and one on a server.
#pragma once

#include <dcb/dcb.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

struct log_factory {
  std::string name;
  std::function<std::unique_ptr<dcb::event_log>()> make;  // a new, empty log
  friend std::ostream& operator<<(std::ostream& out, const log_factory& factory) { return out << factory.name; }
};

log_factory memory_logs();
log_factory server_logs(std::size_t connections = 8);  // or as many as the server has

inline std::string name_of(const testing::TestParamInfo<log_factory>& info) { return info.param.name; }

// The typed front of any log.
template <class Event>
struct typed_log : dcb::event_store<Event> {
  explicit typed_log(dcb::event_log& log) : dcb::event_store<Event>(log) {}
};

// The SQLSTATE of what a call throws; empty if it throws nothing.
template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const dcb::error& failure) {
    return std::string{failure.sqlstate()};
  }
  return {};
}
