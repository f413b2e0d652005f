#pragma once
#include "coupon.hpp"

#include <cstdint>
#include <map>
#include <string>

// What the log says of a run, from its events alone.
struct Account {
  std::int64_t events = 0;
  bool gap_free = true;
  std::map<std::string, int> by_type{};
  std::map<std::string, Coupon> coupons{};
  std::map<std::string, int> given{};  // by coupon
  bool overdrawn = false;
};

// Replays the whole store; what it counts by type starts after the given position.
Account replay(const dcb::event_store<ShopEvent>& store, std::int64_t after);
