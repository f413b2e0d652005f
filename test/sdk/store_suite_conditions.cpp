// The append condition and the append id.
#include "store_suite.hpp"

#include <latch>
#include <thread>

namespace {

class condition : public log_test {};

TEST_P(condition, must_fail_if_an_event_matches) {
  append("A", {"x"});
  EXPECT_THROW(append_if("B", {}, tags({"x"}), 0), dcb::conflict);
  EXPECT_EQ(append_if("B", {}, tags({"y"}), 0), 2);
}

TEST_P(condition, after_ignores_what_was_read) {
  append("A", {"x"});
  append("A", {"y"});
  EXPECT_EQ(append_if("B", {"x"}, tags({"x"}), 1), 3);
  EXPECT_THROW(append_if("B", {"x"}, tags({"x"}), 1), dcb::conflict);
  EXPECT_EQ(append_if("B", {"x"}, tags({"x"}), 3), 4);
}

TEST_P(condition, every_form_of_query_counts) {
  append("A", {"x", "y"});
  for (const auto& query :
       {dcb::event_query::all(), types({"A"}), tags({"x"}), tags({"y", "x"}), dcb::event_query{dcb::query_item{.except_types = {"B"}}},
        types({"Z"}) | types({"A", "B"}), dcb::event_query{dcb::query_item{.types = {"A"}, .tags = {"x"}}}}) {
    EXPECT_THROW(append_if("N", {}, query, 0), dcb::conflict) << query.to_json();
  }
  for (const auto& query : {types({"B"}), tags({"x", "z"}), dcb::event_query{dcb::query_item{.except_types = {"A"}}},
                            dcb::event_query{dcb::query_item{.types = {"B"}, .tags = {"x"}}}, types({"Z"}) | tags({"z"})}) {
    EXPECT_NO_THROW(append_if("A", {"x", "y"}, query, 0)) << query.to_json();
  }
}

TEST_P(condition, item_after_wins) {
  append("UserNamed", {"name:ann"});
  append("Other", {"x"});
  const dcb::event_query never_and_since{{.types = {"UserNamed"}, .tags = {"name:ann"}, .after = 0}, {.tags = {"x"}}};
  EXPECT_THROW(append_if("N", {}, never_and_since, 2), dcb::conflict) << "0 means never at all";
  const dcb::event_query snapshot{{.types = {"UserNamed"}, .after = 1}, {.tags = {"x"}, .after = 2}};
  EXPECT_EQ(append_if("N", {}, snapshot, 0), 3);
}

TEST_P(condition, conflict_says_which_event) {
  append("A", {"x"});
  append("ItemAdded", {"cart:c1", "item:i7"});
  append("ItemAdded", {"cart:c1", "item:i8"});
  try {
    append_if("B", {}, tags({"cart:c1"}), 1);
    FAIL() << "no conflict";
  } catch (const dcb::conflict& conflict) {
    EXPECT_EQ(conflict.sqlstate(), "DCB01");
    EXPECT_TRUE(conflict.retryable());
    EXPECT_FALSE(conflict.in_doubt());
    EXPECT_STREQ(conflict.what(), "append condition failed");
    EXPECT_EQ(conflict.position(), 2);
    EXPECT_EQ(conflict.detail(),
              "Event 2 of type \"ItemAdded\" with tags {cart:c1,item:i7} matches the condition and was appended after position 1.");
    EXPECT_NE(conflict.hint(), "");
  }
}

TEST_P(condition, does_not_see_its_own_events) {
  EXPECT_EQ(append_if("A", {"x"}, tags({"x"}), 0), 1);
  EXPECT_EQ(
      log->append(std::vector<dcb::new_event>{{.type = "A", .tags = {"y"}}, {.type = "A", .tags = {"y"}}}, dcb::append_condition{tags({"y"}), 0}), 3);
}

TEST_P(condition, one_of_many_wins) {
  for (int round = 0; round < 10; ++round) {
    const auto boundary = "round:" + std::to_string(round);
    constexpr int racers = 8;
    std::latch barrier{racers};
    std::atomic<int> won = 0, lost = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < racers; ++i) {
      threads.emplace_back([&] {
        barrier.arrive_and_wait();
        try {
          append_if("Taken", {boundary}, tags({boundary}), 0);
          ++won;
        } catch (const dcb::conflict&) {
          ++lost;
        }
      });
    }
    threads.clear();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, racers - 1);
    EXPECT_EQ(log->count(tags({boundary})), 1);
  }
}

class append_id : public log_test {
 protected:
  dcb::call_options with(const dcb::uuid& id) { return {.append_id = id}; }
  dcb::uuid id = dcb::uuid::random();
};

TEST_P(append_id, repeated_append_has_one_effect_and_one_answer) {
  append("Before");
  EXPECT_EQ(append({{.type = "A"}, {.type = "B", .tags = {"y", "x"}}}, with(id)), 3);
  append("Between");
  EXPECT_EQ(append({{.type = "A"}, {.type = "B", .tags = {"x", "y", "x"}}}, with(id)), 3) << "tags are the same in any order";
  EXPECT_EQ(log->head(), 4);
}

TEST_P(append_id, answers_even_if_the_condition_would_now_fail) {
  EXPECT_EQ(append_if("A", {"x"}, tags({"x"}), 0, with(id)), 1);
  EXPECT_EQ(append_if("A", {"x"}, tags({"x"}), 0, with(id)), 1);
  EXPECT_EQ(log->head(), 1);
}

TEST_P(append_id, other_content_is_refused) {
  append({{.type = "A"}}, with(id));
  EXPECT_EQ(refusal([&] { append({{.type = "B"}}, with(id)); }), "DCB07");
  EXPECT_EQ(refusal([&] { append({{.type = "A", .tags = {"x"}}}, with(id)); }), "DCB07");
  EXPECT_EQ(refusal([&] { append({{.type = "A"}, {.type = "A"}}, with(id)); }), "DCB07");
  EXPECT_EQ(refusal([&] { append({{.type = "A", .metadata = "{}"}}, with(id)); }), "DCB07");
  EXPECT_EQ(log->head(), 1);
}

TEST_P(append_id, is_not_used_up_by_a_conflict) {
  append("A", {"x"});
  EXPECT_THROW(append_if("B", {}, tags({"x"}), 0, with(id)), dcb::conflict);
  EXPECT_EQ(append_if("C", {}, tags({"x"}), 1, with(id)), 2);
}

TEST_P(append_id, other_ids_are_other_appends) {
  append({{.type = "A"}}, with(id));
  append({{.type = "A"}}, with(dcb::uuid::random()));
  EXPECT_EQ(log->head(), 2);
}

INSTANTIATE_TEST_SUITE_P(store, condition, testing::Values(memory_logs(), server_logs()), name_of);
INSTANTIATE_TEST_SUITE_P(store, append_id, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
