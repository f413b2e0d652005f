// The bank and its past: many events on one account, how it was at a time, and a bug that is found years later.
#include "audit.hpp"
#include "bank_support.hpp"

#include <dcb/export_import.hpp>

#include <atomic>

#include <iostream>
#include <random>
#include <sstream>

namespace {

using namespace bank;
using namespace std::chrono_literals;

// The first release: interest rounded down, snapshots of version 1.
namespace release_1 {

struct Account {
  dcb::id<> account_id;
  Stage stage = Stage::none;
  std::int64_t cents = 0;
  static constexpr auto snapshot = dcb::every(1'000, 1);
  void apply(const AccountOpened&) { stage = Stage::open; }
  void apply(const AccountClosed&) { stage = Stage::closed; }
  void apply(const MoneyDeposited& e) { cents += e.cents; }
  void apply(const MoneyWithdrawn& e) { cents -= e.cents; }
  void apply(const MoneySent& e) { cents -= e.cents; }
  void apply(const MoneyReceived& e) { cents += e.cents; }
  void apply(const InterestPaid& e) { cents += interest_rounded_down(cents, e.basis_points); }
};

}  // namespace release_1

// A later one, whose accounts know more: another shape, found under the same name and query.
namespace release_3 {

struct Account {
  dcb::id<> account_id;
  Stage stage = Stage::none;
  std::int64_t cents = 0;
  int deposits = 0;
  static constexpr auto snapshot = dcb::every(1'000, 2);
  void apply(const AccountOpened&) { stage = Stage::open; }
  void apply(const AccountClosed&) { stage = Stage::closed; }
  void apply(const MoneyDeposited& e) { cents += e.cents, ++deposits; }
  void apply(const MoneyWithdrawn& e) { cents -= e.cents; }
  void apply(const MoneySent& e) { cents -= e.cents; }
  void apply(const MoneyReceived& e) { cents += e.cents; }
  void apply(const InterestPaid& e) { cents += interest_on(cents, e.basis_points); }
  friend bool operator==(const Account&, const Account&) = default;
};

}  // namespace release_3

class events_read final : public dcb::observer {
 public:
  void decision_attempted(const dcb::decision_report& report) noexcept override { last = report.events_read; }
  void snapshot_done(const dcb::snapshot_report& report) noexcept override { kept += report.kept ? 1 : 0; }
  std::atomic<std::int64_t> last = -1;
  std::atomic<int> kept = 0;
};

class bank_history : public testing::TestWithParam<log_factory> {
 protected:
  // What a decision sees, by a decision maker of its own, which has saved what it had to when this returns.
  template <class State>
  static State seen_by_decision(const dcb::event_store<BankEvent>& store, const State& fresh) {
    const dcb::decision_maker<BankEvent> maker{store};
    State seen = fresh;
    EXPECT_TRUE(maker.make(fresh, [&](const State& state) -> BankDecision { return seen = state, dcb::nothing; }));
    return seen;
  }
  template <class State>
  static State replayed(const dcb::event_store<BankEvent>& store, State fresh) {
    store.load(fresh);
    return fresh;
  }

  std::unique_ptr<dcb::event_log> log = GetParam().make();
  events_read watch{};
  watched_log watched{*log, watch};
  typed_log<BankEvent> store{watched};
};

// BANK_EVENTS says how many.
TEST_P(bank_history, an_old_account_reads_only_the_tail) {
  const int events = number("BANK_EVENTS", 20'000);
  store.append(AccountOpened{"a", "Ann"});
  std::vector<BankEvent> batch;
  for (int n = 1; n < events; ++n) {
    if (n % 3 == 0) batch.push_back(MoneyWithdrawn{"a", n % 100});
    else batch.push_back(MoneyDeposited{"a", n % 100 + 1});
    if (batch.size() == 10'000 || n == events - 1) store.append(batch), batch.clear();
  }
  const auto timed = [&](const char* what, const auto& work) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
    std::cout << what << ": " << watch.last << " events read, " << took.count() << " ms\n";
  };

  timed("first decision", [&] { EXPECT_TRUE(dcb::decision_maker<BankEvent>{store}.make(Withdraw{"a", 1})); });
  EXPECT_EQ(watch.last, events);
  EXPECT_EQ(watch.kept, 1);
  timed("from the snapshot", [&] { EXPECT_TRUE(dcb::decision_maker<BankEvent>{store}.make(Withdraw{"a", 1})); });
  EXPECT_EQ(watch.last, 1);
  for (int n = 0; n < 7; ++n) store.append(MoneyDeposited{"a", 1});
  timed("from the snapshot, later",
        [&] { EXPECT_EQ(dcb::decision_maker<BankEvent>{store}.make(CloseAccount{"a"}).error(), BankError::account_is_not_empty); });
  EXPECT_EQ(watch.last, 1 + 1 + 7);
  EXPECT_EQ(seen_by_decision(store, Account{"a"}), replayed(store, Account{"a"}));

  const auto full = replayed(store, release_3::Account{"a"});
  timed("another shape", [&] { EXPECT_EQ(seen_by_decision(store, release_3::Account{"a"}), full); });
  EXPECT_EQ(watch.last, events + 9);
  EXPECT_EQ(watch.kept, 2);
  store.append(MoneyDeposited{"a", 1});
  const auto longer = replayed(store, release_3::Account{"a"});
  timed("another shape, from its snapshot", [&] { EXPECT_EQ(seen_by_decision(store, release_3::Account{"a"}), longer); });
  EXPECT_EQ(watch.last, 1);
}

TEST_P(bank_history, an_account_as_of_a_position_or_a_time) {
  store.append(AccountOpened{"a", "Ann"}, MoneyDeposited{"a", 500});
  store.append(AccountOpened{"b", "Bob"}, MoneyDeposited{"b", 10});
  const auto before = store.head();
  store.append(MoneySent{"a", "t1", "b", 200}, MoneyReceived{"b", "t1", "a", 200});
  const auto sent = store.head();
  store.append(InterestPaid{"a", 150});

  EXPECT_EQ(account_as_of(store, "a", 0).stage, Stage::none);
  EXPECT_EQ(account_as_of(store, "a", 1).cents, 0);
  EXPECT_EQ(account_as_of(store, "a", before).cents, 500);
  EXPECT_EQ(account_as_of(store, "a", sent).cents, 300);
  EXPECT_EQ(account_as_of(store, "b", before).cents, 10);
  EXPECT_EQ(account_as_of(store, "b", sent).cents, 210);
  EXPECT_EQ(account_as_of(store, "a", store.head()).cents, 304);  // 300 and 4.5

  const auto entries = statement(store, "a", store.head());
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[2].what, "MoneySent");
  EXPECT_EQ(entries[2].change, -200);
  EXPECT_EQ(entries[3].change, 4);
  EXPECT_EQ(entries[3].balance, 304);
  EXPECT_EQ(statement(store, "a", before).size(), 2u);
  for (const auto& entry : entries) {
    const auto position = store.position_at(entry.recorded_at);
    EXPECT_GE(position, entry.position);
    EXPECT_EQ(account_as_of(store, "a", entry.recorded_at), account_as_of(store, "a", position));
  }
  EXPECT_EQ(account_as_of(store, "a", entries[0].recorded_at - 1us).stage, Stage::none);
  EXPECT_EQ(account_as_of(store, "a", entries[3].recorded_at).cents, 304);
}

// Of four accounts with interest, the first release is wrong about two: 15.75 cents for Ann, and 37.5 for Cem.
TEST_P(bank_history, a_wrong_balance_is_reproduced_elsewhere_and_put_right) {
  store.append(AccountOpened{"ann", "Ann"}, MoneyDeposited{"ann", 1'050}, AccountOpened{"bob", "Bob"}, MoneyDeposited{"bob", 1'000});
  store.append(AccountOpened{"cem", "Cem"}, MoneyDeposited{"cem", 3'000}, AccountOpened{"dan", "Dan"}, MoneyDeposited{"dan", 9'000});
  store.append(InterestPaid{"ann", 150}, InterestPaid{"bob", 124}, InterestPaid{"cem", 125}, InterestPaid{"dan", 200});
  const auto complaint = store.head();
  const auto shown = seen_by_decision(store, release_1::Account{"ann"}).cents;
  EXPECT_EQ(shown, 1'065);
  store.append(MoneyDeposited{"ann", 1}, InterestPaid{"bob", 9'999});  // life goes on

  // The log as it was when Ann complained, in a store of its own.
  std::ostringstream exported;
  dcb::export_events(*log, exported, {.upto = complaint});
  const auto copy_log = GetParam().make();
  watched_log watched_copy{*copy_log, watch};
  const typed_log<BankEvent> copy{watched_copy};
  std::istringstream lines{exported.str()};
  EXPECT_EQ(dcb::import_events(*copy_log, lines, {.numbering = dcb::positions::kept}).position, complaint);
  EXPECT_EQ(copy.head(), complaint);

  EXPECT_EQ(seen_by_decision(copy, release_1::Account{"ann"}).cents, shown) << "the same wrong balance";
  EXPECT_EQ(seen_by_decision(copy, Account{"ann"}).cents, 1'066) << "the right one";
  EXPECT_EQ(account_as_of(store, "ann", complaint).cents, 1'066) << "and in the original";
  const std::vector<Correction> corrections{{"ann", 1'065, 1'066}, {"cem", 3'037, 3'038}};
  EXPECT_EQ(affected_by_rounding(copy, complaint), corrections);
  EXPECT_EQ(affected_by_rounding(store, complaint), corrections);
  EXPECT_TRUE(affected_by_rounding(store, complaint - 4).empty()) << "before any interest was paid";
}

// What the first release kept is not what the fixed one decides on, though it looks the same.
TEST_P(bank_history, the_fixed_release_takes_no_snapshot_of_the_wrong_one) {
  std::vector<BankEvent> events{AccountOpened{"ann", "Ann"}, MoneyDeposited{"ann", 1'050}, InterestPaid{"ann", 150}};
  for (int n = 0; n < 1'000; ++n) events.push_back(MoneyDeposited{"ann", 1});
  store.append(events);
  EXPECT_EQ(seen_by_decision(store, release_1::Account{"ann"}).cents, 2'065);
  EXPECT_EQ(watch.kept, 1);
  EXPECT_EQ(seen_by_decision(store, Account{"ann"}).cents, 2'066);
  EXPECT_EQ(watch.last, 1'003);
  EXPECT_TRUE(dcb::decision_maker<BankEvent>{store}.make(Withdraw{"ann", 2'066}));
  EXPECT_EQ(watch.last, 0);
}

// The same decisions at random lead to the same log, in memory and on a server.
TEST(bank, is_the_same_in_memory_and_on_a_server) {
  const auto story = [](const log_factory& logs) {
    const auto log = logs.make();
    const typed_log<BankEvent> store{*log};
    const dcb::decision_maker<BankEvent> maker{store};
    std::minstd_rand random{11};
    const auto below = [&](unsigned bound) { return static_cast<std::int64_t>(random() % bound); };
    const auto account = [&] { return "a" + std::to_string(below(6)); };
    std::string told;
    const auto tell = [&](const auto& made) {
      told += made ? "made " + std::to_string(made.position()) : "refused " + dcb::to_json(made.error());
      told += '\n';
    };
    for (int n = 0; n < 600; ++n) {
      const auto one = account(), other = account();
      const auto cents = below(400) - 10;
      switch (below(10)) {
        case 0: tell(maker.make(OpenAccount{one, "somebody", cents})); break;
        case 1: tell(maker.make(CloseAccount{one})); break;
        case 2:
        case 3: tell(maker.make(Deposit{one, cents})); break;
        case 4:
        case 5: tell(maker.make(Withdraw{one, below(3) ? cents : account_as_of(store, one, store.head()).cents})); break;
        case 6: tell(maker.make(PayInterest{one, below(300)})); break;
        default: tell(maker.make(Transfer{"t" + std::to_string(below(200)), one, other, cents}));
      }
    }
    for (const auto& entry : statement(store, "a1", store.head())) told += entry.what + ' ' + std::to_string(entry.balance) + '\n';
    Balances<> balances;
    store.load(balances);
    told += dcb::to_json(balances);
    store.log().read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& event) {
      const auto decoded = dcb::event_schema<BankEvent>::decode(event);
      const std::vector<BankEvent> one{decoded};
      const auto again = dcb::event_schema<BankEvent>::encode(one);
      told += std::to_string(event.position) + ' ' + event.type + ' ' + again[0].data + '\n';
      return true;
    });
    expect_right_books_of(store);
    return told;
  };
  const auto in_memory = story(memory_logs());
  EXPECT_EQ(in_memory, story(server_logs()));
  for (const auto* answer :
       {"account_exists", "no_such_account", "account_is_closed", "account_is_not_empty", "no_amount", "not_enough_money", "same_account"})
    EXPECT_NE(in_memory.find(answer), std::string::npos) << answer << " never came up";
}

INSTANTIATE_TEST_SUITE_P(store, bank_history, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
