// Connections: how many, shared by threads, lost and made anew; and what becomes of an append whose answer is lost.

#include "raw_store_proxy.hpp"

#include <future>
#include <set>

namespace {

using namespace support;
using namespace std::chrono_literals;
using dcb::event_query;
using dcb::recorded_event;

class raw_store_pool : public raw_store_test {
 protected:
  dcb::store_options single() const { return {.pool = {.max_connections = 1}, .application_name = name}; }
};

TEST_F(raw_store_pool, connects_when_first_used) {
  auto store = open();
  EXPECT_EQ(count_backends(), "0");
  store.head();
  store.head();
  EXPECT_EQ(count_backends(), "1");
}

TEST_F(raw_store_pool, exhaustion_is_a_timeout) {
  auto store = open({.pool = {.max_connections = 2, .acquire_timeout = 50ms}, .application_name = name});
  auto first = store.begin(), second = store.begin();
  try {
    store.head();
    FAIL();
  } catch (const dcb::timeout& e) {
    EXPECT_TRUE(e.retryable());
    EXPECT_NE(e.detail().find("2 connections"), e.detail().npos) << e.detail();
  }
  EXPECT_THROW(store.head({.timeout = 1ms}), dcb::timeout);
  first.rollback();
  EXPECT_EQ(store.head(), 0);
  EXPECT_EQ(count_backends(), "2");
}

TEST_F(raw_store_pool, stop_token_ends_the_wait_for_a_connection) {
  auto store = open({.pool = {.max_connections = 1, .acquire_timeout = 1h}, .application_name = name});
  std::optional<dcb::transaction> holding{store.begin()};
  // The wait cannot be seen from outside: the stop comes ever later, before it begins and during it.
  for (int round = 0; round < 100; ++round) {
    std::stop_source source;
    auto waiting = std::async(std::launch::async, [&] { return store.head({.stop = source.get_token()}); });
    for (int i = 0; i < 20 * round; ++i) std::this_thread::yield();
    source.request_stop();
    if (waiting.wait_for(60s) != std::future_status::ready) {
      holding.reset();
      FAIL() << "still waiting";
    }
    EXPECT_THROW(waiting.get(), dcb::cancelled);
  }
}

TEST_F(raw_store_pool, waiting_call_gets_the_connection_that_becomes_free) {
  auto store = open(single());
  auto holding = store.begin();
  auto waiting = std::async(std::launch::async, [&] { return store.head(); });
  holding.rollback();
  EXPECT_EQ(waiting.get(), 0);
  EXPECT_EQ(count_backends(), "1");
}

TEST_F(raw_store_pool, threads_share_a_store) {
  auto store = open({.pool = {.max_connections = 3}, .application_name = name});
  constexpr int threads = 8, rounds = 25;
  std::vector<std::future<std::set<std::int64_t>>> working;
  for (int i = 0; i < threads; ++i)
    working.push_back(std::async(std::launch::async, [&store, i] {
      std::set<std::int64_t> mine;
      for (int round = 0; round < rounds; ++round) {
        mine.insert(store.append(one_event("A", {"thread:" + std::to_string(i)})));
        store.read(tagged({"thread:" + std::to_string(i)}), {}, [&](const recorded_event& event) {
          EXPECT_TRUE(mine.contains(event.position));
          return round % 2 == 0;
        });
      }
      return mine;
    }));
  std::set<std::int64_t> all;
  for (auto& thread : working) all.merge(thread.get());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(threads * rounds));
  EXPECT_EQ(store.head(), threads * rounds);
  EXPECT_LE(std::stoi(count_backends()), 3);
}

TEST_F(raw_store_pool, moved_store_goes_on) {
  auto first = open();
  first.append(one_event());
  auto second = std::move(first);
  EXPECT_EQ(second.head(), 1);
  EXPECT_EQ(second.name(), name);
}

TEST_F(raw_store_pool, reconnects_after_the_server_has_killed_idle_connections) {
  auto store = open();
  { auto a = store.begin(), b = store.begin(); }
  EXPECT_EQ(count_backends(), "2");
  terminate_backends();
  EXPECT_EQ(store.append(one_event()), 1);
  EXPECT_EQ(store.append(one_event()), 2);
  terminate_backends();
  EXPECT_EQ(store.head(), 2);
}

TEST_F(raw_store_pool, question_is_asked_again_when_an_idle_connection_was_lost_unnoticed) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, single()};
  store.append(one_event());
  for (const auto what : {proxy::fault::lose_request, proxy::fault::lose_answer}) {
    between.next(what);
    EXPECT_EQ(store.head(), 1);
    ASSERT_TRUE(between.happened());
    between.next(what);
    EXPECT_EQ(positions(store), std::vector<std::int64_t>{1});
    ASSERT_TRUE(between.happened());
  }
}

TEST_F(raw_store_pool, extension_created_anew_costs_one_call) {
  const auto database = name + "_db";
  admin->ask("CREATE DATABASE \"" + database + "\" TEMPLATE template0");
  {
    session there{database};
    const auto create = [&] {
      there.ask("CREATE EXTENSION pg_dcb");
      there.ask("SELECT dcb.create_store('shop')");
    };
    create();
    dcb::raw_store store{"dbname='" + database + "'", "shop", single()};
    store.append(one_event());
    there.ask("SET client_min_messages = warning");
    there.ask("SELECT dcb.drop_store('shop', true)");
    there.ask("DROP EXTENSION pg_dcb");
    create();
    EXPECT_THROW(store.append(one_event()), dcb::error) << "the numbers of the types have changed";
    EXPECT_EQ(store.append(one_event()), 1);
  }
  admin->ask("DROP DATABASE \"" + database + "\" WITH (FORCE)");
}

class raw_store_lost_answer : public raw_store_pool {
 protected:
  proxy between;
  dcb::raw_store warm() {
    dcb::raw_store store{between.conninfo(), name, single()};
    store.append(one_event("Warm"));  // prepared, so that the next request is the append itself
    return store;
  }
};

TEST_F(raw_store_lost_answer, is_found_again_by_the_append_id) {
  auto store = warm();
  between.next(proxy::fault::lose_answer);
  EXPECT_EQ(store.append(one_event(), dcb::append_condition{event_query::all(), 1}, {.append_id = dcb::uuid::random()}), 2);
  ASSERT_TRUE(between.happened());
  EXPECT_EQ(count_events(), "2") << "stored twice";
}

TEST_F(raw_store_lost_answer, request_that_was_lost_is_sent_again_under_an_append_id) {
  auto store = warm();
  between.next(proxy::fault::lose_request);
  EXPECT_EQ(store.append(one_event(), dcb::append_condition{event_query::all(), 1}, {.append_id = dcb::uuid::random()}), 2);
  ASSERT_TRUE(between.happened());
  EXPECT_EQ(count_events(), "2");
}

TEST_F(raw_store_lost_answer, conflict_under_an_append_id_is_no_doubt) {
  auto store = warm();
  between.next(proxy::fault::lose_answer);
  try {
    store.append(one_event(), dcb::append_condition{event_query::all(), 0}, {.append_id = dcb::uuid::random()});
    FAIL();
  } catch (const dcb::conflict& e) {
    EXPECT_FALSE(e.in_doubt());
  }
  ASSERT_TRUE(between.happened());
  EXPECT_EQ(count_events(), "1");
}

TEST_F(raw_store_lost_answer, of_several_appends_is_found_again_by_their_ids) {
  auto store = warm();
  store.submit_many(std::vector<dcb::append_command>{{.events = one_event("Warm")}});
  std::int64_t head = 2;
  for (const auto what : {proxy::fault::lose_answer, proxy::fault::lose_request}) {
    const dcb::append_condition unchanged{event_query::all(), head};
    const std::vector<dcb::append_command> commands{
        {.events = one_event(), .condition = unchanged, .append_id = dcb::uuid::random()},
        {.events = one_event(), .condition = unchanged, .append_id = dcb::uuid::random()},  // the first one is in its way, also when it is sent again
        {.events = one_event("B"), .append_id = dcb::uuid::random()}};
    between.next(what);
    const auto outcomes = store.submit_many(commands);
    ASSERT_TRUE(between.happened());
    ASSERT_EQ(outcomes.size(), 3u);
    EXPECT_EQ(outcomes[0].value(), head + 1);
    EXPECT_EQ(outcomes[1].sqlstate, "DCB01");
    EXPECT_EQ(outcomes[2].value(), head += 2);
    EXPECT_EQ(store.head(), head) << "stored twice, or not at all";
    store.submit_many(std::vector<dcb::append_command>{{.events = one_event("Warm")}});  // prepared on the new connection
    ++head;
  }
}

TEST_F(raw_store_lost_answer, of_several_appends_without_ids_is_in_doubt) {
  auto store = warm();
  const std::vector<dcb::append_command> commands{{.events = one_event(), .append_id = dcb::uuid::random()}, {.events = one_event()}};
  store.submit_many(commands);
  between.next(proxy::fault::lose_answer);
  try {
    store.submit_many(commands);
    FAIL();
  } catch (const dcb::connection_error& e) {
    EXPECT_TRUE(e.in_doubt());
  }
  EXPECT_EQ(count_events(), "4") << "the one with an append id has one effect, the other two";
}

// The turn itself is lost with the connection; what it appended is not.
TEST_F(raw_store_lost_answer, of_an_append_in_line_is_found_again_by_its_id) {
  auto store = warm();
  struct counting final : dcb::load_sink {
    std::int64_t events = 0;
    void restore(std::size_t, const dcb::saved_state&) override {}
    void fold(std::size_t, const recorded_event&) override { ++events; }
  };
  const auto count_one_up = [&](proxy::fault what) {
    counting seen;
    const std::vector<dcb::load_part> parts{{tagged({"x:1"})}};
    return store.append_in_line({{"x:1"}, 10s}, parts, seen, [&](std::int64_t read_upto) -> std::optional<dcb::append_command> {
      between.next(what, 1);  // not of the append, but of the commit
      return dcb::append_command{.events = {{.type = "A", .data = std::to_string(seen.events + 1), .tags = {"x:1"}}},
                                 .condition = dcb::append_condition{tagged({"x:1"}), read_upto},
                                 .append_id = dcb::uuid::random()};
    });
  };
  std::int64_t events = 1;
  for (const auto what : {proxy::fault::none, proxy::fault::lose_answer, proxy::fault::none, proxy::fault::lose_request, proxy::fault::none}) {
    const auto position = count_one_up(what);
    ASSERT_TRUE(between.happened());
    EXPECT_EQ(position, store.head());
    EXPECT_EQ(count_events(), std::to_string(++events)) << "stored twice, or not at all";
  }
  EXPECT_EQ(admin->ask("SELECT string_agg(data::text, ' ' ORDER BY position) FROM dcb.read('" + name + "', dcb.query(types => '{A}'))"), "2 3 4 5 6");
}

TEST_F(raw_store_lost_answer, without_an_append_id_is_in_doubt) {
  auto store = warm();
  for (const auto what : {proxy::fault::lose_answer, proxy::fault::lose_request}) {
    between.next(what);
    try {
      store.append(one_event());
      FAIL();
    } catch (const dcb::connection_error& e) {
      EXPECT_TRUE(e.in_doubt());
      EXPECT_FALSE(e.retryable());
      EXPECT_FALSE(e.hint().empty());
    }
    ASSERT_TRUE(between.happened());
    store.append(one_event("Warm"));
  }
  // Whichever way it was lost, it was not sent twice: four that are known, and the one whose answer was lost.
  EXPECT_EQ(count_events(), "4");
}

TEST_F(raw_store_lost_answer, killed_while_waiting_for_the_lock) {
  session holder;
  holder.ask("BEGIN");
  holder.ask("SELECT dcb.append('" + name + "', ARRAY[dcb.event('Held')])");
  auto store = open(single());
  auto plain = std::async(std::launch::async, [&] { return store.append(one_event()); });
  await_waiting_for_lock();
  terminate_backends();
  try {
    plain.get();
    FAIL();
  } catch (const dcb::connection_error& e) {
    EXPECT_TRUE(e.in_doubt());
    EXPECT_EQ(e.sqlstate(), "57P01");
  }

  auto resolved = std::async(std::launch::async, [&] { return store.append(one_event(), {}, {.append_id = dcb::uuid::random()}); });
  await_waiting_for_lock();
  admin->ask("SELECT count(pg_terminate_backend(pid)) " + backends());
  holder.ask("COMMIT");
  EXPECT_EQ(resolved.get(), 2);
  EXPECT_EQ(count_events(), "2");
}

TEST_F(raw_store_lost_answer, stays_in_doubt_when_the_call_is_stopped_before_it_is_found) {
  auto store = warm();
  store.append(one_event("Warm"), {}, {.append_id = dcb::uuid::random()});
  session holder;
  holder.ask("BEGIN");
  holder.ask("SELECT dcb.append('" + name + "', ARRAY[dcb.event('Held')])");
  between.next(proxy::fault::lose_request);
  std::stop_source source;
  auto appending =
      std::async(std::launch::async, [&] { return store.append(one_event(), {}, {.append_id = dcb::uuid::random(), .stop = source.get_token()}); });
  await_waiting_for_lock();  // the first request was lost, so this is the second
  source.request_stop();
  try {
    appending.get();
    FAIL();
  } catch (const dcb::cancelled& e) {
    EXPECT_TRUE(e.in_doubt());
  }
}

TEST_F(raw_store_lost_answer, stays_in_doubt_when_the_server_does_not_come_back) {
  std::optional<proxy> gone{std::in_place};
  dcb::raw_store store{gone->conninfo(), name, {.pool = {.max_connections = 1}, .application_name = name, .resolve_timeout = 50ms}};
  store.append(one_event("Warm"));
  session holder;
  holder.ask("BEGIN");
  holder.ask("SELECT dcb.append('" + name + "', ARRAY[dcb.event('Held')])");
  auto appending = std::async(std::launch::async, [&] { return store.append(one_event(), {}, {.append_id = dcb::uuid::random()}); });
  await_waiting_for_lock();
  gone.reset();
  try {
    appending.get();
    FAIL();
  } catch (const dcb::connection_error& e) {
    EXPECT_TRUE(e.in_doubt());
    EXPECT_FALSE(e.retryable());
  }
}

}  // namespace
