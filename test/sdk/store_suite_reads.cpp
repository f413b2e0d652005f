// Reading, queries, positions: the rows of the DCB specification, and what goes beyond it.
#include "store_suite.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <stdexcept>

namespace {

using namespace std::chrono_literals;

class reading : public log_test {
 protected:
  void SetUp() override {
    append("A", {"x"});       // 1
    append("B", {"y"});       // 2
    append("B", {"x", "z"});  // 3
    append("C", {"x", "y"});  // 4
    append("C");              // 5
  }
};

TEST_P(reading, must_filter_by_type) { EXPECT_EQ(found(types({"B"})), (positions{2, 3})); }
TEST_P(reading, must_filter_by_tag) { EXPECT_EQ(found(tags({"y"})), (positions{2, 4})); }
TEST_P(reading, must_filter_by_type_and_tag) { EXPECT_EQ(found(dcb::query_item{.types = {"B"}, .tags = {"x"}}), (positions{3})); }
TEST_P(reading, should_start_at_a_given_position) { EXPECT_EQ(found(tags({"x"}), {.after = 1}), (positions{3, 4})); }
TEST_P(reading, may_read_backwards) { EXPECT_EQ(found(dcb::event_query::all(), {.backwards = true}), (positions{5, 4, 3, 2, 1})); }
TEST_P(reading, may_limit_the_number) { EXPECT_EQ(found(dcb::event_query::all(), {.max_count = 2}), (positions{1, 2})); }
TEST_P(reading, may_end_at_a_position) { EXPECT_EQ(found(tags({"x"}), {.upto = 3}), (positions{1, 3})); }

TEST_P(reading, combines_bounds_limit_and_direction) {
  EXPECT_EQ(found(dcb::event_query::all(), {.after = 1, .max_count = 2, .upto = 4, .backwards = true}), (positions{4, 3}));
  EXPECT_EQ(found(tags({"x"}), {.max_count = 0}), positions{});
  EXPECT_EQ(found(tags({"x"}), {.after = 4, .upto = 2}), positions{});
  EXPECT_EQ(found(tags({"x"}), {.after = 99}), positions{});
  EXPECT_EQ(found(tags({"x"}), {.upto = 99}), (positions{1, 3, 4}));
}

TEST_P(reading, query_may_match_all) { EXPECT_EQ(found(), (positions{1, 2, 3, 4, 5})); }
TEST_P(reading, query_items_are_joined_by_or) { EXPECT_EQ(found(types({"A"}) | tags({"z"})), (positions{1, 3})); }
TEST_P(reading, event_matched_by_many_items_comes_once) {
  EXPECT_EQ(found(types({"A", "C"}) | tags({"x"}) | tags({"y"})), (positions{1, 2, 3, 4, 5}));
}
TEST_P(reading, item_matches_one_of_its_types) { EXPECT_EQ(found(types({"A", "C", "D"})), (positions{1, 4, 5})); }
TEST_P(reading, item_matches_all_of_its_tags) {
  EXPECT_EQ(found(tags({"y", "x"})), (positions{4}));
  EXPECT_EQ(found(tags({"x", "y", "z"})), positions{});
}
TEST_P(reading, item_may_exclude_types) {
  EXPECT_EQ(found(dcb::query_item{.except_types = {"B", "A"}}), (positions{4, 5}));
  EXPECT_EQ(found(dcb::query_item{.except_types = {"C"}, .tags = {"x"}}), (positions{1, 3}));
  EXPECT_EQ(found(dcb::query_item{.types = {"B", "C"}, .except_types = {"C"}}), (positions{2, 3}));
}
TEST_P(reading, item_may_have_its_own_after) {
  EXPECT_EQ(found(dcb::query_item{.tags = {"x"}, .after = 1}), (positions{3, 4}));
  EXPECT_EQ(found(dcb::event_query{{.types = {"A"}}, {.types = {"C"}, .after = 4}}), (positions{1, 5}));
  EXPECT_EQ(found(dcb::query_item{.tags = {"x"}, .after = 0}, {.after = 3}), (positions{1, 3, 4})) << "the item's after wins";
  EXPECT_EQ(log->count(dcb::query_item{.tags = {"x"}, .after = 3}, 0), 1);
  EXPECT_FALSE(log->exists(dcb::query_item{.tags = {"z"}, .after = 3}, 0));
  EXPECT_TRUE(log->exists(dcb::query_item{.tags = {"z"}, .after = 0}, 5));
}

TEST_P(reading, answers_what_it_vouches_for) {
  auto upto = [&](const dcb::event_query& query, const dcb::read_options& options, int stop_after = 99) {
    return log->read(query, options, [&](const dcb::recorded_event&) { return --stop_after > 0; });
  };
  EXPECT_EQ(upto(tags({"z"}), {}), 5) << "the head, though the last match is before it";
  EXPECT_EQ(upto(types({"Unheard"}), {}), 5);
  EXPECT_EQ(upto(tags({"x"}), {.upto = 3}), 3);
  EXPECT_EQ(upto(tags({"x"}), {.upto = 99}), 5);
  EXPECT_EQ(upto(tags({"x"}), {.max_count = 2}), 3) << "where the limit ended it";
  EXPECT_EQ(upto(tags({"x"}), {}, 1), 1) << "where the sink ended it";
}

TEST_P(reading, sink_may_stop_and_throw) {
  positions seen;
  log->read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& event) { return seen.push_back(event.position), seen.size() < 2; });
  EXPECT_EQ(seen, (positions{1, 2}));
  EXPECT_THROW(log->read(dcb::event_query::all(), {}, [](const dcb::recorded_event&) -> bool { throw std::logic_error{"no"}; }), std::logic_error);
  EXPECT_EQ(log->head(), 5) << "the store goes on";
}

TEST_P(reading, sink_may_use_the_store) {
  log->read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& event) {
    append("Seen", {"of:" + std::to_string(event.position)});
    return true;
  });
  EXPECT_EQ(log->head(), 10) << "what the sink appends is not part of the read";
}

TEST_P(reading, head_last_exists_count) {
  EXPECT_EQ(log->head(), 5);
  EXPECT_EQ(log->last(tags({"x"})), 4);
  EXPECT_EQ(log->last(dcb::event_query::all()), 5);
  EXPECT_EQ(log->last(tags({"nobody"})), std::nullopt);
  EXPECT_TRUE(log->exists(tags({"z"})));
  EXPECT_FALSE(log->exists(tags({"z"}), 3));
  EXPECT_EQ(log->count(tags({"x"})), 3);
  EXPECT_EQ(log->count(tags({"x"}), 1), 2);
}

TEST_P(reading, position_at_a_time) {
  const auto all = events();
  EXPECT_EQ(log->position_at(all.front().recorded_at - 1us), 0);
  EXPECT_EQ(log->position_at(all.back().recorded_at), 5);
  EXPECT_EQ(log->position_at(all.back().recorded_at + 1h), 5);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LE(all[i - 1].recorded_at, all[i].recorded_at);
}

class writing : public log_test {};

TEST_P(writing, empty_log) {
  EXPECT_EQ(log->head(), 0);
  EXPECT_EQ(found(), positions{});
  EXPECT_EQ(log->last(dcb::event_query::all()), std::nullopt);
  EXPECT_FALSE(log->exists(dcb::event_query::all()));
  EXPECT_EQ(log->count(dcb::event_query::all()), 0);
  EXPECT_EQ(log->read(dcb::event_query::all(), {}, [](const dcb::recorded_event&) { return true; }), 0);
}

TEST_P(writing, must_persist_one_or_more_events_in_order) {
  EXPECT_EQ(append({{.type = "A"}, {.type = "B"}, {.type = "A"}}), 3);
  EXPECT_EQ(append("C"), 4);
  EXPECT_EQ(found(types({"A"})), (positions{1, 3}));
  const auto all = events();
  EXPECT_EQ(all[0].recorded_at, all[2].recorded_at) << "events of one append share their time";
}

TEST_P(writing, positions_are_unique_and_increase_without_gaps) {
  for (int i = 0; i < 10; ++i) append(std::vector<dcb::new_event>(static_cast<std::size_t>(i % 3 + 1), {.type = "A"}));
  std::int64_t expected = 0;
  for (const auto position : found()) EXPECT_EQ(position, ++expected);
  EXPECT_EQ(expected, log->head());
}

TEST_P(writing, a_refused_append_leaves_no_gap) {
  append("A", {"x"});
  EXPECT_THROW(append_if("B", {}, tags({"x"}), 0), dcb::conflict);
  EXPECT_EQ(append("C"), 2);
}

TEST_P(writing, event_comes_back_as_it_was_given) {
  const auto id = dcb::uuid::from_string("0198a5b0-1111-7222-8333-444444444444");
  const std::vector<std::byte> payload{std::byte{0}, std::byte{255}, std::byte{7}};
  append({{.type = "Größe", .data = R"({"a":1})", .tags = {"b", "ä:1", "a", "b"}, .metadata = R"({"by":"ann"})", .payload = payload, .id = id}});
  const auto event = events().at(0);
  EXPECT_EQ(event.type, "Größe");
  EXPECT_EQ(event.tags, (strings{"a", "b", "ä:1"})) << "tags are sorted, nothing twice";
  struct Data {
    int a;
  };
  struct Metadata {
    std::string by;
  };
  EXPECT_EQ(dcb::from_json<Data>(event.data).a, 1);
  EXPECT_EQ(dcb::from_json<Metadata>(event.metadata.value()).by, "ann");
  EXPECT_EQ(event.payload, payload);
  EXPECT_EQ(event.id, id);
}

TEST_P(writing, event_needs_only_a_type) {
  append("A");
  const auto event = events().at(0);
  EXPECT_EQ(event.tags, strings{});
  EXPECT_EQ(event.data, "{}");
  EXPECT_EQ(event.payload, std::nullopt);
  EXPECT_EQ(event.metadata, std::nullopt);
  EXPECT_EQ(event.id, std::nullopt);
}

TEST_P(writing, recorded_now) {
  const auto before = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  append("A");
  const auto recorded = events().at(0).recorded_at;
  EXPECT_GE(recorded, before);
  EXPECT_LE(recorded, std::chrono::system_clock::now());
}

TEST_P(writing, many_events_stream_through) {
  std::vector<dcb::new_event> batch(5'000, {.type = "Counted", .tags = {"many"}});
  append(batch);
  append(batch);
  std::int64_t expected = 0;
  bool in_order = true;
  EXPECT_EQ(log->read(tags({"many"}), {}, [&](const dcb::recorded_event& event) { return in_order = event.position == ++expected; }), 10'000);
  EXPECT_EQ(expected, 10'000);
}

INSTANTIATE_TEST_SUITE_P(store, reading, testing::Values(memory_logs(), server_logs()), name_of);
INSTANTIATE_TEST_SUITE_P(store, writing, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
