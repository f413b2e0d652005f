// bank_demo CONNINFO STORE: a day at the bank, in a store that exists.
#include "audit.hpp"
#include "books.hpp"
#include "transfer.hpp"

#include <iomanip>
#include <iostream>
#include <latch>
#include <thread>

namespace {

std::string money(std::int64_t cents) {
  std::ostringstream text;
  text << cents / 100 << '.' << std::setw(2) << std::setfill('0') << cents % 100;
  return text.str();
}

template <class Made>
void report(const std::string& what, const Made& made) {
  std::cout << what << (made ? "" : ": refused, " + dcb::to_json(made.error())) << '\n';
}

// Ann empties her account in two places at once, while Bob closes the one that the money is going to.
void race(const dcb::decision_maker<BankEvent>& maker, const std::string& ann, const std::string& bob) {
  std::latch barrier{3};
  const auto at_once = [&](auto decision) {
    return std::jthread{[&, decision] {
      barrier.arrive_and_wait();
      static_cast<void>(maker.make(decision));
    }};
  };
  const auto first = at_once(Transfer{dcb::uuid::random().to_string(), ann, bob, 100'00});
  const auto second = at_once(Withdraw{ann, 100'00});
  const auto closing = at_once(CloseAccount{bob});
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return std::cerr << "usage: bank_demo CONNINFO STORE\n", 2;
  dcb::store<BankEvent> store{argv[1], argv[2]};
  dcb::decision_maker maker{store};
  const auto run = dcb::uuid::random().to_string().substr(0, 8);
  const auto ann = run + "-ann", bob = run + "-bob", cem = run + "-cem";

  report("Ann opens an account with 100.00", maker.make(OpenAccount{ann, "Ann", 100'00}));
  report("Bob opens one", maker.make(OpenAccount{bob, "Bob"}));
  report("Cem opens one with 10.50", maker.make(OpenAccount{cem, "Cem", 10'50}));
  const auto morning = store.head();

  race(maker, ann, bob);
  std::cout << "Ann's 100.00 went out once, and nothing to a closed account: she has " << money(account_as_of(store, ann, store.head()).cents)
            << ", Bob " << money(account_as_of(store, bob, store.head()).cents) << '\n';
  report("Ann withdraws a cent more than that", maker.make(Withdraw{ann, account_as_of(store, ann, store.head()).cents + 1}));
  report("Cem is paid 1.5 % interest", maker.make(PayInterest{cem, 150}));

  std::cout << "In the morning Ann had " << money(account_as_of(store, ann, morning).cents) << '\n';
  for (const auto& entry : statement(store, cem, store.head()))
    std::cout << "Cem, position " << entry.position << ": " << entry.what << ", " << money(entry.change) << ", balance " << money(entry.balance)
              << '\n';
  for (const auto& [account_id, shown, right] : affected_by_rounding(store, store.head()))
    std::cout << "Wrong in the first release: " << account_id << ", " << money(shown) << " instead of " << money(right) << '\n';

  const auto books = check_books(store);
  for (const auto& sentence : books.wrong) std::cout << "WRONG: " << sentence << '\n';
  if (books.wrong.empty()) std::cout << "Checked: the books are right.\n";
  return books.wrong.empty() ? 0 : 1;
} catch (const std::exception& failure) {
  std::cerr << "bank_demo: " << failure.what() << '\n';
  return 1;
}
