// bank_load CONNINFO STORE SECONDS [CLIENTS [ACCOUNTS]]: transfers at random, on a store that exists; then the books are checked.
#include "books.hpp"
#include "conflicts.hpp"
#include "workload.hpp"

#include <iostream>

int main(int argc, char** argv) try {
  if (argc < 4 || argc > 6) return std::cerr << "usage: bank_load CONNINFO STORE SECONDS [CLIENTS [ACCOUNTS]]\n", 2;
  Workload work{.duration = std::chrono::seconds{std::stoi(argv[3])}};
  if (argc > 4) work.clients = std::stoi(argv[4]);
  if (argc > 5) work.accounts = std::stoi(argv[5]);
  if (work.clients < 1 || work.accounts < 2) return std::cerr << "bank_load: at least 1 client and 2 accounts\n", 2;

  const auto counter = std::make_shared<conflict_counter>();
  dcb::store<BankEvent> store{argv[1], argv[2], {.pool = {.max_connections = static_cast<std::size_t>(work.clients)}, .watch = counter}};
  dcb::decision_maker maker{store};
  open_accounts(maker, work);
  const auto begin = check_books(store);

  const auto begun = std::chrono::steady_clock::now();
  const auto outcome = transfer_at_random(maker, work);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  const auto decisions = outcome.made + outcome.refused;
  std::cout << work.clients << " clients, " << work.accounts << " accounts, " << took.count() << " s: " << decisions << " decisions, "
            << static_cast<std::int64_t>(static_cast<double>(decisions) / took.count()) << " a second; " << outcome.made << " transfers, "
            << outcome.refused << " refused\n"
            << outcome.conflicts << " conflicts, " << outcome.attempts - decisions << " retries, " << outcome.errors.size() << " errors\n";
  for (const auto& [pair, count] : counter->by_pair(store))
    std::cout << "  " << count << '\t' << pair.first << " made stale by " << pair.second << '\n';
  for (const auto& error : outcome.errors) std::cout << "ERROR: " << error << '\n';

  const auto books = check_books(store);
  for (const auto& sentence : books.wrong) std::cout << "WRONG: " << sentence << '\n';
  if (books.cents != begin.cents) std::cout << "WRONG: there were " << begin.cents << " cents, now there are " << books.cents << '\n';
  const bool all_well = outcome.errors.empty() && books.wrong.empty() && books.cents == begin.cents;
  if (all_well)
    std::cout << "Checked in " << books.events << " events: no gap, " << books.transfers << " transfers sent and received once, no balance negative, "
              << "nothing on an account that is not open, " << books.cents << " cents before and after.\n";
  return all_well ? 0 : 1;
} catch (const std::exception& failure) {
  std::cerr << "bank_load: " << failure.what() << '\n';
  return 1;
}
