// Decisions with snapshots, on every log: what they save, and that they never decide on anything else than the events do.
#include "forwarding_log.hpp"
#include "shop.hpp"
#include "store_suite.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <random>
#include <thread>

namespace {

using namespace shop;

// Remembers what it is told.
class notes final : public dcb::observer {
 public:
  void decision_attempted(const dcb::decision_report& report) noexcept override {
    const std::scoped_lock lock{mutex};
    events_read = report.events_read;
    attempts.push_back(report.failure ? std::string{report.failure->sqlstate()} : "made");
  }
  void snapshot_done(const dcb::snapshot_report& report) noexcept override {
    const std::scoped_lock lock{mutex};
    if (report.kept) ++kept;
    if (report.failure) failures.push_back(std::string{report.name} + ": " + report.failure->what());
  }
  std::mutex mutex{};
  std::int64_t events_read = -1;
  int kept = 0;
  std::vector<std::string> attempts{}, failures{};
};

class watched_log final : public forwarding_log {
 public:
  explicit watched_log(dcb::event_log& to) : forwarding_log(to) {}
  dcb::observer* watched_by() const noexcept override { return &watch; }
  std::int64_t load(std::span<const dcb::load_part> parts, dcb::load_sink& sink, const dcb::call_options& call) override {
    for (const auto& part : parts)
      if (no_right && !part.snapshot_name.empty()) throw dcb::error{"permission denied for the snapshots", {.sqlstate = "42501"}};
    return forwarding_log::load(parts, sink, call);
  }
  bool save_snapshot(const dcb::load_part& part, const dcb::saved_state& state, const dcb::call_options& call) override {
    if (hold_saving.valid()) hold_saving.wait();
    if (no_right) throw dcb::error{"permission denied for the snapshots", {.sqlstate = "42501"}};
    return forwarding_log::save_snapshot(part, state, call);
  }
  mutable notes watch{};
  std::shared_future<void> hold_saving{};
  bool no_right = false;
};

namespace kept {

struct Account {
  dcb::id<> account_id;
  bool open = false;
  std::int64_t cents = 0;
  static constexpr auto snapshot = dcb::every(10);
  void apply(const Opened&) { open = true; }
  void apply(const Paid& e) { cents += e.cents; }
  void apply(const Spent& e) { cents -= e.cents; }
};

struct Shop {
  dcb::id<> shop_id;
  std::int64_t revenue = 0;
  static constexpr auto snapshot = dcb::every(3);
  void apply(const Spent& e) { revenue += e.cents; }
};

}  // namespace kept

// The same name, the same query, another shape: counts what comes in as well.
namespace grown {

struct Account {
  dcb::id<> account_id;
  bool open = false;
  std::int64_t cents = 0;
  int payments = 0;
  static constexpr auto snapshot = dcb::every(10);
  void apply(const Opened&) { open = true; }
  void apply(const Paid& e) { cents += e.cents, ++payments; }
  void apply(const Spent& e) { cents -= e.cents; }
};

}  // namespace grown

// The same shape, but another way of folding, which only the version tells.
namespace refolded {

struct Account {
  dcb::id<> account_id;
  bool open = false;
  std::int64_t cents = 0;
  static constexpr auto snapshot = dcb::every(10, 2);
  void apply(const Opened&) { open = true; }
  void apply(const Paid& e) { cents += 2 * e.cents; }
  void apply(const Spent& e) { cents -= e.cents; }
};

}  // namespace refolded

class snapshots : public log_test {
 protected:
  using maker_type = dcb::decision_maker<Event>;

  // A decision maker of its own, which has saved what it had to when this returns.
  template <class State>
  State decide_on(const State& fresh, std::vector<Event> events = {}) {
    std::optional<State> seen;
    const maker_type maker{store, {.longest_wait = std::chrono::milliseconds{5}}};
    const auto made = maker.make(fresh, [&](const State& state) -> Decided { return seen = state, events; });
    EXPECT_TRUE(made);
    return *seen;
  }
  void pay(int times) { store.append(std::vector<Event>(static_cast<std::size_t>(times), Paid{"a", 1})); }

  watched_log watched{*log};
  typed_log<Event> store{watched};
};

TEST_P(snapshots, an_account_with_many_events_reads_only_the_tail) {
  pay(1'000);
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 1'000);
  EXPECT_EQ(watched.watch.events_read, 1'000);
  EXPECT_EQ(watched.watch.kept, 1);
  pay(4);
  EXPECT_EQ(decide_on(kept::Account{"a"}, {Paid{"a", 5}}).cents, 1'004);
  EXPECT_EQ(watched.watch.events_read, 4);
  EXPECT_EQ(watched.watch.kept, 1) << "4 events are not worth another one";
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 1'009);
  EXPECT_EQ(watched.watch.events_read, 5);
  pay(10);
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 1'019);
  EXPECT_EQ(watched.watch.kept, 2);
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 1'019);
  EXPECT_EQ(watched.watch.events_read, 0);
  EXPECT_EQ(decide_on(kept::Account{"b"}).cents, 0) << "somebody else's account";
  EXPECT_TRUE(watched.watch.failures.empty());
}

TEST_P(snapshots, each_state_of_a_decision_has_its_own_position) {
  pay(20);
  decide_on(kept::Account{"a"});  // saved at 20
  for (int i = 0; i < 3; ++i) store.append(Spent{"a", "s", 1});
  decide_on(kept::Shop{"s"});  // saved at 23
  store.append(Spent{"a", "s", 1}, Paid{"a", 7}, Opened{"z"});

  const maker_type maker{store};
  const auto made = maker.make(std::tuple{kept::Account{"a"}, Account{"z"}, kept::Shop{"s"}},
                               [](const kept::Account& account, const Account& plain, const kept::Shop& shop) -> Decided {
                                 EXPECT_EQ(account.cents, 23);
                                 EXPECT_TRUE(plain.open);
                                 EXPECT_EQ(shop.revenue, 4);
                                 return Paid{"a", 1};
                               });
  EXPECT_TRUE(made);
  EXPECT_EQ(made.attempts(), 1) << "the condition speaks of what was read, not of the snapshots";
  EXPECT_LT(watched.watch.events_read, 10);
}

TEST_P(snapshots, what_comes_after_a_snapshot_makes_the_decision_stale) {
  pay(20);
  decide_on(kept::Account{"a"});
  int decided = 0;
  const maker_type maker{store, {.first_wait = std::chrono::milliseconds{0}}};
  const auto made = maker.make(kept::Account{"a"}, [&](const kept::Account& account) -> Decided {
    if (++decided == 1) pay(1);
    return Paid{"a", account.cents};
  });
  EXPECT_EQ(made.conflicts(), 1);
  EXPECT_EQ(std::get<Paid>(made.events().at(0).event).cents, 21);
}

TEST_P(snapshots, another_shape_replays_all) {
  pay(30);
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 30);
  const auto grown = decide_on(grown::Account{"a"});
  EXPECT_EQ(grown.payments, 30);
  EXPECT_EQ(watched.watch.events_read, 30);
  EXPECT_EQ(decide_on(refolded::Account{"a"}).cents, 60);
  EXPECT_EQ(decide_on(grown::Account{"a"}).payments, 30) << "each has its own snapshot by now";
  EXPECT_EQ(watched.watch.events_read, 0);
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 30);
  EXPECT_EQ(watched.watch.events_read, 0);
}

TEST_P(snapshots, a_state_that_begins_otherwise_replays_all) {
  pay(30);
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 30);
  EXPECT_EQ(decide_on(kept::Account{.account_id = "a", .cents = 1'000}).cents, 1'030);
}

// Random histories, random saving: a decision with snapshots sees what a full replay sees.
TEST_P(snapshots, equal_a_full_replay) {
  std::minstd_rand random{7};
  for (int round = 0; round < 60; ++round) {
    std::vector<Event> events;
    for (auto n = random() % 8; n > 0; --n) {
      const std::string account = random() % 2 == 0 ? "a" : "b";
      if (random() % 3 == 0)
        events.push_back(Spent{account, "s", static_cast<std::int64_t>(random() % 9)});
      else
        events.push_back(Paid{account, static_cast<std::int64_t>(random() % 9)});
    }
    if (!events.empty()) store.append(events);
    for (const std::string account : {"a", "b"}) {
      const auto seen = decide_on(kept::Account{account});
      Account replayed{account};
      store.load(replayed);
      ASSERT_EQ(seen.cents, replayed.cents) << "round " << round;
      ASSERT_EQ(seen.open, replayed.open);
    }
  }
  EXPECT_GT(watched.watch.kept, 5);
}

TEST_P(snapshots, one_that_cannot_be_read_is_no_default_state) {
  pay(30);
  const auto part = dcb::part_of(kept::Account{"a"}, dcb::state_schema<Event>::query(kept::Account{"a"}));
  ASSERT_TRUE(log->save_snapshot(part, {30, R"({"account_id":"a","open":true,"cen)"}));
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 30);
  EXPECT_EQ(watched.watch.events_read, 30);
  ASSERT_EQ(watched.watch.failures.size(), 1u);
  EXPECT_EQ(watched.watch.attempts, strings{"made"}) << "reading once more is not another attempt";
}

TEST_P(snapshots, without_the_right_decisions_go_on) {
  pay(30);
  watched.no_right = true;
  EXPECT_EQ(decide_on(kept::Account{"a"}).cents, 30);
  EXPECT_EQ(watched.watch.failures, (strings{"Account: permission denied for the snapshots"}));
  EXPECT_EQ(watched.watch.attempts, strings{"made"});
}

TEST_P(snapshots, saving_does_not_hold_up_the_decision) {
  pay(30);
  std::promise<void> go;
  watched.hold_saving = go.get_future().share();
  {
    const maker_type maker{store};
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(maker.make(kept::Account{"a"}, [](const kept::Account&) -> Decided { return Paid{"a", 1}; }));
    EXPECT_EQ(watched.watch.kept, 0);
    EXPECT_EQ(log->head(), 35);
    go.set_value();
  }
  EXPECT_GE(watched.watch.kept, 1) << "what is waiting is saved at the end";
}

TEST_P(snapshots, racing_decisions_keep_the_invariant) {
  pay(100);
  std::atomic<int> spent = 0, refused = 0;
  {
    const maker_type maker{store, {.attempts = 1'000}};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 30; ++n) {
          const auto made = maker.make(kept::Account{"a"}, [](const kept::Account& account) -> Decided {
            if (account.cents < 1) return Refusal::too_poor;
            return Spent{"a", "s", 1};
          });
          ++(made ? spent : refused);
        }
      });
  }
  EXPECT_EQ(spent, 100);
  EXPECT_EQ(refused, 20);
  EXPECT_GE(watched.watch.kept, 1);
}

INSTANTIATE_TEST_SUITE_P(store, snapshots, testing::Values(memory_logs(), server_logs()), name_of);

// What the shape of a state depends on.
template <class T>
std::string shape() {
  std::string text;
  dcb::add_shape<T>(text);
  return text;
}

enum class Colour { red, green };
struct Tree {
  std::string name;
  std::vector<Tree> branches;
};
struct Everything {
  bool b;
  std::uint8_t u;
  double d;
  dcb::id<> i;
  dcb::uuid w;
  std::optional<Colour> c;
  std::map<std::string, std::array<int, 2>> m;
  std::variant<Opened, ShopClosed> v;
};

TEST(shape, names_all_that_the_form_depends_on) {
  EXPECT_EQ(shape<Everything>(),
            "{b:bool,u:unsigned1,d:float8,i:text,w:uuid,c:?enum,red,green,m:<text:[int4;2]>,"
            "v:(Opened{account_id:text,}|ShopClosed{shop_id:text,}|),}");
  EXPECT_EQ(shape<Tree>(), "{name:text,branches:[Tree],}");
  EXPECT_NE(shape<kept::Account>(), shape<grown::Account>());
  EXPECT_EQ(shape<kept::Account>(), shape<refolded::Account>());
}

}  // namespace
