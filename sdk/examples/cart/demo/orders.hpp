#pragma once
#include <string>
#include <vector>

// What somebody does in the shop: user,action,item or coupon,quantity.
struct Order {
  std::string user, action, what;
  unsigned quantity = 0;
};

std::vector<Order> read_orders(const std::string& path);
