// Who stands in line for the append lock, behind a transaction that holds it: with the extension preloaded one leads and waits for the lock, the others have
// queued up behind the leader; otherwise all wait for the lock. Whatever becomes of any of them, the others are served.

#include "ledger.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <future>

namespace {

using namespace std::chrono_literals;
using callers::ledger;
using race::answer;
using race::session;

class queue : public testing::Test {
 protected:
  struct submitter {
    session s;
    std::string event;
    std::future<answer> result;
    answer get() { return result.get(); }
  };

  void hold() {
    holder_.must("BEGIN");
    held_ = ledger_.fresh();
    holder_.must("SELECT dcb.append($1, ARRAY[dcb.event($2)])", {store_.name(), held_});
  }
  void let_go() { ledger_.told(holder_.run("COMMIT"), held_); }

  std::unique_ptr<submitter> submit(const std::string& setting = "SELECT 1", const std::string& call = "CALL dcb.submit($1, ARRAY[dcb.event($2)])") {
    auto w = std::make_unique<submitter>();
    w->s.must(setting);
    w->event = ledger_.fresh();
    w->result = std::async(std::launch::async, [this, call, w = w.get()] { return w->s.run(call, {store_.name(), w->event}); });
    return w;
  }
  void until(const std::function<bool()>& condition) {
    for (const auto deadline = std::chrono::steady_clock::now() + 120s; !condition(); std::this_thread::sleep_for(1ms))
      if (std::chrono::steady_clock::now() > deadline) throw race::unexpected("never came true");
  }
  // Until it waits, for the lock or in the queue.
  void until_in_line(submitter& w) {
    until([&] {
      if (w.result.wait_for(0s) == std::future_status::ready) throw race::unexpected("does not wait");
      return s_.must("SELECT wait_event_type IN ('Lock', 'Extension') AND state = 'active' FROM pg_stat_activity WHERE pid = $1", {std::to_string(w.s.backend())}).value() == "t";
    });
  }
  std::vector<std::unique_ptr<submitter>> line(int length) {
    std::vector<std::unique_ptr<submitter>> all;
    for (int i = 0; i < length; ++i) until_in_line(*all.emplace_back(submit()));
    return all;
  }
  void end(submitter& w, const std::string& sqlstate) {
    const answer got = w.get();
    EXPECT_TRUE(got.sqlstate == sqlstate || (sqlstate == "57P01" && w.s.lost())) << got.sqlstate << " " << got.message << ", not " << sqlstate;
    ledger_.told(got, w.event, got.ok() ? got.number() : 0);
  }
  void signal(const char* function, const submitter& w) { s_.must(std::string("SELECT ") + function + "($1)", {std::to_string(w.s.backend())}); }

  race::temporary_store store_;
  ledger ledger_;
  session s_, holder_;
  std::string held_;
};

// The leader and others in the midst of the line, cancelled, terminated and timed out; the rest is served in the end.
TEST_F(queue, is_left_by_some) {
  hold();
  auto all = line(8);
  auto timed = submit("SET statement_timeout = '50ms'");
  auto impatient = submit("SET lock_timeout = '50ms'");
  end(*timed, "57014");
  end(*impatient, "55P03");
  signal("pg_cancel_backend", *all[3]);
  end(*all[3], "57014");
  signal("pg_cancel_backend", *all[0]);  // leads
  end(*all[0], "57014");
  signal("pg_terminate_backend", *all[5]);
  end(*all[5], "57P01");
  signal("pg_terminate_backend", *all[1]);
  end(*all[1], "57P01");
  auto late = line(2);
  let_go();
  for (const int i : {2, 4, 6, 7}) end(*all[i], "");
  for (auto& w : late) end(*w, "");
  ledger_.check(store_.name());
}

// Everybody who could have led is gone; the next one does not wait for them.
TEST_F(queue, is_left_by_all) {
  for (const char* function : {"pg_cancel_backend", "pg_terminate_backend"}) {
    hold();
    auto all = line(5);
    for (auto& w : all) signal(function, *w);
    for (auto& w : all) end(*w, function == std::string("pg_cancel_backend") ? "57014" : "57P01");
    let_go();
    auto next = submit("SET statement_timeout = '60s'");
    end(*next, "");
  }
  ledger_.check(store_.name());
}

// The one who holds the lock is idle for too long, is terminated, loses its connection, or rolls back: the line moves on, and its event is not there.
TEST_F(queue, moves_on_when_the_holder_is_gone) {
  for (const char* how : {"idle", "terminated", "disconnected", "cancelled", "rolled back"}) {
    const std::string way = how;
    holder_ = session();
    if (way == "idle") holder_.must("SET idle_in_transaction_session_timeout = '200ms'");
    hold();
    std::vector<std::unique_ptr<submitter>> all;
    for (int i = 0; i < 3; ++i) {
      all.push_back(submit());
      if (way != "idle") until_in_line(*all.back());  // who is idle may be gone before
    }
    answer lost;
    lost.sqlstate = "57014";  // to be refused, whatever the connection was told
    if (way == "terminated") s_.must("SELECT pg_terminate_backend($1)", {std::to_string(holder_.backend())});
    if (way == "disconnected") holder_ = session();
    if (way == "cancelled") {
      holder_.send("SELECT pg_sleep(60)");
      until([&] { return s_.must("SELECT wait_event IS NOT DISTINCT FROM 'PgSleep' FROM pg_stat_activity WHERE pid = $1", {std::to_string(holder_.backend())}).value() == "t"; });
      s_.must("SELECT pg_cancel_backend($1)", {std::to_string(holder_.backend())});
      EXPECT_EQ(holder_.receive().sqlstate, "57014");  // a transaction in error has given its locks back
    }
    if (way == "rolled back") holder_.must("ROLLBACK");
    for (auto& w : all) end(*w, "");
    ledger_.told(lost, held_);
    EXPECT_TRUE(way != "idle" || (!holder_.run("COMMIT").ok() && holder_.lost()));
  }
  ledger_.check(store_.name());
}

// A server that has to reach all its processes, as for DROP DATABASE, reaches those who stand in line.
TEST_F(queue, lets_databases_be_dropped) {
  hold();
  auto all = line(4);
  auto waiter = submit("SELECT 1", "CALL dcb.wait_for_query($1, dcb.query(types => ARRAY[$2]), 0, '100 s')");
  until_in_line(*waiter);
  session elsewhere("dbname=postgres");
  const std::string other = "other_" + store_.name();
  elsewhere.must("SET statement_timeout = '100s'");
  elsewhere.must("CREATE DATABASE \"" + other + "\"");
  elsewhere.must("DROP DATABASE \"" + other + "\"");
  let_go();
  for (auto& w : all) end(*w, "");
  waiter->s.cancel();
  EXPECT_EQ(waiter->get().sqlstate, "57014");
  ledger_.check(store_.name());
}

// The store is dropped and made anew before those in line: each is told the truth about the one or the other.
TEST_F(queue, survives_a_dropped_store) {
  hold();
  auto all = line(4);
  auto dropper = std::make_unique<session>();
  auto dropped = std::async(std::launch::async, [&] {
    dropper->must("BEGIN");
    dropper->must("SELECT dcb.drop_store($1, force => true)", {store_.name()});
    dropper->must("SELECT dcb.create_store($1)", {store_.name()});
    dropper->must("COMMIT");
  });
  until([&] { return s_.must("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", {std::to_string(dropper->backend())}).value() == "t"; });
  holder_.must("COMMIT");
  dropped.get();
  int in_the_new_one = 0;
  for (auto& w : all) {
    const answer got = w->get();
    EXPECT_TRUE(got.ok() || got.sqlstate == "DCB05" || got.sqlstate == "42P01" || got.sqlstate == "XX000") << got.sqlstate << " " << got.message;
    in_the_new_one += s_.must("SELECT dcb.count($1, dcb.query(types => ARRAY[$2]))", {store_.name(), w->event}).number();
  }
  EXPECT_EQ(in_the_new_one, s_.must("SELECT dcb.head($1)", {store_.name()}).number());
  EXPECT_TRUE(session().must("CALL dcb.submit($1, ARRAY[dcb.event('Next')])", {store_.name()}).ok());
}

}  // namespace
