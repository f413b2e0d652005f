// A primary and its standby: readers, a switch of roles, and a primary that is lost. Each test case runs by itself under with-pair, since what it does to the
// servers is not undone.

#include "raw_store_observer.hpp"
#include "raw_store_proxy.hpp"

#include <csignal>
#include <future>

namespace {

using namespace support;
using namespace std::chrono_literals;
using dcb::event_query;

class pair : public ::testing::Test {
 protected:
  const std::string primary = environment("PGHOST"), standby = environment("STANDBY"), database = environment("PGDATABASE");
  session on_primary{database, primary}, on_standby{database, standby};
  std::shared_ptr<notes> told = std::make_shared<notes>();

  void SetUp() override { on_primary.ask("SELECT dcb.create_store('shop')"); }

  dcb::store_options options(std::string readers = "") const {
    return {.pool = {.max_connections = 2}, .application_name = "pair_test", .reader_conninfo = std::move(readers), .watch = told};
  }
  dcb::raw_store open_hosts(const std::string& hosts) const { return {"host=" + hosts, "shop", options()}; }
  void wait_for(const std::string& standbys) {
    on_primary.ask("ALTER SYSTEM SET synchronous_standby_names = '" + standbys + "'");
    on_primary.ask("SELECT pg_reload_conf()");
    on_primary.await("current_setting('synchronous_standby_names') = '" + standbys + "'");
  }
  /// Until the standby shows what the primary has.
  void await_replay() { on_standby.await("pg_last_wal_replay_lsn() >= '" + on_primary.ask("SELECT pg_current_wal_flush_lsn()") + "'"); }
  void promote() {
    on_standby.ask("SELECT pg_promote()");
    on_standby.await("NOT pg_is_in_recovery()");
  }
};

TEST_F(pair, readers_answer_only_those_who_may_lag) {
  dcb::raw_store store{"", "shop", options("host=" + standby)};
  store.append(one_event());
  await_replay();
  EXPECT_EQ(store.head(), 1);
  EXPECT_EQ(told->count("reader opened"), 0);
  EXPECT_EQ(store.head({.may_lag = true}), 1);
  EXPECT_EQ(told->count("reader opened"), 1);
  EXPECT_EQ(on_standby.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pair_test'"), "1");

  on_standby.ask("SELECT pg_wal_replay_pause()");
  on_standby.await("pg_get_wal_replay_pause_state() = 'paused'");
  EXPECT_EQ(store.append(one_event()), 2);
  EXPECT_EQ(store.head(), 2);
  EXPECT_EQ(store.head({.may_lag = true}), 1);
  const auto all = event_query::all();
  EXPECT_FALSE(store.exists(all, 1, {.may_lag = true}));
  EXPECT_TRUE(store.exists(all, 1));
  // What is read there is true as of the position that the read vouches for.
  const auto vouched = store.read(
      all, {}, [](const auto&) { return true; }, {.may_lag = true});
  EXPECT_EQ(vouched, 1);
  EXPECT_THROW(store.append(one_event(), dcb::append_condition{all, vouched}), dcb::conflict);
  on_standby.ask("SELECT pg_wal_replay_resume()");
}

TEST_F(pair, primary_answers_when_no_reader_can) {
  dcb::raw_store store{"", "shop", options("host=/nonexistent")};
  store.append(one_event());
  EXPECT_EQ(store.head({.may_lag = true}), 1);
  EXPECT_EQ(told->count("reader failed"), 1);
  EXPECT_EQ(told->count("retry head 1"), 1);
}

TEST_F(pair, append_goes_to_the_host_that_accepts_it) {
  auto store = open_hosts(standby + "," + primary);
  EXPECT_EQ(store.append(one_event()), 1);
  dcb::raw_store any{"target_session_attrs=any host=" + standby + "," + primary, "shop", options()};
  EXPECT_EQ(sqlstate_of([&] { any.append(one_event()); }), "25006") << "as asked for: the first host, whatever it is";
}

TEST_F(pair, server_that_became_read_only_is_left) {
  auto store = open_hosts(primary + "," + standby);
  EXPECT_EQ(store.append(one_event()), 1);
  await_replay();
  on_primary.ask("ALTER SYSTEM SET default_transaction_read_only = on");
  on_primary.ask("SELECT pg_reload_conf()");
  promote();
  on_primary.await("current_setting('default_transaction_read_only') = 'on'");
  EXPECT_EQ(store.append(one_event()), 2);
  EXPECT_EQ(on_standby.ask("SELECT count(*) FROM shop.event"), "2");
  EXPECT_EQ(on_primary.ask("SELECT count(*) FROM shop.event"), "1");
  EXPECT_EQ(store.append(one_event()), 3);
  EXPECT_EQ(store.head(), 3);
}

TEST_F(pair, lost_primary_is_replaced_and_what_was_in_doubt_resolved) {
  proxy between{primary};
  dcb::raw_store store{between.conninfo() + "," + standby, "shop", options()};
  EXPECT_EQ(store.append(one_event()), 1);
  between.next(proxy::fault::lose_answer_and_leave);
  // Stored by the primary and passed on to the standby; the answer is lost, and the primary with it.
  auto appending = std::async(std::launch::async, [&] {
    return store.append(one_event("Doubtful"), dcb::append_condition{event_query::all(), 1}, {.append_id = dcb::uuid::random()});
  });
  while (!between.is_away()) std::this_thread::sleep_for(2ms);
  ASSERT_EQ(kill(std::stoi(environment("POSTMASTER")), SIGQUIT), 0);
  told->await("failed", 2);  // neither of the two is there to be written to
  promote();
  EXPECT_EQ(appending.get(), 2);
  EXPECT_EQ(told->count("resolved append"), 1);
  EXPECT_EQ(on_standby.ask("SELECT count(*) FROM shop.event"), "2") << "lost or stored twice";
  EXPECT_EQ(store.append(one_event()), 3);
}

// Cancelled in its wait for standbys the server calls the commit done.
TEST_F(pair, append_that_no_standby_has_confirmed_is_in_doubt) {
  dcb::raw_store store{"", "shop", options()};
  EXPECT_EQ(store.append(one_event()), 1);
  const auto id = dcb::uuid::random();
  wait_for("nobody");
  try {
    store.append(one_event(), {}, {.append_id = id, .timeout = 500ms});
    ADD_FAILURE() << "acknowledged";
  } catch (const dcb::timeout& ended) {
    EXPECT_TRUE(ended.in_doubt());
  }
  EXPECT_EQ(on_primary.ask("SELECT count(*) FROM shop.event"), "2") << "this test needs an append that is in the log";
  wait_for("*");
  EXPECT_EQ(store.append(one_event(), {}, {.append_id = id}), 2);
}

// One of the two commits for both.
TEST_F(pair, append_in_a_group_that_no_standby_has_confirmed_is_in_doubt) {
  dcb::raw_store store{"", "shop", options()};
  wait_for("nobody");
  on_primary.ask("BEGIN");
  on_primary.ask("SELECT dcb.append('shop', ARRAY[dcb.event('Holds the lock')])");
  std::stop_source stop;
  const auto append = [&] {
    try {
      store.append(one_event(), {}, {.timeout = 60s, .stop = stop.get_token()});
      return false;
    } catch (const dcb::cancelled& ended) {
      return ended.in_doubt();
    }
  };
  auto one = std::async(std::launch::async, append), other = std::async(std::launch::async, append);
  session observer{database, primary};
  const std::string sessions = "FROM pg_stat_activity WHERE application_name = 'pair_test' AND ";
  observer.await("count(DISTINCT wait_event_type) = 2 " + sessions + "wait_event_type IN ('Lock', 'Extension')");  // who leads, who follows
  on_primary.ask("ROLLBACK");
  observer.await("count(*) = 2 " + sessions + "wait_event = 'SyncRep'");
  EXPECT_EQ(observer.ask("SELECT count(*) || ' in ' || count(DISTINCT xmin::text) FROM shop.event"), "2 in 1") << "this test needs a group";
  stop.request_stop();
  EXPECT_TRUE(one.get());
  EXPECT_TRUE(other.get());
}

// It goes on taking writes, to nobody's use; what was in doubt there is repeated where it counts.
TEST_F(pair, former_primary_is_left) {
  auto first = open_hosts(primary + "," + standby), last = open_hosts(standby + "," + primary);
  for (auto* store : {&first, &last}) {
    auto one = store->begin(), other = store->begin();
  }
  EXPECT_EQ(first.append(one_event()), 1);
  EXPECT_EQ(last.append(one_event()), 2);
  await_replay();
  promote();
  std::int64_t position = 2;
  for (auto* store : {&first, &last}) {
    const auto id = dcb::uuid::random();
    EXPECT_THROW(store->append(one_event("Doubtful"), {}, {.append_id = id, .timeout = 500ms}), dcb::timeout);
    EXPECT_EQ(on_primary.ask("SELECT max(position) FROM shop.event"), std::to_string(++position)) << "this test needs an append in the former primary's log";
    EXPECT_EQ(store->append(one_event("Doubtful"), {}, {.append_id = id, .timeout = 20s}), position);
    EXPECT_EQ(on_standby.ask("SELECT max(position) FROM shop.event"), std::to_string(position));
    auto one = store->begin(), other = store->begin();
  }
  EXPECT_EQ(on_primary.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pair_test'"), "0");
}

// Neither the session's process answers nor the one that takes the request to cancel.
TEST_F(pair, stopped_server_holds_no_call_beyond_its_time) {
  auto impatient = options();
  impatient.cancel_grace = 100ms;
  dcb::raw_store store{"", "shop", impatient};
  EXPECT_EQ(store.append(one_event()), 1);
  const pid_t server = std::stoi(environment("POSTMASTER"));
  const pid_t session = std::stoi(on_primary.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'pair_test'"));
  for (const auto process : {server, session}) ASSERT_EQ(kill(process, SIGSTOP), 0);
  EXPECT_THROW(store.append(one_event(), {}, {.timeout = 100ms}), dcb::timeout);
  for (const auto process : {server, session}) ASSERT_EQ(kill(process, SIGCONT), 0);
  EXPECT_GE(store.head({.timeout = 60s}), 1);
}

}  // namespace
