// The decisions of the bank, tested without a database.
#include "audit.hpp"
#include "books.hpp"
#include "transfer.hpp"

#include <dcb/testing.hpp>

#include <gtest/gtest.h>

TEST(account, is_opened_once) {
  dcb::given().when(OpenAccount{"a", "Ann"}).then(AccountOpened{"a", "Ann"});
  dcb::given().when(OpenAccount{"a", "Ann", 500}).then(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500});
  dcb::given().when(OpenAccount{"a", "Ann", -1}).then_error(BankError::no_amount);
  dcb::given(AccountOpened{"a", "Ann"}).when(OpenAccount{"a", "Bob"}).then_error(BankError::account_exists);
  dcb::given(AccountOpened{"a", "Ann"}, AccountClosed{"a"}).when(OpenAccount{"a", "Ann"}).then_error(BankError::account_exists);
}

TEST(account, takes_deposits_while_it_is_open) {
  dcb::given(AccountOpened{"a", "Ann"}).when(Deposit{"a", 500}).then(MoneyDeposited{"a", 500});
  dcb::given(AccountOpened{"a", "Ann"}).when(Deposit{"a", 0}).then_error(BankError::no_amount);
  dcb::given(AccountOpened{"b", "Bob"}).when(Deposit{"a", 500}).then_error(BankError::no_such_account);
  dcb::given(AccountOpened{"a", "Ann"}, AccountClosed{"a"}).when(Deposit{"a", 500}).then_error(BankError::account_is_closed);
}

TEST(account, is_never_overdrawn) {
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500}).when(Withdraw{"a", 500}).then(MoneyWithdrawn{"a", 500});
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500}).when(Withdraw{"a", 501}).then_error(BankError::not_enough_money);
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500}, MoneyWithdrawn{"a", 1})
      .when(Withdraw{"a", 500})
      .then_error(BankError::not_enough_money);
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500}).when(Withdraw{"a", -1}).then_error(BankError::no_amount);
  dcb::given(MoneyDeposited{"b", 500}, AccountOpened{"a", "Ann"}).when(Withdraw{"a", 1}).then_error(BankError::not_enough_money);
  dcb::given(AccountOpened{"a", "Ann"}, AccountClosed{"a"}).when(Withdraw{"a", 1}).then_error(BankError::account_is_closed);
}

TEST(account, is_closed_empty) {
  dcb::given(AccountOpened{"a", "Ann"}).when(CloseAccount{"a"}).then(AccountClosed{"a"});
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 5}).when(CloseAccount{"a"}).then_error(BankError::account_is_not_empty);
  dcb::given(AccountOpened{"a", "Ann"}, AccountClosed{"a"}).when(CloseAccount{"a"}).then_error(BankError::account_is_closed);
}

TEST(transfer, moves_money) {
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500}, AccountOpened{"b", "Bob"})
      .when(Transfer{"t1", "a", "b", 200})
      .then(MoneySent{"a", "t1", "b", 200}, MoneyReceived{"b", "t1", "a", 200});
}

TEST(transfer, that_was_received_can_be_spent) {
  dcb::given(AccountOpened{"b", "Bob"}, MoneyReceived{"b", "t1", "a", 200}).when(Withdraw{"b", 200}).then(MoneyWithdrawn{"b", 200});
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500}, MoneySent{"a", "t1", "b", 200})
      .when(Withdraw{"a", 301})
      .then_error(BankError::not_enough_money);
}

TEST(transfer, is_made_once) {
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500}, AccountOpened{"b", "Bob"}, MoneySent{"a", "t1", "b", 200},
             MoneyReceived{"b", "t1", "a", 200})
      .when(Transfer{"t1", "a", "b", 200})
      .then_nothing();
}

TEST(transfer, is_refused) {
  const auto given =
      dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500}, AccountOpened{"b", "Bob"}, AccountOpened{"c", "Cem"}, AccountClosed{"c"});
  given.when(Transfer{"t1", "a", "b", 501}).then_error(BankError::not_enough_money);
  given.when(Transfer{"t1", "a", "b", 0}).then_error(BankError::no_amount);
  given.when(Transfer{"t1", "a", "a", 1}).then_error(BankError::same_account);
  given.when(Transfer{"t1", "a", "c", 1}).then_error(BankError::account_is_closed);
  given.when(Transfer{"t1", "a", "z", 1}).then_error(BankError::no_such_account);
  given.when(Transfer{"t1", "z", "a", 1}).then_error(BankError::no_such_account);
  given.when(Transfer{"t1", "c", "a", 1}).then_error(BankError::account_is_closed);
}

TEST(interest, is_paid_on_open_accounts_and_can_be_spent) {
  dcb::given(AccountOpened{"a", "Ann"}).when(PayInterest{"a", 150}).then(InterestPaid{"a", 150});
  dcb::given(AccountOpened{"a", "Ann"}).when(PayInterest{"a", 0}).then_error(BankError::no_amount);
  dcb::given(AccountOpened{"a", "Ann"}, AccountClosed{"a"}).when(PayInterest{"a", 150}).then_error(BankError::account_is_closed);
  dcb::given(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 1'000}, InterestPaid{"a", 150})
      .when(Withdraw{"a", 1'015})
      .then(MoneyWithdrawn{"a", 1'015});
}

TEST(interest, half_a_cent_goes_to_the_even_one) {
  EXPECT_EQ(interest_on(1'050, 150), 16);  // 15.75
  EXPECT_EQ(interest_on(1'000, 125), 12);  // 12.5
  EXPECT_EQ(interest_on(1'080, 125), 14);  // 13.5
  EXPECT_EQ(interest_on(1'000, 124), 12);  // 12.4
  EXPECT_EQ(interest_on(900'000'000'000'000'001, 10'000), 900'000'000'000'000'001);
  EXPECT_EQ(interest_rounded_down(1'050, 150), 15);
}

TEST(books, tell_what_is_wrong) {
  const auto wrong = [](const auto&... events) {
    dcb::memory_store<BankEvent> store;
    store.append(events...);
    return check_books(store).wrong.size();
  };
  const AccountOpened ann{"a", "Ann"}, bob{"b", "Bob"};
  EXPECT_EQ(wrong(ann, MoneyDeposited{"a", 5}, MoneyWithdrawn{"a", 5}, AccountClosed{"a"}), 0u);
  EXPECT_EQ(wrong(ann, ann), 1u);
  EXPECT_EQ(wrong(ann, MoneyWithdrawn{"a", 5}), 1u);
  EXPECT_EQ(wrong(ann, AccountClosed{"a"}, MoneyDeposited{"a", 5}), 1u);
  EXPECT_EQ(wrong(ann, MoneyDeposited{"a", 5}, AccountClosed{"a"}), 1u);
  EXPECT_EQ(wrong(ann, bob, MoneyDeposited{"a", 5}, MoneySent{"a", "t", "b", 5}, MoneyReceived{"b", "t", "a", 5}), 0u);
  EXPECT_EQ(wrong(ann, bob, MoneyDeposited{"a", 5}, MoneySent{"a", "t", "b", 2}, MoneyReceived{"b", "t", "a", 2}, MoneySent{"a", "t", "b", 2},
                  MoneyReceived{"b", "t", "a", 2}),
            1u);
  EXPECT_EQ(wrong(ann, bob, MoneyDeposited{"a", 5}, MoneySent{"a", "t", "b", 5}), 2u);
  EXPECT_EQ(wrong(ann, bob, MoneyDeposited{"a", 5}, MoneySent{"a", "t", "b", 5}, MoneyReceived{"b", "t", "a", 4}), 3u);
}
