#pragma once
#include <dcb/dcb.hpp>

struct AccountOpened  { dcb::id<> account_id; std::string owner; };
struct AccountClosed  { dcb::id<> account_id; };
struct MoneyDeposited { dcb::id<> account_id; std::int64_t cents; };
struct MoneyWithdrawn { dcb::id<> account_id; std::int64_t cents; };
struct MoneySent      { dcb::id<> account_id, transfer_id; std::string to; std::int64_t cents; };
struct MoneyReceived  { dcb::id<> account_id, transfer_id; std::string from; std::int64_t cents; };
struct InterestPaid   { dcb::id<> account_id; std::int64_t basis_points; };

using BankEvent = std::variant<AccountOpened, AccountClosed, MoneyDeposited, MoneyWithdrawn, MoneySent, MoneyReceived, InterestPaid>;
