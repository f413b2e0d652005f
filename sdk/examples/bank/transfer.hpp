// From one account to another.
#pragma once
#include "account.hpp"

struct TransferOrder {
  dcb::id<> transfer_id;
  bool carried_out = false;

  void apply(const MoneySent&) { carried_out = true; }
};

// An order that is given twice is carried out once.
struct Transfer {
  std::string transfer_id, from, to;
  std::int64_t cents;

  auto states() const { return std::tuple{TransferOrder{transfer_id}, Account{from}, Standing{to}}; }
  BankDecision decide(const TransferOrder& order, const Account& source, const Standing& target) const {
    if (order.carried_out) return dcb::nothing;
    if (cents <= 0) return BankError::no_amount;
    if (from == to) return BankError::same_account;
    if (const auto refused = refused_by(source)) return *refused;
    if (const auto refused = refused_by(target)) return *refused;
    if (source.cents < cents) return BankError::not_enough_money;
    return {MoneySent{from, transfer_id, to, cents}, MoneyReceived{to, transfer_id, from, cents}};
  }
  auto guard(const TransferOrder& order, const Account& source, const Standing& target) const {
    return std::tuple{order, taking_from(source), target};
  }
};
