// Process managers and due appends.
#include "reaction_suite.hpp"

#include <set>

namespace {

using namespace reaction;
using namespace std::chrono_literals;

// Pays back what was spent in a shop that closes: a decision for each account, and a second look later.
struct Refund {
  std::string account_id;
  auto states() const { return shop::Account{account_id}; }
  dcb::decided<Event, shop::Refusal> decide(const shop::Account& account) const {
    if (!account.open) return shop::Refusal::no_account;
    if (account.cents >= 0) return dcb::nothing;
    return Paid{account_id, -account.cents};
  }
};

struct Bank {
  static constexpr auto name = "bank";
  auto when(const Spent& e) const { return Refund{e.account_id}; }
};

// A bonus, unless the account is used within a day; taken back when its shop closes.
struct Bonus {
  static constexpr auto name = "bonus";
  std::chrono::milliseconds wait = 24h;
  auto when(const Opened& e, const dcb::meta& m) const {
    return dcb::at(m.recorded_at + wait, Paid{e.account_id, 100}).named("bonus:" + *e.account_id).unless(dcb::query<Spent>(dcb::tag("account_id", *e.account_id)));
  }
  auto when(const ShopClosed& e) const { return dcb::cancel("bonus:" + *e.shop_id); }
};

struct Several {
  static constexpr auto name = "several";
  using Answer = std::optional<std::tuple<Opened, std::vector<Event>, std::variant<Paid, Spent>>>;
  Answer when(const ShopClosed& e) const {
    if (*e.shop_id == "quiet") return {};
    return Answer{{Opened{e.shop_id}, {Opened{"x"}, Paid{"y", 1}}, Spent{"x", "y", 2}}};
  }
};

struct TwoDecisions {
  static constexpr auto name = "two";
  static constexpr auto on_failure = dcb::failure_policy::park_after(1);
  auto when(const ShopClosed&) const { return std::tuple{Refund{"ann"}, Refund{"bob"}}; }
};

// While it is being decided, something happens that changes the answer.
struct MeddledRefund : Refund {
  const dcb::event_store<Event>* store;
  int* meddled;
  dcb::decided<Event, shop::Refusal> decide(const shop::Account& account) const {
    if ((*meddled)++ == 0) store->append(Spent{account_id, "s", 10});
    return Refund::decide(account);
  }
};
struct MeddledBank {
  static constexpr auto name = "meddled";
  const dcb::event_store<Event>* store;
  int* meddled;
  auto when(const ShopClosed&) const { return MeddledRefund{{"ann"}, store, meddled}; }
};

class process_manager : public reaction_test {
 protected:
  std::vector<dcb::recorded_event> events(std::int64_t after = 0) {
    std::vector<dcb::recorded_event> all;
    log->read(dcb::event_query::all(), {.after = after}, [&](const dcb::recorded_event& event) { return all.push_back(event), true; });
    return all;
  }
};

TEST_P(process_manager, decides_once_for_each_event_and_sees_what_it_did) {
  store.append(Opened{"ann"}, Opened{"bob"}, Spent{"ann", "s", 5}, Spent{"ann", "s", 7}, Spent{"bob", "s", 1}, Spent{"nobody", "s", 1});
  dcb::runner<Event> runner{store, watched()};
  runner.add(Bank{});
  runner.run_once();
  const auto made = events(6);
  ASSERT_EQ(made.size(), 2u) << "12 for ann at once, as both were spent by then; 1 for bob";
  EXPECT_EQ(made[0].type, "Paid");
  EXPECT_NE(made[0].data.find("12"), std::string::npos) << made[0].data;
  EXPECT_EQ(told.refusals, (std::vector<std::string>{"no_account"}));
  EXPECT_EQ(status("bank").position, 8);

  // In another life nothing is done again: the states have the effects, and the append ids would refuse them.
  log->reactions().rewind("bank", 0);
  runner.run_once();
  EXPECT_EQ(log->head(), 8);
}

TEST_P(process_manager, names_the_cause_of_what_it_appends) {
  const std::vector<dcb::new_event> command{{.type = "Spent", .data = R"({"account_id":"ann","shop_id":"s","cents":5})",
                                             .tags = {"account_id:ann", "shop_id:s"}, .metadata = R"({"correlation_id":"order-7"})",
                                             .id = dcb::uuid::random()}};
  store.append(Opened{"ann"});
  log->append(command);
  store.append(Spent{"ann", "s", 1});
  dcb::runner<Event> runner{store, watched()};
  runner.add(Bank{});
  runner.run_once();
  auto about = dcb::meta_of(events(3).at(0));
  EXPECT_EQ(about.correlation_id, "order-7");
  EXPECT_EQ(about.causation_id, command[0].id->to_string());

  store.append(Spent{"ann", "s", 3});
  runner.run_once();
  about = dcb::meta_of(events(5).at(0));
  EXPECT_EQ(about.correlation_id, "5") << "without a correlation and an id, it is the position";
  EXPECT_EQ(about.causation_id, "5");
}

TEST_P(process_manager, appends_are_not_repeated_after_a_rewind) {
  store.append(ShopClosed{"s"}, ShopClosed{"quiet"});
  dcb::runner<Event> runner{store, watched()};
  runner.add(Several{});
  runner.run_once();
  ASSERT_EQ(log->head(), 6);
  EXPECT_EQ(events(2).at(0).type, "Opened");
  EXPECT_EQ(events(2).at(3).type, "Spent");
  log->reactions().rewind("several", 0);
  runner.run_once();
  EXPECT_EQ(log->head(), 6);
}

TEST_P(process_manager, whose_answer_changed_does_not_repeat_what_was_appended) {
  struct Changed {
    std::string name = "changing";
    std::int64_t cents;
    auto when(const ShopClosed&) const { return Paid{"x", cents}; }
  };
  store.append(ShopClosed{"s"}, ShopClosed{"t"});
  dcb::runner<Event> before{store, watched()};
  before.add(Changed{.cents = 1});
  before.run_once();
  log->reactions().rewind("changing", 0);
  dcb::runner<Event> after{store, watched()};
  after.add(Changed{.cents = 2});
  after.run_once();
  EXPECT_EQ(log->head(), 4);
  EXPECT_EQ(told.repetitions, (positions{1, 2})) << "that is told";
  EXPECT_EQ(status("changing").position, 4);
}

TEST_P(process_manager, decides_anew_when_what_it_read_has_changed) {
  store.append(Opened{"ann"}, Spent{"ann", "s", 5}, ShopClosed{"s"});
  int meddled = 0;
  dcb::runner<Event> runner{store, watched()};
  runner.add(MeddledBank{&store, &meddled});
  runner.run_once();
  const auto made = events(4);
  ASSERT_EQ(made.size(), 1u);
  EXPECT_NE(made[0].data.find("15"), std::string::npos) << made[0].data;
  EXPECT_EQ(meddled, 2);
  EXPECT_TRUE(told.failures.empty()) << "a conflict is no failure";
}

TEST_P(process_manager, makes_one_decision_about_an_event) {
  store.append(Opened{"ann"}, Opened{"bob"}, Spent{"ann", "s", 1}, Spent{"bob", "s", 1}, ShopClosed{"s"});
  dcb::runner<Event> runner{store, watched()};
  runner.add(TwoDecisions{});
  runner.run_once();
  EXPECT_EQ(told.parked_at, (positions{5}));
  EXPECT_EQ(log->head(), 5);
}

TEST_P(process_manager, schedules_under_a_condition_and_cancels) {
  store.append(Opened{"idle"}, Opened{"busy"}, Opened{"closed"}, Spent{"busy", "s", 1}, ShopClosed{"closed"});
  dcb::runner<Event> runner{store, watched()};
  runner.add(Bonus{.wait = 0ms});
  EXPECT_EQ(log->reactions().run_due(), 0);
  runner.run_once();
  ASSERT_EQ(log->head(), 6) << "one of three";
  EXPECT_EQ(events(5).at(0).tags, (std::vector<std::string>{"account_id:idle"}));
  EXPECT_EQ(dcb::meta_of(events(5).at(0)).causation_id, "1");
  using outcome = std::pair<dcb::due_state, std::optional<std::int64_t>>;
  std::set<outcome> outcomes;
  for (const auto& each : log->reactions().due()) outcomes.emplace(each.state, each.position);
  EXPECT_EQ(outcomes, (std::set<outcome>{{dcb::due_state::appended, 6}, {dcb::due_state::refused, 4}, {dcb::due_state::cancelled, std::nullopt}}));

  log->reactions().rewind("bonus", 0);
  runner.run_once();
  EXPECT_EQ(log->head(), 6) << "scheduled again is not done again";
}

TEST_P(process_manager, what_is_not_due_waits) {
  store.append(Opened{"ann"});
  dcb::runner<Event> runner{store, watched()};
  runner.add(Bonus{});
  runner.run_once();
  EXPECT_EQ(log->head(), 1);
  ASSERT_EQ(log->reactions().due().size(), 1u);
  EXPECT_EQ(log->reactions().due()[0].state, dcb::due_state::pending);
  EXPECT_EQ(log->reactions().due()[0].due, events().at(0).recorded_at + 24h);
}

TEST_P(process_manager, or_anybody_schedules) {
  store.append(Opened{"ann"});
  const auto now = events().at(0).recorded_at;
  const auto later = dcb::schedule(store, dcb::at(now, Paid{"ann", 2}).named("second"));
  dcb::schedule(store, dcb::at(now - 1s, Paid{"ann", 1}));
  dcb::schedule(store, dcb::at(now - 2s, Paid{"ann", 0}).unless(dcb::query<Opened>(dcb::tag("account_id", "ann"))));
  dcb::schedule(store, dcb::at(now - 2s, Paid{"ann", 3}).unless(dcb::query<Opened>(dcb::tag("account_id", "ann"))).since(1));
  dcb::schedule(store, dcb::at(now, Paid{"ann", 9}).named("never"));
  EXPECT_EQ(dcb::schedule(store, dcb::at(now, Paid{"ann", 2}).named("second")), later);
  EXPECT_EQ(refusal([&] { dcb::schedule(store, dcb::at(now, Paid{"ann", 4}).named("second")); }), "DCB14");
  EXPECT_TRUE(dcb::cancel(store, dcb::cancel("never")));
  EXPECT_FALSE(dcb::cancel(store, dcb::cancel("never")));
  EXPECT_FALSE(dcb::cancel(store, dcb::cancel("unheard of")));
  while (log->reactions().run_due() > 0) {}
  const auto made = events(1);
  ASSERT_EQ(made.size(), 3u);
  EXPECT_NE(made[0].data.find("3"), std::string::npos) << "in the order of their times";
  EXPECT_NE(made[1].data.find("1"), std::string::npos);
  EXPECT_NE(made[2].data.find("2"), std::string::npos);
}

TEST_P(process_manager, schedules_in_the_callers_transaction) {
  {
    auto in = log->reactions().begin(30s);
    dcb::schedule(store, dcb::at(dcb::timestamp{}, Paid{"ann", 1}), &in);
  }
  EXPECT_TRUE(log->reactions().due().empty());
  auto in = log->reactions().begin(30s);
  dcb::schedule(store, dcb::at(dcb::timestamp{}, Paid{"ann", 1}), &in);
  in.commit();
  EXPECT_EQ(log->reactions().due().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(store, process_manager, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
