#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "session.hpp"

// The business behind the load: events of shopping carts. A cart belongs to a customer, who belongs to a shop, and each event carries these
// three as its tags. Every system under test stores the same events and decides on the same carts.
namespace bench {

constexpr std::int64_t events_per_cart = 10;
constexpr std::int64_t events_per_customer = 1'000;
constexpr std::int64_t events_per_shop = 100'000;
constexpr std::size_t payload_bytes = 256;
constexpr std::string_view event_types[] = {"ItemAdded", "ItemRemoved", "ItemUpdated", "CartCheckedOut"};

// The identifiers of a cart.
struct cart {
  std::string number, customer, shop;
};
cart cart_of(std::int64_t number);

struct event {
  std::string_view type;
  cart of;
  std::string_view payload;
};
event random_event(random_numbers& random, std::int64_t cart_number);

// One log in one system, filled with `events` events beforehand.
class log {
 public:
  log(std::string log_name, std::int64_t filled_with) : name(std::move(log_name)), events(filled_with) {}

  std::int64_t carts() const { return std::max<std::int64_t>(events / events_per_cart, 1); }
  std::string label() const { return events % 1'000'000 ? std::to_string(events / 1'000) + " k" : std::to_string(events / 1'000'000) + " M"; }

  // Clients keep a cart's state when it has become expensive to read, and read on after it: else a hot cart would be read in full forever.
  std::int64_t& read_until(std::int64_t cart_number) {
    if (kept_.empty()) kept_.resize(static_cast<std::size_t>(carts()));
    return kept_[static_cast<std::size_t>(cart_number)];
  }
  void forget() { kept_.clear(); }

  std::string name;
  std::int64_t events;

 private:
  std::vector<std::int64_t> kept_;
};

enum class spread {
  uniform,
  zipf,      // the n-th most popular cart is chosen n times less often than the first
  hot,       // all on one cart
  adjacent,  // client i of n on the carts i, i + n, i + 2n, …: nobody shares a cart, and the neighbours are somebody else's
};

// Chooses the carts that clients work on.
class chooser {
 public:
  chooser(spread how, std::int64_t carts, int clients);
  std::int64_t next(session& client) const;

 private:
  spread how_;
  std::int64_t carts_;
  int clients_;
  std::vector<double> shares_;  // for zipf: of the first n carts together
};

}  // namespace bench
