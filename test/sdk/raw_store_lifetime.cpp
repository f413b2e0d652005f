// How long connections live, how they are made anew, and what an observer is told of it.

#include "raw_store_observer.hpp"
#include "raw_store_proxy.hpp"

#include <future>

namespace {

using namespace support;
using namespace std::chrono_literals;
using dcb::event_query;
using lines = std::vector<std::string>;

class raw_store_lifetime : public raw_store_test {
 protected:
  std::shared_ptr<notes> told = std::make_shared<notes>();
  dcb::store_options with(dcb::pool_options pool) const { return {.pool = pool, .application_name = name, .watch = told}; }
};

TEST_F(raw_store_lifetime, old_connection_is_closed_after_its_call) {
  {
    auto store = open(with({.max_age = 1ms}));
    store.read(event_query::all(), {}, [](const auto&) { return true; });
    admin->await("count(*) = 0 " + backends());
    store.head();
  }
  EXPECT_EQ(told->all(), (lines{"opened", "closed: it reached its age", "read done", "opened", "closed: it reached its age", "head done"}));
}

TEST_F(raw_store_lifetime, connection_that_lies_idle_for_long_is_closed) {
  auto store = open(with({.idle_timeout = 20ms}));
  { auto a = store.begin(), b = store.begin(), c = store.begin(); }
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (count_backends() != "1" && std::chrono::steady_clock::now() < until) store.head();  // always by the same one
  EXPECT_EQ(count_backends(), "1");
  EXPECT_EQ(told->count("opened"), 3);
  EXPECT_EQ(told->count("closed: it lay idle for long"), 2);
}

TEST_F(raw_store_lifetime, connection_that_no_longer_answers_is_found_out_before_it_is_used) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, with({.max_connections = 1, .connect_timeout = 200ms, .validate_after = 0ms})};
  store.append(one_event());
  between.next(proxy::fault::swallow);
  EXPECT_EQ(store.append(one_event()), 2) << "by another connection";
  ASSERT_TRUE(between.happened());
  EXPECT_EQ(count_events(), "2");
  EXPECT_EQ(told->count("closed: it was lost while it lay idle"), 1);
  EXPECT_EQ(told->count("opened"), 2);
}

TEST_F(raw_store_lifetime, goes_on_connecting_while_the_server_is_away) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, with({.max_connections = 1})};
  store.append(one_event());
  between.be_away(true);
  terminate_backends();
  auto asking = std::async(std::launch::async, [&] { return store.head(); });
  told->await("failed", 3);
  between.be_away(false);
  EXPECT_EQ(asking.get(), 1);
  EXPECT_EQ(told->count("opened"), 2);
  EXPECT_EQ(told->count("head done"), 1);
}

TEST_F(raw_store_lifetime, gives_up_connecting_when_its_time_is_over) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, with({.max_connections = 1, .reconnect_timeout = 100ms})};
  store.head();
  between.be_away(true);
  terminate_backends();
  EXPECT_THROW(store.head(), dcb::connection_error);
  EXPECT_GT(told->count("failed"), 1);
  between.be_away(false);
  EXPECT_EQ(store.head(), 0) << "its place in the pool was lost";
}

TEST_F(raw_store_lifetime, stop_token_ends_the_pause_between_two_attempts) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, with({.max_connections = 1, .reconnect_timeout = 1h})};
  store.head();
  between.be_away(true);
  terminate_backends();
  std::stop_source source;
  auto asking = std::async(std::launch::async, [&] { return store.head({.stop = source.get_token()}); });
  told->await("failed", 3);
  source.request_stop();
  EXPECT_THROW(asking.get(), dcb::cancelled);
}

TEST_F(raw_store_lifetime, first_connection_is_tried_once) {
  dcb::raw_store nowhere{"host=/nonexistent", name, with({})};
  EXPECT_THROW(nowhere.head(), dcb::connection_error);
  EXPECT_EQ(told->all(), (lines{"failed", "head failed "}));
}

TEST_F(raw_store_lifetime, observer_is_told_of_calls_and_their_outcome) {
  {
    auto store = open(with({.max_connections = 1}));
    store.append(one_event());
    EXPECT_THROW(store.append(one_event(), dcb::append_condition{event_query::all(), 0}), dcb::conflict);
    EXPECT_THROW(store.count(event_query{}), dcb::error);
    EXPECT_EQ(store.watched_by(), told.get());
  }
  EXPECT_EQ(told->all(), (lines{"opened", "append done", "append failed DCB01", "count failed DCB02", "closed: the store is closed"}));
}

TEST_F(raw_store_lifetime, observer_is_told_how_a_doubt_was_resolved) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, with({.max_connections = 1})};
  store.append(one_event());
  between.next(proxy::fault::lose_answer);
  EXPECT_EQ(store.append(one_event(), {}, {.append_id = dcb::uuid::random()}), 2);
  EXPECT_EQ(told->all(), (lines{"opened", "append done", "closed: it broke, or a call left it in the middle of something", "retry append 1", "opened",
                                "resolved append", "append done"}));
}

TEST_F(raw_store_lifetime, log_has_a_line_for_what_matters) {
  std::vector<std::string> log;
  auto store = open({.pool = {.max_connections = 1},
                     .application_name = name,
                     .watch = std::make_shared<dcb::logging_observer>([&](std::string_view line) { log.emplace_back(line); })});
  store.append(one_event());
  EXPECT_THROW(store.append(one_event(), dcb::append_condition{event_query::all(), 0}), dcb::conflict);
  EXPECT_THROW(store.append({}), dcb::error);
  ASSERT_EQ(log.size(), 2u) << "a conflict is an answer like others";
  EXPECT_EQ(log[0], "dcb " + name + ": connection opened, host " + environment("PGHOST"));
  EXPECT_NE(log[1].find(": append failed: "), std::string::npos) << log[1];
  EXPECT_NE(log[1].find("(DCB04)"), std::string::npos) << log[1];
}

}  // namespace
