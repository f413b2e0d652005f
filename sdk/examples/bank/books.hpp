#pragma once
#include "events.hpp"

#include <string>
#include <vector>

// What a replay of the whole log says: how much money there is, and what should never have happened, a sentence each.
struct Books {
  std::int64_t events = 0, transfers = 0;
  std::int64_t cents = 0;         // on all accounts together
  std::int64_t paid_in = 0;       // deposits less withdrawals
  std::int64_t interest = 0;
  std::vector<std::string> wrong{};
};

Books check_books(const dcb::event_store<BankEvent>& store);
