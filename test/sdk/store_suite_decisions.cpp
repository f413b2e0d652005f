// Decisions and the typed front, on every log.
#include "shop.hpp"
#include "store_suite.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <latch>
#include <thread>

namespace {

using namespace shop;

// Does something between the read and the append of a decision, once.
template <class Decision>
struct Interrupted : Decision {
  std::function<void()>* meanwhile;
  template <class... State>
  auto decide(const State&... state) const -> decltype(Decision::decide(state...)) {
    auto answer = Decision::decide(state...);
    if (auto act = std::exchange(*meanwhile, {})) act();
    return answer;
  }
};

class deciding : public log_test {
 protected:
  template <class Decision>
  auto make_while(const Decision& decision, std::function<void()> meanwhile) {
    return maker.make(Interrupted<Decision>{decision, &meanwhile});
  }
  std::int64_t balance(const std::string& account_id) {
    Account account{account_id};
    store.load(account);
    return account.cents;
  }

  typed_log<Event> store{*log};
  dcb::decision_maker<Event> maker{store, {.longest_wait = std::chrono::milliseconds{5}}};
};

TEST_P(deciding, events_with_their_positions) {
  store.append(Opened{"other"});
  const auto made = maker.make(Open{"a"});
  ASSERT_TRUE(made);
  ASSERT_EQ(made.events().size(), 1u);
  EXPECT_EQ(made.events()[0].position, 2);
  EXPECT_EQ(made.position(), 2);
  EXPECT_EQ(made.attempts(), 1);
  EXPECT_EQ(made.conflicts(), 0);
}

TEST_P(deciding, refusal_is_a_value_and_appends_nothing) {
  const auto made = maker.make(Pay{"a", 5});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), Refusal::no_account);
  EXPECT_EQ(log->head(), 0);
}

TEST_P(deciding, nothing_to_do_is_an_answer) {
  store.append(Opened{"a"});
  const auto made = maker.make(Pay{"a", 0});
  ASSERT_TRUE(made);
  EXPECT_TRUE(made.events().empty());
  EXPECT_EQ(made.position(), 1) << "what it had read";
  EXPECT_EQ(log->head(), 1);
}

TEST_P(deciding, states_see_their_own_events) {
  store.append(Opened{"a"}, Paid{"a", 100}, Opened{"b"}, Paid{"b", 7}, Spent{"b", "s", 2}, Spent{"a", "t", 1});
  std::tuple states{Account{"a"}, Shop{"s"}, Account{"b"}};
  EXPECT_EQ(store.load(states), 6);
  EXPECT_EQ(std::get<0>(states).cents, 99);
  EXPECT_EQ(std::get<1>(states).revenue, 2);
  EXPECT_EQ(std::get<2>(states).cents, 5);
}

TEST_P(deciding, load_catches_up) {
  store.append(Opened{"a"}, Paid{"a", 100});
  Account account{"a"};
  auto position = store.load(account);
  store.append(Paid{"a", 1}, Paid{"b", 1});
  position = store.load(account, position);
  EXPECT_EQ(account.cents, 101);
  EXPECT_EQ(position, 4);
}

TEST_P(deciding, load_as_of_stops_at_the_position) {
  store.append(Opened{"a"}, Paid{"a", 100}, Opened{"b"}, Paid{"b", 7}, Paid{"a", 1});
  using cents = std::pair<std::int64_t, std::int64_t>;
  const auto as_of = [&](std::int64_t position) -> cents {
    std::tuple states{Account{"a"}, Account{"b"}};
    EXPECT_EQ(store.load_as_of(states, position), std::min<std::int64_t>(position, 5));
    return {std::get<0>(states).cents, std::get<1>(states).cents};
  };
  EXPECT_EQ(as_of(0), (cents{0, 0}));
  EXPECT_EQ(as_of(2), (cents{100, 0}));
  EXPECT_EQ(as_of(4), (cents{100, 7}));
  EXPECT_EQ(as_of(9), (cents{101, 7}));
  Account account{"a"};
  EXPECT_EQ(store.load_as_of(account, 4), 4);
  EXPECT_EQ(account.cents, 100);
}

TEST_P(deciding, stale_decision_is_made_anew) {
  store.append(Opened{"a"}, Paid{"a", 10});
  const auto made = make_while(Spend{"a", "s", 10}, [&] { store.append(Spent{"a", "t", 1}); });
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), Refusal::too_poor) << "decided on what it found the second time";
  EXPECT_EQ(made.attempts(), 2);
  EXPECT_EQ(made.conflicts(), 1);
  EXPECT_EQ(balance("a"), 9);
}

TEST_P(deciding, what_does_not_concern_it_does_not_disturb) {
  store.append(Opened{"a"}, Paid{"a", 10});
  const auto made = make_while(Spend{"a", "s", 10}, [&] { store.append(Opened{"b"}, Paid{"b", 5}, Spent{"b", "t", 1}, ShopClosed{"t"}); });
  ASSERT_TRUE(made);
  EXPECT_EQ(made.attempts(), 1);
}

TEST_P(deciding, either_state_can_make_it_stale) {
  store.append(Opened{"a"}, Paid{"a", 10}, Opened{"b"}, Paid{"b", 10});
  EXPECT_EQ(make_while(Spend{"a", "s", 1}, [&] { store.append(Spent{"b", "s", 1}); }).conflicts(), 1);
  EXPECT_EQ(make_while(Spend{"a", "s", 1}, [&] { store.append(Paid{"a", 1}); }).conflicts(), 1);
  const auto closed = make_while(Spend{"a", "s", 1}, [&] { store.append(ShopClosed{"s"}); });
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error(), Refusal::shop_closed);
}

TEST_P(deciding, guard_narrows_what_makes_it_stale) {
  store.append(Opened{"a"}, Paid{"a", 10}, Opened{"b"}, Paid{"b", 10});
  const SpendBesideOthers spend{{"a", "s", 1}};
  EXPECT_EQ(make_while(spend, [&] { store.append(Spent{"b", "s", 1}); }).conflicts(), 0) << "left out by without<Spent>(shop)";
  EXPECT_EQ(make_while(spend, [&] { store.append(Spent{"a", "t", 1}); }).conflicts(), 1) << "the account is guarded as a whole";
  EXPECT_FALSE(make_while(spend, [&] { store.append(ShopClosed{"s"}); }));
}

TEST_P(deciding, guard_may_be_a_query_or_empty) {
  struct UniqueName : Open {
    auto guard() const { return dcb::query<Opened>(dcb::tag("account_id", account_id)); }
  };
  EXPECT_TRUE(maker.make(UniqueName{{"a"}}));
  int attempts = 0;
  struct Counted : UniqueName {
    int& attempts;
    Decided decide() const { return ++attempts, Open::decide(); }
  };
  EXPECT_THROW((void)maker.make(Counted{{{"a"}}, attempts}), dcb::conflict);
  EXPECT_EQ(attempts, 1) << "what nothing was read for is not otherwise next time";

  struct Careless : Pay {
    std::tuple<> guard(const Account&) const { return {}; }
  };
  EXPECT_EQ(make_while(Careless{{"a", 1}}, [&] { store.append(Paid{"a", 1}); }).conflicts(), 0);
}

TEST_P(deciding, gives_up_when_attempts_are_used_up) {
  store.append(Opened{"a"});
  int decided = 0;
  auto rival_first = [&](const Account&) -> Decided {
    ++decided;
    store.append(Paid{"a", 1});
    return Paid{"a", 1000};
  };
  const dcb::decision_maker thrice{store, {.attempts = 3, .first_wait = std::chrono::milliseconds{0}}};
  EXPECT_THROW((void)thrice.make(Account{"a"}, rival_first), dcb::conflict);
  EXPECT_EQ(decided, 3);
  EXPECT_EQ(balance("a"), 3);
}

TEST_P(deciding, lambda_over_states) {
  store.append(Opened{"a"}, Paid{"a", 4});
  const auto made = maker.make(std::tuple{Account{"a"}, Shop{"s"}}, [](const Account& account, const Shop&) -> Decided {
    return {Spent{"a", "s", account.cents}, ShopClosed{"s"}};
  });
  ASSERT_TRUE(made);
  ASSERT_EQ(made.events().size(), 2u);
  EXPECT_EQ(made.events()[0].position, 3);
  EXPECT_EQ(made.events()[1].position, 4);
  EXPECT_TRUE(std::holds_alternative<ShopClosed>(made.events()[1].event));
  EXPECT_EQ(balance("a"), 0);
}

TEST_P(deciding, options_reach_the_append) {
  const auto id = dcb::uuid::random();
  const auto first = maker.make(Open{"a"}, {.metadata = R"({"by":"ann"})", .call = {.append_id = id}});
  const auto again = maker.make(Open{"a"}, {.metadata = R"({"by":"ann"})", .call = {.append_id = id}});
  EXPECT_EQ(first.position(), again.position());
  EXPECT_EQ(log->head(), 1);
  struct Metadata {
    std::string by;
  };
  for (const auto& recorded : store.read()) EXPECT_EQ(dcb::from_json<Metadata>(recorded.metadata.value()).by, "ann");
}

TEST_P(deciding, stop_token_ends_the_retries) {
  store.append(Opened{"a"});
  std::stop_source stop;
  const dcb::decision_maker patient{store, {.attempts = 1'000'000, .first_wait = std::chrono::hours{1}, .longest_wait = std::chrono::hours{1}}};
  auto always_late = [&](const Account&) -> Decided {
    store.append(Paid{"a", 1});
    stop.request_stop();
    return Paid{"a", 1};
  };
  EXPECT_THROW((void)patient.make(Account{"a"}, always_late, {.call = {.stop = stop.get_token()}}), dcb::cancelled);
}

TEST_P(deciding, exceptions_of_a_decision_pass_through) {
  store.append(Opened{"a"});
  EXPECT_THROW((void)maker.make(Account{"a"}, [](const Account&) -> Decided { throw std::logic_error{"mine"}; }), std::logic_error);
  EXPECT_TRUE(maker.make(Pay{"a", 1}));
}

// Money is spent once, however many spend at once.
TEST_P(deciding, racing_decisions_keep_the_invariant) {
  store.append(Opened{"a"}, Paid{"a", 10});
  constexpr int racers = 8;
  std::latch barrier{racers};
  std::atomic<int> spent = 0, refused = 0, failed = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < racers; ++i) {
    threads.emplace_back([&, i] {
      barrier.arrive_and_wait();
      for (int n = 0; n < 4; ++n) {
        try {
          ++(maker.make(Spend{"a", "shop" + std::to_string(i), 1}) ? spent : refused);
        } catch (const dcb::error&) {
          ++failed;
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(spent, 10);
  EXPECT_EQ(refused, 22);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(balance("a"), 0);
}

TEST_P(deciding, many_at_once_have_each_their_answer) {
  store.append(Opened{"a"}, Paid{"a", 10}, Opened{"b"});
  const std::vector<Spend> decisions{{"a", "s", 4}, {"b", "s", 1}, {"a", "s", 4}, {"a", "t", 4}};
  const auto all = maker.make_all<Spend>(decisions);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].value().position(), 4);
  EXPECT_EQ(all[0]->attempts(), 1);
  EXPECT_EQ(all[1]->error(), Refusal::too_poor);
  EXPECT_TRUE(*all[2]);
  EXPECT_EQ(all[2]->conflicts(), 1) << "the first one was in its way";
  EXPECT_EQ(all[3]->error(), Refusal::too_poor) << "decided anew when the others had spent";
  EXPECT_EQ(balance("a"), 2);
}

TEST_P(deciding, many_at_once_may_be_none_or_append_nothing) {
  EXPECT_TRUE(maker.make_all<Open>({}).empty());
  store.append(Opened{"a"});
  const std::vector<Pay> pays{{"a", 0}};
  EXPECT_TRUE(maker.make_all<Pay>(pays).at(0)->events().empty());
}

TEST_P(deciding, many_at_once_give_up_one_by_one) {
  store.append(Opened{"a"}, Paid{"a", 10});
  const std::vector<Spend> decisions{{"a", "s", 1}, {"a", "t", 1}};
  const auto all = maker.with(dcb::retry::none()).make_all<Spend>(decisions);
  EXPECT_TRUE(*all[0]);
  ASSERT_FALSE(all[1]);
  EXPECT_NE(all[1].template error_as<dcb::conflict>(), nullptr);
}

TEST_P(deciding, submissions_are_sent_together) {
  const std::vector<dcb::submission<Event>> both{{{Opened{"a"}, Paid{"a", 1}}}, {{Opened{"a"}}, dcb::append_condition{dcb::query<Opened>()}}};
  const auto outcomes = store.submit_many(both, {.correlation_id = "c"});
  EXPECT_EQ(outcomes[0].value(), 2);
  EXPECT_EQ(outcomes[1].conflict_at, 1);
  for (const auto& event : events()) EXPECT_EQ(dcb::meta_of(event).correlation_id, "c");
}

TEST_P(deciding, try_make_answers_errors) {
  store.append(Opened{"a"});
  const auto refused = maker.try_make(Spend{"a", "s", 1});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error(), Refusal::too_poor);
  const auto rival = [&](const Account&) -> Decided {
    store.append(Paid{"a", 1});
    return Paid{"a", 1};
  };
  const auto failed = maker.with(dcb::retry::none()).try_make(Account{"a"}, rival);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().sqlstate(), "DCB01");
}

// A classic aggregate: all events of one id, and the version that was seen.
TEST_P(deciding, expected_version) {
  store.append(Opened{"a"}, Paid{"a", 1});
  const auto account = dcb::query<>(dcb::tag("account_id", "a"));
  const auto version = store.last(account).value();
  store.append(Opened{"b"});
  const std::vector<Event> paid{Paid{"a", 1}};
  EXPECT_EQ(store.append_if(paid, {account, version}), 4);
  EXPECT_THROW(store.append_if(paid, {account, version}), dcb::conflict);
}

TEST_P(deciding, in_line_needs_no_second_attempt) {
  store.append(Opened{"a"}, Paid{"a", 40});
  const auto waiting = maker.with(dcb::wait_in_line{.at_most = std::chrono::seconds{30}, .tags = {dcb::tag("account_id", "a")}});
  std::atomic<int> conflicts = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 10; ++n) {
        const auto made = waiting.make(Spend{"a", "s", 1});
        EXPECT_TRUE(made);
        conflicts += made.conflicts();
      }
    });
  threads.clear();
  EXPECT_EQ(conflicts, 0);
  EXPECT_EQ(balance("a"), 0);
}

TEST_P(deciding, in_line_still_sees_those_who_are_not) {
  store.append(Opened{"a"}, Paid{"a", 10});
  bool once = true;
  const auto made = maker.with(dcb::wait_in_line{}).make(Account{"a"}, [&](const Account& account) -> Decided {
    if (std::exchange(once, false)) store.append(Paid{"a", 1});
    return Paid{"a", account.cents};
  });
  EXPECT_EQ(made.conflicts(), 1);
  EXPECT_EQ(balance("a"), 22);
}

TEST_P(deciding, in_line_with_nothing_to_wait_for) {
  EXPECT_TRUE(maker.with(dcb::wait_in_line{}).make(Open{"a"}));
}

TEST_P(deciding, a_turn_that_does_not_come_is_a_timeout) {
  store.append(Opened{"a"});
  const auto waiting = maker.with(dcb::wait_in_line{.at_most = std::chrono::milliseconds{20}});
  const auto outer = waiting.make(Account{"a"}, [&](const Account&) -> Decided {
    EXPECT_EQ(refusal([&] { (void)waiting.make(Pay{"a", 1}); }), "55P03");
    return dcb::nothing;
  });
  EXPECT_EQ(outer.attempts(), 1);
  EXPECT_TRUE(waiting.make(Pay{"a", 1}));
}

TEST_P(deciding, correlation_goes_on) {
  (void)maker.make(Open{"a"}, {.correlation_id = "order-7"});
  const auto cause = dcb::meta_of(events().at(0));
  (void)maker.make(Pay{"a", 1}, dcb::because_of(cause));
  const auto effect = dcb::meta_of(events().at(1));
  EXPECT_EQ(effect.correlation_id, "order-7");
  EXPECT_EQ(effect.causation_id, cause.name());
}

TEST_P(deciding, typed_reads) {
  store.append(Opened{"a"}, Paid{"a", 1}, Opened{"b"});
  append("FromANewerProgram", {"account_id:a"});
  store.append(Paid{"a", 2});

  positions walked;
  for (const auto& recorded : store.read(dcb::query<>(dcb::tag("account_id", "a")))) walked.push_back(recorded.position);
  EXPECT_EQ(walked, (positions{1, 2, 5})) << "types that the variant does not have are left out";

  walked.clear();
  for (const auto& recorded : store.read(dcb::query<Opened, Paid>(), {.max_count = 2, .backwards = true})) walked.push_back(recorded.position);
  EXPECT_EQ(walked, (positions{5, 3}));

  std::int64_t cents = 0;
  const auto upto = store.read(dcb::query<Paid>(), {}, [&](const dcb::recorded<Event>& recorded) { cents += std::get<Paid>(recorded.event).cents; });
  EXPECT_EQ(cents, 3);
  EXPECT_EQ(upto, 5);
}

TEST_P(deciding, walks_through_more_than_a_batch) {
  std::vector<Event> many(2'500, Paid{"a", 1});
  store.append(many);
  std::int64_t expected = 0;
  for (const auto& recorded : store.read()) {
    ASSERT_EQ(recorded.position, ++expected);
    if (expected == 1'500) store.append(Paid{"a", 1});
  }
  EXPECT_EQ(expected, 2'500) << "what came after the walk had begun is not part of it";
  std::int64_t next = 2'501;
  for (const auto& recorded : store.read(dcb::event_query::all(), {.backwards = true})) ASSERT_EQ(recorded.position, next--);
  EXPECT_EQ(next, 0);
  std::int64_t count = 0;
  for (const auto& recorded : store.read(dcb::event_query::all(), {.after = 100, .max_count = 1'200})) count += recorded.position > 100;
  EXPECT_EQ(count, 1'200);
}

TEST_P(deciding, append_if_by_hand) {
  store.append(Opened{"a"});
  const std::vector<Event> paid{Paid{"a", 1}};
  const auto unchanged = dcb::query<Paid>(dcb::tag("account_id", "a"));
  EXPECT_EQ(store.append_if(paid, {unchanged, 1}), 2);
  EXPECT_THROW(store.append_if(paid, {unchanged, 1}), dcb::conflict);
}

TEST_P(deciding, stored_event_that_does_not_fit) {
  append({{.type = "Paid", .data = R"({"account_id":"a"})", .tags = {"account_id:a"}}});
  try {
    balance("a");
    FAIL() << "read an event without its member";
  } catch (const dcb::decode_error& failure) {
    EXPECT_STREQ(failure.what(), "Paid.cents: missing");
    EXPECT_EQ(failure.detail(), "This is event 1 of type \"Paid\".");
  }
}

INSTANTIATE_TEST_SUITE_P(store, deciding, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
