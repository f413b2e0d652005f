#pragma once
#include "transfer.hpp"

#include <chrono>

// Clients that transfer money at random among accounts.
struct Workload {
  int clients = 200, accounts = 100;
  std::int64_t cents = 10'000;  // on each account at first
  std::chrono::milliseconds duration{1'000};
};

struct Outcome {
  std::int64_t made = 0, refused = 0;  // transfers
  std::int64_t conflicts = 0;          // answers that turned out stale, and were decided anew
  std::int64_t attempts = 0;
  std::vector<std::string> errors{};  // that reached a client

  Outcome& operator+=(const Outcome& other);
};

// Opens those of the accounts `account-0`, `account-1` … that are not there.
void open_accounts(const dcb::decision_maker<BankEvent>& maker, const Workload& work);

// All clients begin at the same time.
Outcome transfer_at_random(const dcb::decision_maker<BankEvent>& maker, const Workload& work);
