// Projections: what they are handed, and exactly once.
#include "reaction_suite.hpp"

#include <set>
#include <stdexcept>

namespace {

using namespace reaction;

// Notes what it is handed. Fails at positions that it is told to fail at.
struct Notes {
  std::string name = "notes";
  std::string insert;
  const std::set<std::int64_t>* poison = nullptr;
  dcb::failure_policy on_failure = dcb::failure_policy::park_after(2);
  int batch_size = 100;

  void handle(dcb::transaction& in, const Paid&, const dcb::meta& m) const { note(in, m); }
  void handle(dcb::transaction& in, const Spent&, const dcb::meta& m) const { note(in, m); }
  void note(dcb::transaction& in, const dcb::meta& m) const {
    in.exec(insert, name, m.position);
    if (poison && poison->contains(m.position)) throw std::runtime_error{"cannot digest it"};
  }
};

// Of one account only.
struct NotesOfAnn : Notes {
  dcb::event_query query() const { return dcb::query(dcb::tag("account_id", "ann")); }
};

// Beside the former version, whose place it takes.
struct BetterNotes : Notes {
  std::string replaces = "notes";
  void swap(dcb::transaction& in) const { in.exec(insert, std::string{"swapped"}, 1); }
};

struct Mail {
  std::string name = "mail";
  std::vector<std::pair<std::int64_t, dcb::uuid>>* sent;
  int* failures_left;
  dcb::failure_policy on_failure = dcb::failure_policy::park_after(3);

  void react(const Paid&, const dcb::meta& m) {
    sent->emplace_back(m.position, m.dedup_key());
    if (m.position == 2 && (*failures_left)-- > 0) throw std::runtime_error{"no answer"};
  }
};

struct PerAccount : Notes {
  std::string partition_by = "account_id";
  int partitions = 4;
};

class projection : public reaction_test {
 protected:
  Notes notes() const { return {.insert = insert()}; }
};

TEST_P(projection, is_handed_what_it_handles_in_order_and_once) {
  store.append(Opened{"ann"}, Paid{"ann", 1}, Paid{"bob", 2}, ShopClosed{"s"}, Spent{"ann", "s", 1});
  dcb::runner<Event> runner{store, watched()};
  runner.add(notes()).add(NotesOfAnn{{.name = "ann", .insert = insert()}});
  EXPECT_EQ(runner.run_once(), 5);
  EXPECT_EQ(effects("notes"), (positions{2, 3, 5}));
  EXPECT_EQ(effects("ann"), (positions{2, 5}));
  EXPECT_EQ(runner.run_once(), 0);

  store.append(Paid{"ann", 3});
  dcb::runner<Event> another{store, watched()};
  another.add(notes());
  EXPECT_EQ(another.run_once(), 1);
  EXPECT_EQ(effects("notes"), (positions{2, 3, 5, 6}));
  const auto row = status("notes");
  EXPECT_EQ(row.position, 6);
  EXPECT_EQ(row.lag_events, 0);
  EXPECT_EQ(status("ann").lag_events, 1);
  EXPECT_TRUE(told.failures.empty());
}

TEST_P(projection, starts_where_it_says) {
  struct Late : Notes {
    std::int64_t start_after = 1;
  };
  struct FromNow : Notes {
    std::optional<std::int64_t> start_after{};
  };
  store.append(Paid{"ann", 1}, Paid{"ann", 2});
  dcb::runner<Event> runner{store, watched()};
  runner.add(Late{{.name = "late", .insert = insert()}}).add(FromNow{{.name = "now", .insert = insert()}});
  runner.run_once();
  store.append(Paid{"ann", 3});
  runner.run_once();
  EXPECT_EQ(effects("late"), (positions{2, 3}));
  EXPECT_EQ(effects("now"), (positions{3}));
}

TEST_P(projection, batches_hold_as_many_as_they_may) {
  for (int i = 0; i < 7; ++i) store.append(Paid{"ann", i});
  auto three = notes();
  three.batch_size = 3;
  dcb::runner<Event> runner{store, watched()};
  runner.add(three);
  EXPECT_EQ(runner.run_once(), 7);
  EXPECT_EQ(told.batches, (std::vector<std::int64_t>{3, 3, 1}));
}

TEST_P(projection, parks_poison_and_goes_on_and_replay_drains_it) {
  std::set<std::int64_t> poison{3, 4};
  auto sensitive = notes();
  sensitive.poison = &poison;
  store.append(Paid{"ann", 1}, Paid{"ann", 2}, Paid{"ann", 3}, Paid{"ann", 4}, Paid{"ann", 5});
  dcb::runner<Event> runner{store, watched()};
  runner.add(sensitive);
  runner.run_once();
  EXPECT_EQ(effects("notes"), (positions{1, 2, 5})) << "what a failed event did has to be undone, and nothing else";
  EXPECT_EQ(told.failures, (std::vector<std::pair<std::int64_t, int>>{{3, 1}, {4, 1}}));
  EXPECT_EQ(told.parked_at, (positions{3, 4}));
  EXPECT_EQ(status("notes").parked, 2);
  const auto parked = log->reactions().parked("notes");
  ASSERT_EQ(parked.size(), 2u);
  EXPECT_EQ(parked[0].event.position, 3);
  EXPECT_EQ(parked[0].event.type, "Paid");
  EXPECT_EQ(parked[0].reason, "cannot digest it");
  EXPECT_EQ(parked[0].attempts, 2);

  poison.erase(3);
  auto replayed = runner.replay("notes");
  EXPECT_EQ(replayed.replayed, 1);
  EXPECT_EQ(replayed.failed, 1);
  poison.clear();
  replayed = runner.replay("notes");
  EXPECT_EQ(replayed.replayed, 1);
  EXPECT_EQ(replayed.failed, 0);
  EXPECT_EQ(runner.replay("notes").replayed, 0);
  EXPECT_EQ(effects("notes"), (positions{1, 2, 5, 3, 4}));
  EXPECT_EQ(status("notes").parked, 0);
  runner.run_once();
  EXPECT_EQ(effects("notes").size(), 5u);
}

TEST_P(projection, stops_loudly_and_shows_why) {
  std::set<std::int64_t> poison{2};
  auto sensitive = notes();
  sensitive.poison = &poison;
  sensitive.on_failure = dcb::failure_policy::stop_after(3);
  store.append(Paid{"ann", 1}, Paid{"ann", 2}, Paid{"ann", 3});
  dcb::runner<Event> runner{store, watched()};
  runner.add(sensitive);
  runner.run_once();
  EXPECT_EQ(effects("notes"), (positions{1}));
  EXPECT_EQ(told.failures.size(), 3u);
  EXPECT_EQ(told.stops.size(), 1u);
  auto row = status("notes");
  EXPECT_EQ(row.state, dcb::subscription_state::stopped);
  EXPECT_EQ(row.reason, "position 2: cannot digest it");
  EXPECT_EQ(row.last_error, "position 2: cannot digest it");
  EXPECT_EQ(row.lag_events, 2);

  poison.clear();
  runner.run_once();
  EXPECT_EQ(effects("notes"), (positions{1})) << "a stopped one goes on only when it is resumed";
  log->reactions().resume("notes");
  runner.run_once();
  EXPECT_EQ(effects("notes"), (positions{1, 2, 3}));
  EXPECT_EQ(status("notes").state, dcb::subscription_state::active);
}

TEST_P(projection, outside_of_the_database_is_at_least_once_and_tells_repetitions) {
  std::vector<std::pair<std::int64_t, dcb::uuid>> sent;
  int failures_left = 2;
  store.append(Paid{"ann", 1}, Paid{"ann", 2}, Paid{"ann", 3});
  dcb::runner<Event> runner{store, watched()};
  runner.add(Mail{.sent = &sent, .failures_left = &failures_left});
  runner.run_once();
  ASSERT_EQ(sent.size(), 5u);
  EXPECT_EQ(std::vector({sent[0].first, sent[1].first, sent[2].first, sent[3].first, sent[4].first}), (positions{1, 2, 2, 2, 3}));
  EXPECT_EQ(sent[1].second, sent[2].second);
  EXPECT_EQ(sent[1].second, sent[3].second);
  EXPECT_NE(sent[0].second, sent[1].second);
  EXPECT_EQ(status("mail").position, 3);

  log->reactions().rewind("mail", 0);
  runner.run_once();
  EXPECT_EQ(sent[5], sent[0]) << "the same event has the same key in another life, too";
}

TEST_P(projection, of_one_who_was_overtaken_commits_nothing) {
  store.append(Paid{"ann", 1});
  auto& reactions = log->reactions();
  reactions.create({.name = "race"});
  const auto first = reactions.claim("race", "first", std::chrono::seconds{30}).at(0);
  EXPECT_TRUE(reactions.claim("race", "second", std::chrono::seconds{30}).empty());
  reactions.release("race", "first");
  const auto second = reactions.claim("race", "second", std::chrono::seconds{30}).at(0);
  EXPECT_NE(first.token, second.token);

  EXPECT_EQ(refusal([&] { reactions.poll("race", first, 10); }), "DCB11");
  EXPECT_EQ(refusal([&] {
              auto in = reactions.begin(std::chrono::seconds{30});
              in.exec(insert(), "first", 1);
              reactions.checkpoint(in, "race", first, 1);
              in.commit();
            }),
            "DCB11");
  EXPECT_TRUE(effects("first").empty());
  auto in = reactions.begin(std::chrono::seconds{30});
  reactions.checkpoint(in, "race", second, 1);
  in.commit();
  EXPECT_EQ(refusal([&] {
              auto back = reactions.begin(std::chrono::seconds{30});
              reactions.checkpoint(back, "race", second, 0);
            }),
            "22023");
}

TEST_P(projection, is_handed_its_partitions_in_order) {
  for (int i = 0; i < 40; ++i) store.append(Paid{"account-" + std::to_string(i % 5), i});
  dcb::runner<Event> runner{store, watched()};
  runner.add(PerAccount{{.name = "parted", .insert = insert()}});
  EXPECT_EQ(runner.run_once(), 40);
  std::map<std::int64_t, std::int64_t> last;  // by account
  for (const auto position : effects("parted")) {
    EXPECT_GT(position, std::exchange(last[position % 5], position));
  }
  EXPECT_EQ(last.size(), 5u);
  const auto rows = log->reactions().status("parted");
  EXPECT_EQ(rows.size(), 4u);
  for (const auto& row : rows) EXPECT_EQ(row.position, 40) << "a sparse partition's checkpoint moves too";
}

TEST_P(projection, shares_partitions_among_members) {
  auto& reactions = log->reactions();
  reactions.create({.name = "shared", .partitions = 4, .partition_by = "account_id"});
  const auto lease = std::chrono::seconds{30};
  EXPECT_EQ(reactions.claim("shared", "a", lease).size(), 4u);
  EXPECT_EQ(reactions.claim("shared", "b", lease).size(), 0u);
  EXPECT_EQ(reactions.claim("shared", "a", lease).size(), 2u) << "gives back what is more than its share";
  EXPECT_EQ(reactions.claim("shared", "b", lease).size(), 2u);
  reactions.release("shared", "a");
  EXPECT_EQ(reactions.claim("shared", "b", lease).size(), 4u);
}

TEST_P(projection, is_rebuilt_beside_the_former_version_and_takes_its_place) {
  for (int i = 0; i < 250; ++i) store.append(Paid{"ann", i});
  dcb::runner<Event> before{store, watched()};
  before.add(notes());
  before.run_once();

  dcb::runner<Event> after{store, watched()};
  BetterNotes better;
  better.name = "notes-2";
  better.insert = insert();
  after.add(better);
  after.run_once();
  EXPECT_EQ(effects("notes-2").size(), 250u);
  EXPECT_EQ(effects("swapped"), (positions{1}));
  EXPECT_EQ(told.swaps, (std::vector<std::string>{"notes"}));
  EXPECT_EQ(told.rebuilt, (positions{250})) << "how many it has built, when it takes the other one's place";
  EXPECT_TRUE(log->reactions().status("notes").empty());
  store.append(Paid{"ann", 250});
  after.run_once();
  EXPECT_EQ(effects("notes-2").size(), 251u);
  EXPECT_EQ(effects("swapped").size(), 1u);
}

TEST_P(projection, does_not_step_in_before_it_has_caught_up) {
  auto& reactions = log->reactions();
  const auto lease = std::chrono::seconds{30};
  store.append(Paid{"ann", 1}, Paid{"ann", 2});
  reactions.create({.name = "old"});
  reactions.create({.name = "new"});
  const auto old_one = reactions.claim("old", "x", lease).at(0);
  const auto new_one = reactions.claim("new", "y", lease).at(0);
  const auto move = [&](const char* name, const dcb::held_partition& held, std::int64_t position) {
    auto in = reactions.begin(lease);
    reactions.checkpoint(in, name, held, position);
    in.commit();
  };
  move("old", old_one, 2);
  move("new", new_one, 1);
  {
    auto in = reactions.begin(lease);
    EXPECT_FALSE(reactions.supersede(in, "old", "new", "y"));
  }
  EXPECT_EQ(status("old").consumer, "x") << "nobody was sent away for nothing";
  move("new", new_one, 2);
  auto in = reactions.begin(lease);
  EXPECT_TRUE(reactions.supersede(in, "old", "new", "y"));
  in.commit();
  EXPECT_TRUE(reactions.status("old").empty());
  EXPECT_EQ(refusal([&] { move("old", old_one, 2); }), "DCB13");
}

TEST_P(projection, keeps_to_its_definition) {
  dcb::runner<Event> runner{store, watched()};
  runner.add(notes());
  runner.run_once();
  struct Wider : Notes {
    void handle(dcb::transaction& in, const Opened&, const dcb::meta& m) const { note(in, m); }
    using Notes::handle;
  };
  dcb::runner<Event> wider{store, watched()};
  wider.add(Wider{notes()});
  EXPECT_EQ(refusal([&] { wider.run_once(); }), "42710");
}

TEST_P(projection, with_senseless_settings_is_refused) {
  dcb::runner<Event> runner{store, watched()};
  EXPECT_EQ(refusal([&] { runner.run_once(); }), "22023");
  runner.add(notes());
  EXPECT_EQ(refusal([&] { runner.add(notes()); }), "22023") << "two of one name";
  auto none = notes();
  none.name = "none";
  none.batch_size = 0;
  EXPECT_EQ(refusal([&] { runner.add(none); }), "22023");
  struct Elsewhere : Notes {
    dcb::event_query query() const { return dcb::query<Opened>(); }
  };
  EXPECT_EQ(refusal([&] { runner.add(Elsewhere{notes()}); }), "22023") << "asks for a type that it does not handle";
}

INSTANTIATE_TEST_SUITE_P(store, projection, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
