#include "orders.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

std::vector<Order> read_orders(const std::string& path) {
  std::ifstream file{path};
  if (!file) throw std::runtime_error{"cannot read " + path};
  std::vector<Order> orders;
  std::string line;
  std::getline(file, line);  // the names of the columns
  while (std::getline(file, line)) {
    std::istringstream fields{line};
    Order order;
    std::string quantity;
    std::getline(fields, order.user, ',');
    std::getline(fields, order.action, ',');
    std::getline(fields, order.what, ',');
    if (std::getline(fields, quantity)) order.quantity = static_cast<unsigned>(std::stoul(quantity));
    orders.push_back(order);
  }
  return orders;
}
