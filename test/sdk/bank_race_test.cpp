// What the bank has to hold when many decide at once, on connections of their own (if the server has as many), 20 times.
#include "bank_support.hpp"

#include "workload.hpp"

#include <atomic>
#include <functional>
#include <iostream>
#include <latch>
#include <set>
#include <thread>

namespace {

using namespace bank;

constexpr int rounds = 20;

class bank_race : public bank_test {
 protected:
  // Runs all at the same time.
  static void race(std::vector<std::function<void()>> all) {
    std::latch barrier{static_cast<std::ptrdiff_t>(all.size())};
    std::vector<std::jthread> threads;
    for (auto& each : all)
      threads.emplace_back([&] {
        barrier.arrive_and_wait();
        try {
          each();
        } catch (const std::exception& failure) {
          ADD_FAILURE() << failure.what();
        }
      });
  }

  // 1 if it was accepted; there are no other answers than these.
  template <class Decision>
  int accepted(const Decision& decision, std::set<BankError> or_else) {
    const auto made = maker.make(decision);
    EXPECT_TRUE(made || or_else.contains(made.error()));
    return made ? 1 : 0;
  }
};

// 200 clients, 100 accounts; BANK_SECONDS says for how long altogether.
TEST_P(bank_race, random_transfers_leave_the_sum_constant) {
  const Workload work{.duration = std::chrono::milliseconds{1'000 * number("BANK_SECONDS", 2) / rounds}};
  open_accounts(maker, work);
  Outcome all;
  for (int round = 0; round < rounds; ++round) {
    all += transfer_at_random(maker, work);
    EXPECT_EQ(expect_right_books().cents, work.accounts * work.cents);
  }
  for (const auto& error : all.errors) ADD_FAILURE() << error;
  EXPECT_GT(all.made, work.clients);
  EXPECT_EQ(check_books(store).transfers, all.made);
  std::cout << all.made << " transfers, " << all.refused << " refused, " << all.conflicts << " conflicts\n";
}

// Eight who pay in, eight who take out, eight who send to and from the account, and interest: only taking is in the way of taking.
TEST_P(bank_race, deposits_never_conflict_with_withdrawals) {
  ASSERT_TRUE(maker.make(OpenAccount{"a", "Ann", 1'000'000}));
  ASSERT_TRUE(maker.make(OpenAccount{"b", "Bob", 1'000'000}));
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::function<void()>> all;
    for (int n = 0; n < 4; ++n) {
      all.push_back([&] { for (int i = 0; i < 4; ++i) EXPECT_TRUE(maker.make(Deposit{"a", 3})); });
      all.push_back([&] { for (int i = 0; i < 4; ++i) EXPECT_TRUE(maker.make(Withdraw{"a", 2})); });
      all.push_back([&] { EXPECT_TRUE(maker.make(Transfer{dcb::uuid::random().to_string(), "b", "a", 5})); });
      all.push_back([&] { EXPECT_TRUE(maker.make(Transfer{dcb::uuid::random().to_string(), "a", "b", 5})); });
    }
    all.push_back([&] { EXPECT_TRUE(maker.make(PayInterest{"a", 1})); });
    race(std::move(all));
  }
  expect_right_books();

  const std::set<std::string> taking{"MoneyWithdrawn", "MoneySent"};
  int conflicts = 0;
  for (const auto& [pair, count] : counter->by_pair(store)) {
    EXPECT_TRUE(pair.first == "Withdraw" || pair.first == "Transfer") << pair.first << " made stale by " << pair.second << ", " << count << " times";
    EXPECT_TRUE(taking.contains(pair.second)) << pair.first << " made stale by " << pair.second << ", " << count << " times";
    conflicts += count;
  }
  EXPECT_GT(conflicts, 0) << "nobody met anybody: this was no race";
  EXPECT_EQ(counter->of_unknown_cause(), 0);
}

// With one who takes, nobody is in anybody's way.
TEST_P(bank_race, one_who_withdraws_meets_nobody_among_those_who_deposit) {
  ASSERT_TRUE(maker.make(OpenAccount{"a", "Ann", 1'000'000}));
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::function<void()>> all(7, [&] { for (int i = 0; i < 4; ++i) EXPECT_EQ(maker.make(Deposit{"a", 3}).conflicts(), 0); });
    all.push_back([&] { for (int i = 0; i < 10; ++i) EXPECT_EQ(maker.make(Withdraw{"a", 2}).conflicts(), 0); });
    race(std::move(all));
  }
  EXPECT_EQ(expect_right_books().cents, 1'000'000 + rounds * (7 * 4 * 3 - 10 * 2));
}

// Goes on beyond the 20 rounds until both have won.
TEST_P(bank_race, money_never_lands_in_an_account_that_is_being_closed) {
  ASSERT_TRUE(maker.make(OpenAccount{"a", "Ann", 1'000'000}));
  int closed_first = 0, money_first = 0;
  for (int round = 0; round < rounds || ((closed_first == 0 || money_first == 0) && round < 50 * rounds); ++round) {
    const auto target = "b" + std::to_string(round);
    ASSERT_TRUE(maker.make(OpenAccount{target, "Bob"}));
    std::atomic<int> closed = 0, arrived = 0;
    std::vector<std::function<void()>> all;
    for (int n = 0; n < 3; ++n) {
      all.push_back([&] { closed += accepted(CloseAccount{target}, {BankError::account_is_closed, BankError::account_is_not_empty}); });
      all.push_back([&] { arrived += accepted(Deposit{target, 1}, {BankError::account_is_closed}); });
      all.push_back([&] {
        arrived += accepted(Transfer{dcb::uuid::random().to_string(), "a", target, 1}, {BankError::account_is_closed});
      });
    }
    race(std::move(all));
    EXPECT_EQ(closed + (arrived > 0), 1) << "either it is closed or there is money on it";
    Account account{target};
    store.load(account);
    EXPECT_EQ(account.stage, closed ? Stage::closed : Stage::open);
    EXPECT_EQ(account.cents, arrived);
    ++(closed ? closed_first : money_first);
  }
  EXPECT_GT(closed_first, 0);
  EXPECT_GT(money_first, 0);
  expect_right_books();
}

// The same order at the same time, even with sources that have nothing to do with each other: the money moves once.
TEST_P(bank_race, an_order_given_twice_is_carried_out_once) {
  constexpr int sources = 8;
  for (int n = 0; n < sources; ++n) ASSERT_TRUE(maker.make(OpenAccount{"a" + std::to_string(n), "Ann", 1'000}));
  ASSERT_TRUE(maker.make(OpenAccount{"b", "Bob"}));
  for (int round = 0; round < rounds; ++round) {
    std::atomic<int> carried_out = 0;
    std::vector<std::function<void()>> all;
    for (int n = 0; n < 2 * sources; ++n)
      all.push_back([&, n] {
        const auto made = maker.make(Transfer{"order-" + std::to_string(round), "a" + std::to_string(n % sources), "b", 10});
        EXPECT_TRUE(made);
        carried_out += !made.events().empty();
      });
    race(std::move(all));
    EXPECT_EQ(carried_out, 1);
  }
  EXPECT_EQ(expect_right_books().transfers, rounds);
}

INSTANTIATE_TEST_SUITE_P(store, bank_race, testing::Values(memory_logs(), server_logs(200)), name_of);

}  // namespace
