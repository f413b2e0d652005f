#include "workload.hpp"

#include <deque>
#include <latch>
#include <random>
#include <thread>

namespace {

std::string account(int n) { return "account-" + std::to_string(n); }

class client {
 public:
  client(const dcb::decision_maker<BankEvent>& maker, const Workload& work) : maker_(maker), work_(work) {}

  void run(std::chrono::steady_clock::time_point until) {
    while (std::chrono::steady_clock::now() < until) {
      const auto from = below(work_.accounts);
      const auto to = (from + 1 + below(work_.accounts - 1)) % work_.accounts;
      try {
        count(maker_.make(Transfer{dcb::uuid::random().to_string(), account(from), account(to), 1 + below(static_cast<int>(work_.cents))}));
      } catch (const std::exception& failure) {
        outcome_.errors.push_back(failure.what());
      }
    }
  }

  const Outcome& outcome() const { return outcome_; }

 private:
  int below(int bound) { return std::uniform_int_distribution<int>{0, bound - 1}(random_); }

  template <class Made>
  void count(const Made& made) {
    ++(made ? outcome_.made : outcome_.refused);
    outcome_.conflicts += made.conflicts();
    outcome_.attempts += made.attempts();
  }

  const dcb::decision_maker<BankEvent>& maker_;
  const Workload& work_;
  std::minstd_rand random_{std::random_device{}()};
  Outcome outcome_{};
};

}  // namespace

Outcome& Outcome::operator+=(const Outcome& other) {
  made += other.made;
  refused += other.refused;
  conflicts += other.conflicts;
  attempts += other.attempts;
  errors.insert(errors.end(), other.errors.begin(), other.errors.end());
  return *this;
}

void open_accounts(const dcb::decision_maker<BankEvent>& maker, const Workload& work) {
  for (int n = 0; n < work.accounts; ++n) {
    const auto made = maker.make(OpenAccount{account(n), "client " + std::to_string(n), work.cents});
    if (!made && made.error() != BankError::account_exists) throw std::runtime_error{"no account: " + dcb::to_json(made.error())};
  }
}

Outcome transfer_at_random(const dcb::decision_maker<BankEvent>& maker, const Workload& work) {
  std::deque<client> clients;
  for (int n = 0; n < work.clients; ++n) clients.emplace_back(maker, work);
  std::latch barrier{work.clients};
  {
    std::vector<std::jthread> threads;
    for (auto& each : clients)
      threads.emplace_back([&] {
        barrier.arrive_and_wait();
        each.run(std::chrono::steady_clock::now() + work.duration);
      });
  }
  Outcome all;
  for (const auto& each : clients) all += each.outcome();
  return all;
}
