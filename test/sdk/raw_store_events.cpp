// What is appended comes back as it was, and reads deliver what was asked for.

#include "raw_store_support.hpp"

#include <algorithm>
#include <chrono>

namespace {

using namespace support;
using dcb::event_query;
using dcb::new_event;
using dcb::query_item;
using dcb::recorded_event;
using positions_t = std::vector<std::int64_t>;

class raw_store_events : public raw_store_test {};

std::vector<recorded_event> all_events(dcb::event_log& log) {
  std::vector<recorded_event> result;
  log.read(event_query::all(), {}, [&](const recorded_event& event) {
    result.push_back(event);
    return true;
  });
  return result;
}

TEST_F(raw_store_events, round_trip_of_awkward_contents) {
  auto store = open();
  std::vector<std::byte> every_byte;
  for (int i = 0; i < 256; ++i) every_byte.push_back(static_cast<std::byte>(i));
  const auto id = dcb::uuid::random();
  const std::vector<new_event> events{{.type = "Größe \"1\", {2}\\ \t\n'; -- 🛒",
                                       .data = R"({"text": "quote \" backslash \\ tab \t ünï 🛒 \u0001", "number": 12345678901234567890.5})",
                                       .tags = {"z", "a b", "{\"curly\"}", "NULL", "comma,", "back\\slash", "new\nline", "ä:ß"},
                                       .metadata = R"([null, "x"])",
                                       .payload = every_byte,
                                       .id = id},
                                      {.type = "B"},
                                      {.type = "B", .payload = std::vector<std::byte>{}},
                                      {.type = "B", .tags = {"twice", "once", "twice"}}};
  ASSERT_EQ(store.append(events), 4);

  const auto stored = all_events(store);
  ASSERT_EQ(stored.size(), 4u);
  EXPECT_EQ(stored[0].position, 1);
  EXPECT_EQ(stored[0].type, events[0].type);
  auto tags = events[0].tags;
  std::ranges::sort(tags);
  EXPECT_EQ(stored[0].tags, tags);
  EXPECT_EQ(stored[0].payload, every_byte);
  EXPECT_EQ(stored[0].id, id);
  EXPECT_EQ(stored[0].metadata, R"([null, "x"])");
  EXPECT_EQ(
      admin->ask("SELECT data = '" + events[0].data + "' AND data->>'number' = '12345678901234567890.5' FROM " + name + ".event WHERE position = 1"),
      "t");
  EXPECT_EQ(stored[0].data, admin->ask("SELECT data FROM " + name + ".event WHERE position = 1"));

  EXPECT_EQ(stored[1].data, "{}");
  EXPECT_TRUE(stored[1].tags.empty());
  EXPECT_EQ(stored[1].payload, std::nullopt);
  EXPECT_EQ(stored[1].metadata, std::nullopt);
  EXPECT_EQ(stored[1].id, std::nullopt);
  EXPECT_EQ(stored[2].payload, std::vector<std::byte>{});
  EXPECT_EQ(stored[3].tags, (std::vector<std::string>{"once", "twice"}));
}

TEST_F(raw_store_events, recorded_at_is_the_time_of_the_server) {
  auto store = open();
  store.append(one_event());
  const auto recorded_at = all_events(store).at(0).recorded_at;
  EXPECT_EQ(admin->ask("SELECT (extract(epoch FROM recorded_at) * 1000000)::bigint FROM " + name + ".event"),
            std::to_string(recorded_at.time_since_epoch().count()));
  EXPECT_EQ(store.position_at(recorded_at), 1);
  EXPECT_EQ(store.position_at(recorded_at - std::chrono::microseconds{1}), 0);
}

TEST_F(raw_store_events, read_delivers_what_is_asked_for) {
  auto store = open();
  for (const char* type : {"A", "B", "A", "C", "A"}) store.append(one_event(type, {std::string{"type:"} + type, "any"}));

  EXPECT_EQ(positions(store), (positions_t{1, 2, 3, 4, 5}));
  EXPECT_EQ(positions(store, of_types({"A", "C"})), (positions_t{1, 3, 4, 5}));
  EXPECT_EQ(positions(store, query_item{.except_types = {"A"}}), (positions_t{2, 4}));
  EXPECT_EQ(positions(store, tagged({"any", "type:A"})), (positions_t{1, 3, 5}));
  EXPECT_EQ(positions(store, tagged({"none"})), positions_t{});
  EXPECT_EQ(positions(store, of_types({"B"}) | tagged({"type:C"})), (positions_t{2, 4}));
  EXPECT_EQ(positions(store, of_types({"A"}), {.after = 1, .upto = 4}), (positions_t{3}));
  EXPECT_EQ(positions(store, of_types({"A"}), {.after = 1, .backwards = true}), (positions_t{5, 3}));
  EXPECT_EQ(positions(store, of_types({"A"}), {.max_count = 2}), (positions_t{1, 3}));
  EXPECT_EQ(positions(store, of_types({"A"}), {.max_count = 1, .upto = 4, .backwards = true}), (positions_t{3}));
  EXPECT_EQ(positions(store, query_item{.types = {"A"}, .after = 3}), (positions_t{5}));
  EXPECT_EQ(positions(store, (event_query{query_item{.types = {"A"}, .after = 0}, query_item{.types = {"C"}}}), {.after = 4}),
            (positions_t{1, 3, 5}));

  EXPECT_EQ(store.head(), 5);
  EXPECT_TRUE(store.exists(of_types({"C"})));
  EXPECT_FALSE(store.exists(of_types({"C"}), 4));
  EXPECT_EQ(store.count(of_types({"A"})), 3);
  EXPECT_EQ(store.count(of_types({"A"}), 1), 2);
  EXPECT_EQ(store.last(of_types({"B"})), 2);
  EXPECT_EQ(store.last(of_types({"D"})), std::nullopt);
}

TEST_F(raw_store_events, read_answers_the_position_it_vouches_for) {
  auto store = open();
  const auto all = [](const recorded_event&) { return true; };
  EXPECT_EQ(store.read(event_query::all(), {}, all), 0) << "an empty store";
  for (const char* type : {"A", "B", "A", "B"}) store.append(one_event(type));

  EXPECT_EQ(store.read(of_types({"A"}), {}, all), 4);
  EXPECT_EQ(store.read(of_types({"C"}), {}, all), 4) << "nothing matches, up to the head";
  EXPECT_EQ(store.read(of_types({"A"}), {.upto = 2}, all), 2);
  EXPECT_EQ(store.read(of_types({"A"}), {.upto = 99}, all), 4);
  EXPECT_EQ(store.read(of_types({"A"}), {.max_count = 1}, all), 1) << "the event at 3 is not known to the caller";
  EXPECT_EQ(store.read(of_types({"A"}), {}, [](const recorded_event&) { return false; }), 1);
  EXPECT_EQ(store.read(of_types({"A"}), {.max_count = 1, .backwards = true}, all), 4);
  EXPECT_EQ(store.read(of_types({"A"}), {.after = 4}, all), 4);
}

TEST_F(raw_store_events, query_means_the_same_on_both_sides) {
  auto store = open();
  std::vector<new_event> events;
  for (const char* type : {"A", "B", "Ü\"\\\n"})
    for (const std::vector<std::string>& tags : {std::vector<std::string>{}, {"a"}, {"b"}, {"a", "b"}, {"q\"uote\\", "ü", "\x01\x1f\x7f", "a"}})
      events.push_back({.type = type, .tags = tags});
  store.append(events);

  const std::vector<event_query> queries{event_query::all(),
                                         of_types({"B", "A"}),
                                         of_types({"Ü\"\\\n"}),
                                         tagged({"a", "b"}),
                                         tagged({"ü", "q\"uote\\"}),
                                         tagged({"\x01\x1f\x7f"}),
                                         query_item{.except_types = {"B", "C"}},
                                         query_item{.except_types = {"Ü\"\\\n"}, .tags = {"a"}, .after = 2},
                                         event_query{query_item{.types = {"A"}, .except_types = {"B"}, .tags = {"a"}, .after = 9223372036854775807},
                                                     query_item{.tags = {"b"}, .after = 0}, query_item{.types = {"B"}}}};
  for (const auto& query : queries) {
    positions_t expected;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const auto position = static_cast<std::int64_t>(i) + 1;
      if (query.matches(events[i].type, events[i].tags, position, 5)) expected.push_back(position);
    }
    EXPECT_EQ(positions(store, query, {.after = 5}), expected) << query.to_json();
    auto tx = store.begin();
    EXPECT_EQ(tx.exec("SELECT $1::dcb.query::text::jsonb = $1::text::jsonb", query.to_json()).at(0).at(0), "t") << query.to_json();
  }
}

TEST_F(raw_store_events, condition_is_checked_on_the_server) {
  auto store = open();
  store.append(one_event("A", {"x:1"}));
  const dcb::append_condition condition{tagged({"x:1"}), 1};
  EXPECT_EQ(store.append(one_event("B", {"x:2"}), condition), 2);
  EXPECT_EQ(store.append(one_event("C", {"x:1"}), condition), 3);
  try {
    store.append(one_event("D", {"x:1"}), condition);
    FAIL();
  } catch (const dcb::conflict& e) {
    EXPECT_EQ(e.position(), 3);
    EXPECT_EQ(e.sqlstate(), "DCB01");
    EXPECT_TRUE(e.retryable());
    EXPECT_FALSE(e.in_doubt());
    EXPECT_NE(e.detail().find("\"C\""), e.detail().npos) << e.detail();
    EXPECT_FALSE(e.hint().empty());
  }
  EXPECT_EQ(store.head(), 3);
}

TEST_F(raw_store_events, append_id_replays_the_answer) {
  auto store = open();
  const auto id = dcb::uuid::random();
  const dcb::append_condition never{event_query::all(), 0};
  EXPECT_EQ(store.append(one_event(), never, {.append_id = id}), 1);
  EXPECT_EQ(store.append(one_event("B")), 2);
  EXPECT_EQ(store.append(one_event(), never, {.append_id = id}), 1);
  EXPECT_EQ(store.head(), 2);
}

TEST_F(raw_store_events, many_events_in_one_append) {
  auto store = open();
  const std::vector<new_event> events(65'536, new_event{.type = "A", .data = R"({"text":")" + std::string(500, 'x') + R"("})", .tags = {"x:1"}});
  EXPECT_EQ(store.append(events), 65'536);
  EXPECT_EQ(store.count(tagged({"x:1"})), 65'536);
}

}  // namespace
