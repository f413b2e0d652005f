// What decisions need of a log beyond reading and appending: loads of several parts, snapshots, and several appends at once.
#include "store_suite.hpp"

#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>

namespace {

using namespace std::chrono_literals;

// Notes what it is handed, as text: `restored at 3: state`, `4 Type`.
struct notes final : dcb::load_sink {
  explicit notes(std::size_t parts) : of(parts) {}
  void restore(std::size_t part, const dcb::saved_state& saved) override {
    of.at(part).push_back("restored at " + std::to_string(saved.position) + ": " + saved.state);
  }
  void fold(std::size_t part, const dcb::recorded_event& stored) override {
    of.at(part).push_back(std::to_string(stored.position) + ' ' + stored.type);
  }
  std::vector<std::vector<std::string>> of;
};

class loads : public log_test {
 protected:
  std::vector<strings> load(const std::vector<dcb::load_part>& parts) {
    notes noted{parts.size()};
    upto = log->load(parts, noted);
    return noted.of;
  }
  std::int64_t upto = -1;
};

TEST_P(loads, every_part_gets_its_own) {
  append("Opened", {"a:1"});
  append("Paid", {"a:1"});
  append("Paid", {"a:1", "b:1"});
  append("Closed", {"b:1"});
  append("Other");
  EXPECT_EQ(load({{tags({"a:1"})}, {tags({"b:1"})}, {types({"Nothing"})}}),
            (std::vector<strings>{{"1 Opened", "2 Paid", "3 Paid"}, {"3 Paid", "4 Closed"}, {}}));
  EXPECT_EQ(upto, 5);
  EXPECT_EQ(load({{types({"Closed"})}}), (std::vector<strings>{{"4 Closed"}}));
}

// More events than are held at a time.
TEST_P(loads, of_a_large_boundary) {
  for (const std::size_t size : {1000, 1500}) {
    const auto before = log->head();
    log->append(std::vector<dcb::new_event>(size, {.type = "Paid", .tags = {"a:" + std::to_string(size)}}));
    append("Other");
    const auto whole = tags({"a:" + std::to_string(size)});
    const auto got = load({{whole}, {whole.after(before + 10)}, {whole.after(before + 1200)}});
    ASSERT_EQ(got[0].size(), size);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(got[0][i], std::to_string(before + static_cast<std::int64_t>(i) + 1) + " Paid");
    EXPECT_EQ(got[1], strings(got[0].begin() + 10, got[0].end()));
    EXPECT_EQ(got[2].size(), size > 1200 ? size - 1200 : 0);
    EXPECT_EQ(upto, log->head());
    EXPECT_EQ(load({{whole | types({"Other"}).after(upto)}})[0].size(), size) << "an item begins after a position of its own";
  }
}

TEST_P(loads, of_an_empty_log) {
  EXPECT_EQ(load({{tags({"a:1"})}, {tags({"b:1"}), "b"}}), (std::vector<strings>{{}, {}}));
  EXPECT_EQ(upto, 0);
}

TEST_P(loads, snapshots_stand_for_what_was_before_them) {
  append("Paid", {"a:1"});
  append("Paid", {"b:1"});
  append("Paid", {"a:1"});
  const dcb::load_part a{tags({"a:1"}), "a"}, b{tags({"b:1"}), "b", 7}, plain{tags({"a:1"})};
  EXPECT_TRUE(log->save_snapshot(a, {1, "one"}));
  EXPECT_TRUE(log->save_snapshot(b, {2, std::string("\0two", 4)}));
  append("Paid", {"a:1", "b:1"});
  EXPECT_EQ(load({a, plain, b}), (std::vector<strings>{{"restored at 1: one", "3 Paid", "4 Paid"},
                                                       {"1 Paid", "3 Paid", "4 Paid"},
                                                       {"restored at 2: " + std::string("\0two", 4), "4 Paid"}}));
  EXPECT_EQ(upto, 4);
  EXPECT_EQ(load({a}), (std::vector<strings>{{"restored at 1: one", "3 Paid", "4 Paid"}}));
}

TEST_P(loads, many_parts_with_snapshots) {
  append("Paid", {"a:0"});
  std::vector<dcb::load_part> parts;
  for (int i = 0; i < 20; ++i) {
    parts.push_back({types({"Paid"}), "part " + std::to_string(i)});
    EXPECT_TRUE(log->save_snapshot(parts.back(), {1, std::to_string(i)}));
  }
  append("Paid", {"a:0"});
  for (int i = 0; const auto& got : load(parts)) {
    ASSERT_FALSE(got.empty()) << i;
    EXPECT_EQ(got.back(), "2 Paid") << i;
    EXPECT_TRUE(got.size() == 2 && (got[0] == "restored at 1: " + std::to_string(i) || got[0] == "1 Paid")) << i << ": " << got[0];
    ++i;
  }
}

TEST_P(loads, snapshots_of_others_do_not_count) {
  append("Paid", {"a:1"});
  const dcb::load_part saved{tags({"a:1"}), "state", 1};
  EXPECT_TRUE(log->save_snapshot(saved, {1, "kept"}));
  for (const dcb::load_part& other : {dcb::load_part{tags({"a:1"}), "state", 2}, dcb::load_part{tags({"a:1"}), "another", 1},
                                      dcb::load_part{dcb::query_item{.types = {"Paid"}, .tags = {"a:1"}}, "state", 1}})
    EXPECT_EQ(load({other}), (std::vector<strings>{{"1 Paid"}}));
  EXPECT_EQ(load({saved}), (std::vector<strings>{{"restored at 1: kept"}}));
}

TEST_P(loads, later_snapshots_win) {
  append("Paid", {"a:1"});
  append("Paid", {"a:1"});
  const dcb::load_part part{tags({"a:1"}), "state"};
  EXPECT_TRUE(log->save_snapshot(part, {2, "later"}));
  EXPECT_FALSE(log->save_snapshot(part, {1, "earlier"}));
  EXPECT_EQ(load({part}), (std::vector<strings>{{"restored at 2: later"}}));
}

TEST_P(loads, refused_snapshots) {
  append("Paid", {"a:1"});
  const dcb::load_part part{tags({"a:1"}), "state"};
  EXPECT_EQ(refusal([&] { log->save_snapshot(part, {0, "none"}); }), "22023");
  EXPECT_EQ(refusal([&] { log->save_snapshot(part, {2, "beyond"}); }), "DCB09");
  EXPECT_EQ(refusal([&] { log->save_snapshot({part.query, std::string(257, 'x')}, {1, "long"}); }), "DCB06");
  EXPECT_EQ(refusal([&] { log->save_snapshot({{}, "state"}, {1, "nothing"}); }), "DCB02");
  EXPECT_EQ(refusal([&] { load({{{}, "state"}}); }), "DCB02");
}

TEST_P(loads, exceptions_of_the_sink_pass) {
  append("Paid", {"a:1"});
  struct failing final : dcb::load_sink {
    void restore(std::size_t, const dcb::saved_state&) override {}
    void fold(std::size_t, const dcb::recorded_event&) override { throw std::logic_error{"mine"}; }
  } sink;
  const std::vector<dcb::load_part> parts{{tags({"a:1"}), "a"}};
  EXPECT_THROW(log->load(parts, sink), std::logic_error);
  EXPECT_EQ(log->head(), 1);
}

class many : public log_test {
 protected:
  static dcb::append_command command(std::string type, strings tags, std::optional<dcb::append_condition> condition = {},
                                     std::optional<dcb::uuid> append_id = {}) {
    return {.events = {{.type = std::move(type), .tags = std::move(tags)}}, .condition = std::move(condition), .append_id = append_id};
  }
};

TEST_P(many, each_has_its_own_outcome) {
  append("Opened", {"a:1"});
  const auto id = dcb::uuid::random();
  const std::vector<dcb::append_command> commands{
      command("Paid", {"a:1"}, dcb::append_condition{types({"Paid"}), 1}, id),
      command("Paid", {"a:2"}, dcb::append_condition{types({"Paid"}), 1}),  // the one before it is in its way
      command("Closed", {"a:1"}, dcb::append_condition{types({"Closed"}), 1}),
      command("Closed", {"a:3"}, dcb::append_condition{types({"Shut"}), 99}),
      command("Other", {}, {}, id),
  };
  const auto outcomes = log->submit_many(commands);
  ASSERT_EQ(outcomes.size(), 5u);
  EXPECT_EQ(outcomes[0].value(), 2);
  EXPECT_EQ(outcomes[1].sqlstate, "DCB01");
  EXPECT_EQ(outcomes[1].conflict_at, 2);
  try {
    outcomes[1].value();
    ADD_FAILURE() << "the value of a refusal";
  } catch (const dcb::conflict& refused) {
    EXPECT_EQ(refused.position(), 2);
    EXPECT_TRUE(refused.retryable());
  }
  EXPECT_EQ(outcomes[2].value(), 3);
  EXPECT_FALSE(outcomes[3]);
  EXPECT_EQ(refusal([&] { outcomes[3].value(); }), "DCB09");
  EXPECT_EQ(refusal([&] { outcomes[4].value(); }), "DCB07");
  EXPECT_EQ(log->head(), 3);
}

TEST_P(many, append_ids_replay_their_answers) {
  const std::vector<dcb::append_command> commands{command("A", {}, {}, dcb::uuid::random()), command("B", {}, {}, dcb::uuid::random())};
  EXPECT_EQ(log->submit_many(commands).back().value(), 2);
  EXPECT_EQ(log->submit_many(commands).back().value(), 2);
  EXPECT_EQ(log->head(), 2);
}

TEST_P(many, bad_input_refuses_all) {
  const std::vector<dcb::append_command> commands{command("Good", {}), command("", {})};
  EXPECT_EQ(refusal([&] { log->submit_many(commands); }), "DCB03");
  EXPECT_EQ(refusal([&] { log->submit_many({}); }), "DCB04");
  const std::vector<dcb::append_command> empty{{}};
  EXPECT_EQ(refusal([&] { log->submit_many(empty); }), "DCB04");
  EXPECT_FALSE(log->try_submit_many(empty));
  EXPECT_EQ(log->head(), 0);
}

class in_line : public log_test {
 protected:
  // Counts the events of a tag, adds one, and says that it must be the next.
  std::int64_t count_one_up(const std::string& tag, const std::function<void()>& meanwhile = [] {}, std::chrono::milliseconds at_most = 10s) {
    const std::vector<dcb::load_part> parts{{tags({tag})}};
    notes noted{1};
    return log->append_in_line({{tag}, at_most}, parts, noted, [&](std::int64_t upto) -> std::optional<dcb::append_command> {
      meanwhile();
      return dcb::append_command{.events = {{.type = "Counted", .data = std::to_string(noted.of[0].size() + 1), .tags = {tag}}},
                                 .condition = dcb::append_condition{tags({tag}), upto},
                                 .append_id = dcb::uuid::random()};
    });
  }
};

TEST_P(in_line, everybody_gets_a_turn_without_conflicts) {
  constexpr int callers = 8, turns = 5;
  std::vector<std::jthread> threads;
  for (int i = 0; i < callers; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < turns; ++n) EXPECT_NO_THROW(count_one_up("hot:1"));
    });
  threads.clear();
  const auto counted = events();
  ASSERT_EQ(counted.size(), std::size_t{callers * turns});
  for (std::size_t i = 0; i < counted.size(); ++i) EXPECT_EQ(counted[i].data, std::to_string(i + 1));
}

TEST_P(in_line, who_waits_elsewhere_is_not_held_up) {
  count_one_up("hot:1", [&] { EXPECT_EQ(count_one_up("hot:2"), 1); });
  EXPECT_EQ(log->head(), 2);
}

TEST_P(in_line, the_wait_is_bounded_and_leaves_nothing) {
  count_one_up("hot:1", [&] {
    EXPECT_EQ(refusal([&] { count_one_up("hot:1", [] {}, 20ms); }), "55P03");
    EXPECT_THROW(count_one_up("hot:1", [] {}, 20ms), dcb::timeout);
  });
  EXPECT_EQ(count_one_up("hot:1"), 2);
}

TEST_P(in_line, those_who_do_not_wait_are_seen_by_the_condition) {
  EXPECT_THROW(count_one_up("hot:1", [&] { append("Counted", {"hot:1"}); }), dcb::conflict);
  EXPECT_EQ(count_one_up("hot:1"), 2) << "the turn went on after the conflict";
}

TEST_P(in_line, nothing_to_append_and_exceptions_end_the_turn) {
  append("Counted", {"hot:1"});
  const std::vector<dcb::load_part> parts{{tags({"hot:1"})}};
  notes noted{1};
  EXPECT_EQ(log->append_in_line({{"hot:1"}}, parts, noted, [](std::int64_t) { return std::nullopt; }), 1);
  EXPECT_THROW(count_one_up("hot:1", [] { throw std::logic_error{"mine"}; }), std::logic_error);
  EXPECT_EQ(count_one_up("hot:1"), 2);
}

INSTANTIATE_TEST_SUITE_P(store, in_line, testing::Values(memory_logs(), server_logs()), name_of);
INSTANTIATE_TEST_SUITE_P(store, loads, testing::Values(memory_logs(), server_logs()), name_of);
INSTANTIATE_TEST_SUITE_P(store, many, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
