#pragma once

// A store on a server with a table of effects, and a projection that writes them: what the tests of runners in trouble share.

#include "shop.hpp"

#include <dcb/dcb.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace trouble {

using namespace std::chrono_literals;
using shop::Event;
using shop::Opened;
using shop::Paid;
using shop::Spent;

inline dcb::store_options named(std::string application) {
  dcb::store_options options{.pool = {.max_connections = 8}, .application_name = std::move(application)};
  return options;
}

// Notes the position and the account of every payment.
struct Ledger {
  std::string name = "ledger";
  std::string insert;
  dcb::failure_policy on_failure = dcb::failure_policy::retry_forever();
  int batch_size = 7;
  std::function<void(const dcb::meta&)> after{};
  std::string count{};  // a statement that locks a row which every consumer needs

  void handle(dcb::transaction& in, const Paid& e, const dcb::meta& m) const {
    in.exec(insert, name, m.position, e.account_id);
    if (!count.empty()) in.exec(count);
    if (after) after(m);
  }
};
struct PartedLedger : Ledger {
  std::string partition_by = "account_id";
  int partitions = 8;
};

// Is told, and says nothing.
struct silent final : dcb::runner_observer {};

class runner_in_trouble : public testing::Test {
 protected:
  void SetUp() override {
    ask("SELECT dcb.create_store('" + name + "')");
    ask("CREATE TABLE " + name + ".effect (n bigserial, subscription text, position bigint, account text)");
    ask("CREATE TABLE " + name + ".total AS SELECT 0 AS payments");
  }
  void TearDown() override { ask("SELECT dcb.drop_store('" + name + "', true)"); }

  std::vector<dcb::sql_row> ask(const std::string& sql) {
    auto in = admin.begin();
    auto rows = in.exec(sql);
    in.commit();
    return rows;
  }
  std::string count() const { return "UPDATE " + name + ".total SET payments = payments + 1"; }
  std::string insert() const { return "INSERT INTO " + name + ".effect (subscription, position, account) VALUES ($1, $2, $3)"; }

  struct effect {
    std::int64_t position;
    std::string account;
  };
  std::vector<effect> effects(const std::string& subscription) {
    std::vector<effect> all;
    for (const auto& row : ask("SELECT position, account FROM " + name + ".effect WHERE subscription = '" + subscription + "' ORDER BY n"))
      all.push_back({std::stoll(row[0].value()), row[1].value()});
    return all;
  }
  std::vector<std::int64_t> payments(dcb::event_log& log) {
    std::vector<std::int64_t> all;
    log.read(dcb::query<Paid>(), {}, [&](const dcb::recorded_event& event) { return all.push_back(event.position), true; });
    return all;
  }

  // Each matching event once, and in order.
  void expect_exactly_once(const std::string& subscription, const std::vector<std::int64_t>& wanted) {
    std::vector<std::int64_t> found;
    for (const auto& each : effects(subscription)) found.push_back(each.position);
    EXPECT_EQ(found, wanted) << subscription;
  }
  // Each matching event once, and in order for each account.
  void expect_exactly_once_by_account(const std::string& subscription, const std::vector<std::int64_t>& wanted) {
    std::map<std::string, std::int64_t> last;
    std::multiset<std::int64_t> found;
    for (const auto& each : effects(subscription)) {
      EXPECT_GT(each.position, last[each.account]) << subscription << ", account " << each.account;
      last[each.account] = each.position;
      found.insert(each.position);
    }
    EXPECT_EQ(found, (std::multiset<std::int64_t>{wanted.begin(), wanted.end()})) << subscription;
  }

  template <class Condition>
  void await(Condition&& condition) {
    const auto until = std::chrono::steady_clock::now() + 120s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "it never came true";
      std::this_thread::sleep_for(5ms);
    }
  }

  const std::string name = "t" + std::to_string(getpid()) + "_" + testing::UnitTest::GetInstance()->current_test_info()->name();
  dcb::raw_store admin{"", name, named("admin")};
};

}  // namespace trouble
