// Events, states and decisions for tests.
#pragma once

#include <dcb/dcb.hpp>

#include <optional>
#include <string>
#include <tuple>
#include <variant>

namespace shop {

struct Opened {
  dcb::id<> account_id;
};
struct Paid {
  dcb::id<> account_id;
  std::int64_t cents;
};
struct Spent {
  dcb::id<> account_id, shop_id;
  std::int64_t cents;
};
struct ShopClosed {
  dcb::id<> shop_id;
};
using Event = std::variant<Opened, Paid, Spent, ShopClosed>;

struct Account {
  dcb::id<> account_id;
  bool open = false;
  std::int64_t cents = 0;
  void apply(const Opened&) { open = true; }
  void apply(const Paid& e) { cents += e.cents; }
  void apply(const Spent& e) { cents -= e.cents; }
};

struct Shop {
  dcb::id<> shop_id;
  bool closed = false;
  std::int64_t revenue = 0;
  void apply(const ShopClosed&) { closed = true; }
  void apply(const Spent& e) { revenue += e.cents; }
};

enum class Refusal { no_account, too_poor, shop_closed };
using Decided = dcb::decided<Event, Refusal>;

struct Pay {
  std::string account_id;
  std::int64_t cents;
  auto states() const { return Account{account_id}; }
  Decided decide(const Account& account) const {
    if (!account.open) return Refusal::no_account;
    if (cents == 0) return dcb::nothing;
    return Paid{account_id, cents};
  }
};

struct Spend {
  std::string account_id, shop_id;
  std::int64_t cents;
  auto states() const { return std::tuple{Account{account_id}, Shop{shop_id}}; }
  Decided decide(const Account& account, const Shop& shop) const {
    if (shop.closed) return Refusal::shop_closed;
    if (account.cents < cents) return Refusal::too_poor;
    return Spent{account_id, shop_id, cents};
  }
};

// Others may spend in the same shop meanwhile.
struct SpendBesideOthers : Spend {
  auto guard(const Account& account, const Shop& shop) const { return std::tuple{account, dcb::without<Spent>(shop)}; }
};

struct Open {
  std::string account_id;
  Decided decide() const { return Opened{account_id}; }
};

}  // namespace shop
