// One account: what is known of it, and what can be done with it alone.
#pragma once
#include "events.hpp"
#include "interest.hpp"

enum class Stage { none, open, closed };

// What taking money has to know. An account lives for decades, so it is kept as a snapshot now and then.
struct Account {
  dcb::id<> account_id;
  Stage stage = Stage::none;
  std::int64_t cents = 0;

  static constexpr auto snapshot = dcb::every(1'000, 2);  // 2: interest is no longer rounded down

  void apply(const AccountOpened&)    { stage = Stage::open; }
  void apply(const AccountClosed&)    { stage = Stage::closed; }
  void apply(const MoneyDeposited& e) { cents += e.cents; }
  void apply(const MoneyWithdrawn& e) { cents -= e.cents; }
  void apply(const MoneySent& e)      { cents -= e.cents; }
  void apply(const MoneyReceived& e)  { cents += e.cents; }
  void apply(const InterestPaid& e)   { cents += interest_on(cents, e.basis_points); }

  friend bool operator==(const Account&, const Account&) = default;
};

// What giving money has to know: two events at most, however old the account is.
struct Standing {
  dcb::id<> account_id;
  Stage stage = Stage::none;

  void apply(const AccountOpened&) { stage = Stage::open; }
  void apply(const AccountClosed&) { stage = Stage::closed; }
};

enum class BankError { account_exists, no_such_account, account_is_closed, account_is_not_empty, no_amount, not_enough_money, same_account };
using BankDecision = dcb::decided<BankEvent, BankError>;

// Why an account takes no part, if it does not.
template <class State>
std::optional<BankError> refused_by(const State& account) {
  if (account.stage == Stage::none) return BankError::no_such_account;
  if (account.stage == Stage::closed) return BankError::account_is_closed;
  return {};
}

// What makes taking money stale: what else was taken, and the end of the account. More money does not.
inline auto taking_from(const Account& account) { return dcb::without<MoneyDeposited, MoneyReceived, InterestPaid>(account); }

struct OpenAccount {
  std::string account_id, owner;
  std::int64_t cents = 0;

  auto states() const { return Standing{account_id}; }
  BankDecision decide(const Standing& account) const {
    if (account.stage != Stage::none) return BankError::account_exists;
    if (cents < 0) return BankError::no_amount;
    if (cents == 0) return AccountOpened{account_id, owner};
    return {AccountOpened{account_id, owner}, MoneyDeposited{account_id, cents}};
  }
};

// Stale as soon as anything happens on the account: it has to be empty when it is closed.
struct CloseAccount {
  std::string account_id;

  auto states() const { return Account{account_id}; }
  BankDecision decide(const Account& account) const {
    if (const auto refused = refused_by(account)) return *refused;
    if (account.cents != 0) return BankError::account_is_not_empty;
    return AccountClosed{account_id};
  }
};

struct Deposit {
  std::string account_id;
  std::int64_t cents;

  auto states() const { return Standing{account_id}; }
  BankDecision decide(const Standing& account) const {
    if (cents <= 0) return BankError::no_amount;
    if (const auto refused = refused_by(account)) return *refused;
    return MoneyDeposited{account_id, cents};
  }
};

struct Withdraw {
  std::string account_id;
  std::int64_t cents;

  auto states() const { return Account{account_id}; }
  BankDecision decide(const Account& account) const {
    if (cents <= 0) return BankError::no_amount;
    if (const auto refused = refused_by(account)) return *refused;
    if (account.cents < cents) return BankError::not_enough_money;
    return MoneyWithdrawn{account_id, cents};
  }
  auto guard(const Account& account) const { return taking_from(account); }
};

struct PayInterest {
  std::string account_id;
  std::int64_t basis_points;

  auto states() const { return Standing{account_id}; }
  BankDecision decide(const Standing& account) const {
    if (basis_points <= 0) return BankError::no_amount;
    if (const auto refused = refused_by(account)) return *refused;
    return InterestPaid{account_id, basis_points};
  }
};
