// The bank through trouble: connections cut and processes killed at random. Callers see no error, and the books are right.
#include "bank_support.hpp"

#include "workload.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <random>
#include <thread>

namespace {

using namespace bank;
using namespace std::chrono_literals;

class bank_in_trouble : public testing::Test {
 protected:
  void SetUp() override { ask("SELECT dcb.create_store($1)", name); }
  void TearDown() override { ask("SELECT dcb.drop_store($1, force => true)", name); }

  template <class... Args>
  std::size_t ask(const char* sql, const Args&... args) {
    auto in = admin.begin();
    const auto rows = in.exec(sql, args...).size();
    in.commit();
    return rows;
  }

  const std::string name = "bank_" + std::to_string(getpid()) + "_" + testing::UnitTest::GetInstance()->current_test_info()->name();
  dcb::raw_store admin{"", name};
  std::minstd_rand random{7};
};

TEST_F(bank_in_trouble, cut_connections_reach_nobody) {
  const Workload work{.clients = 32, .accounts = 20, .duration = std::chrono::seconds{number("BANK_SECONDS", 2)}};
  dcb::store<BankEvent> store{"", name, {.pool = {.max_connections = 32}, .application_name = name}};
  dcb::decision_maker maker{store};
  open_accounts(maker, work);
  std::size_t cut = 0;
  Outcome outcome;
  {
    std::jthread killer{[&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        cut += ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 ORDER BY random() LIMIT 1", name);
        std::this_thread::sleep_for(std::chrono::milliseconds{10 + random() % 40});
      }
    }};
    outcome = transfer_at_random(maker, work);
  }
  for (const auto& error : outcome.errors) ADD_FAILURE() << error;
  const auto books = expect_right_books_of(store);
  EXPECT_EQ(books.cents, work.accounts * work.cents);
  EXPECT_EQ(books.transfers, outcome.made) << "each order that was answered was carried out, and no other";
  EXPECT_GT(outcome.made, work.clients);
  EXPECT_GT(cut, 10u) << "that was no test";
  std::cout << outcome.made << " transfers, " << cut << " connections cut\n";
}

// Three processes at a time, each killed at a random moment, 20 altogether.
TEST_F(bank_in_trouble, killed_processes_leave_nothing_half_done) {
  const auto start = [&] {
    const auto child = fork();
    if (child == 0) {
      execl(BANK_LOAD, BANK_LOAD, "", name.c_str(), "600", "8", "10", nullptr);
      _exit(127);
    }
    return child;
  };
  dcb::store<BankEvent> store{"", name};
  std::vector<pid_t> children{start(), start(), start()};
  for (int kills = 0; kills < 20; ++kills) {
    // Each gets to work before it is killed.
    const auto wanted = store.head() + static_cast<std::int64_t>(20 + random() % 100);
    for (const auto until = std::chrono::steady_clock::now() + 60s; store.head() < wanted && std::chrono::steady_clock::now() < until;)
      std::this_thread::sleep_for(1ms);
    EXPECT_GE(store.head(), wanted) << "nobody works";
    auto& victim = children[random() % children.size()];
    kill(victim, SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(victim, &status, 0), victim);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
    victim = start();
  }
  for (const auto child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  const auto books = expect_right_books_of(store);
  EXPECT_EQ(books.cents, 10 * Workload{}.cents);
  EXPECT_GT(books.transfers, 100);
}

}  // namespace
