// What was when, and who was told a wrong balance.
#pragma once
#include "account.hpp"

#include <map>

inline Account account_as_of(const dcb::event_store<BankEvent>& store, const std::string& account_id, std::int64_t position) {
  Account account{account_id};
  store.load_as_of(account, position);
  return account;
}

inline Account account_as_of(const dcb::event_store<BankEvent>& store, const std::string& account_id, dcb::timestamp time) {
  return account_as_of(store, account_id, store.position_at(time));
}

struct Entry {
  std::int64_t position;
  dcb::timestamp recorded_at;
  std::string what;
  std::int64_t change, balance;  // in cents
};

// All that happened on an account up to a position.
inline std::vector<Entry> statement(const dcb::event_store<BankEvent>& store, const std::string& account_id, std::int64_t upto) {
  std::vector<Entry> entries;
  Account account{account_id};
  for (const auto& recorded : store.read(dcb::query<>(dcb::tag("account_id", account_id)), {.upto = upto})) {
    const auto before = account.cents;
    std::visit([&](const auto& event) { account.apply(event); }, recorded.event);
    const auto what = std::visit([]<class E>(const E&) { return std::string{dcb::event_name<E>()}; }, recorded.event);
    entries.push_back({recorded.position, recorded.recorded_at, what, account.cents - before, account.cents});
  }
  return entries;
}

// The balances of all accounts, as one rule of interest has them.
template <interest_rule interest = interest_on>
struct Balances {
  std::map<std::string, std::int64_t> cents{};

  void apply(const AccountOpened& e)  { cents[e.account_id] = 0; }
  void apply(const MoneyDeposited& e) { cents[e.account_id] += e.cents; }
  void apply(const MoneyWithdrawn& e) { cents[e.account_id] -= e.cents; }
  void apply(const MoneySent& e)      { cents[e.account_id] -= e.cents; }
  void apply(const MoneyReceived& e)  { cents[e.account_id] += e.cents; }
  void apply(const InterestPaid& e)   { cents[e.account_id] += interest(cents[e.account_id], e.basis_points); }
};

struct Correction {
  std::string account_id;
  std::int64_t shown, right;  // in cents

  friend bool operator==(const Correction&, const Correction&) = default;
};

// The accounts whose balance came out wrong in the first release, in one pass over the log: the same events, folded in both ways.
inline std::vector<Correction> affected_by_rounding(const dcb::event_store<BankEvent>& store, std::int64_t upto) {
  std::tuple<Balances<interest_rounded_down>, Balances<>> balances;
  store.load_as_of(balances, upto);
  const auto& [shown, right] = balances;
  std::vector<Correction> corrections;
  for (const auto& [account_id, cents] : right.cents)
    if (shown.cents.at(account_id) != cents) corrections.push_back({account_id, shown.cents.at(account_id), cents});
  return corrections;
}
