// What holds memory for others, or through others: leaders and members of groups, who only waits, the worker, and the slots of shared memory that
// sessions leave behind when they end in the midst of something.

#include "steady.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

namespace {

using memory::operations;
using race::session;
using namespace std::chrono_literals;

class company : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(s_.must("SHOW shared_preload_libraries").value(), "pg_dcb"); }

  void wait_until(const std::string& condition) {
    for (const auto deadline = std::chrono::steady_clock::now() + 5min; s_.must(condition).value() != "t"; std::this_thread::sleep_for(2ms))
      if (std::chrono::steady_clock::now() > deadline) throw race::unexpected("never came true: " + condition);
  }

  memory::counted_store store_;
  session s_;
};

// Sixteen sessions append in groups, with conflicts and with what is refused among them; each leads now and then.
TEST_F(company, of_a_group) {
  constexpr int sessions = 16;
  s_.must("SELECT dcb.append($1, ARRAY[dcb.event('Old', tags => '{x:1}')])", {store_.name()});
  std::vector<session> members(sessions);
  const auto submit = [&](session& s, int i) {
    const auto got = s.run(i % 5 == 0   ? "CALL dcb.submit($1, ARRAY[dcb.event('A')], dcb.query(tags => '{x:1}'))"
                           : i % 7 == 0 ? "CALL dcb.submit($1, ARRAY[dcb.event('A')], dcb.all(), 1000000000)"
                                        : "CALL dcb.submit($1, ARRAY[dcb.event('A', tags => '{y:1}')], dcb.query(types => '{Old}', tags => '{y:1}'))",
                           {store_.name()});
    if (const std::string expected = i % 5 == 0 ? "DCB01" : i % 7 == 0 ? "DCB09" : ""; got.sqlstate != expected) throw race::unexpected(got.message);
  };
  std::vector<memory::measure> measures;
  for (auto& s : members) {
    measures.push_back(memory::contexts_of(s));
    measures.push_back(memory::private_to(s.backend()));
  }
  memory::expect_steady(measures, [&] {
    std::vector<std::future<void>> working;
    for (auto& s : members)
      working.push_back(std::async(std::launch::async, [&] {
        for (int i = 0; i < operations(); ++i) submit(s, i);
      }));
    for (auto& each : working) each.get();
    memory::done.errors += sessions * operations() * 11 / 35;
  });
}

// One waits for what never comes, while others append what wakes it, for it shares its place in the filter, or does not.
TEST_F(company, of_one_who_waits) {
  session waiter;
  const int process = waiter.backend();
  auto waiting = std::async(std::launch::async, [&] {
    return waiter.run("CALL dcb.wait_for_query($1, dcb.any_of(dcb.query(types => '{A}', tags => '{never}'), dcb.query(types => '{B}', tags => '{never}')), 0, '1 day')", {store_.name()});
  });
  wait_until("SELECT " + std::to_string(process) + " IN (SELECT dcb.waiters())");
  session appender;
  memory::expect_steady({memory::contexts_of(process), memory::private_to(process)}, [&] {
    for (int i = 0; i < operations(); ++i) appender.must("CALL dcb.submit($1, ARRAY[dcb.event('A', tags => '{x:1}')])", {store_.name()});
  });
  waiter.cancel();
  EXPECT_EQ(waiting.get().sqlstate, "57014");
  wait_until(race::nobody_waits);
}

// The worker, with a projection, a projection in trouble, NOTIFY and due commands.
TEST_F(company, of_the_worker) {
  s_.must("CREATE OR REPLACE FUNCTION public.memory_see_one(event dcb.stored_event) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM event.position; END $$");
  s_.must("CREATE OR REPLACE FUNCTION public.memory_choke(event dcb.stored_event) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'poison'; END $$");
  s_.must("SELECT dcb.create_projection($1, 'p', dcb.query(types => '{A}'), 'public.memory_see_one(dcb.stored_event)')", {store_.name()});
  s_.must("SELECT dcb.create_projection($1, 'poisoned', dcb.query(types => '{Due}', tags => '{poison}'), 'public.memory_choke(dcb.stored_event)', on_error => 'park', attempts => 1)", {store_.name()});
  s_.must("SELECT dcb.set_notify($1, true)", {store_.name()});
  wait_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_dcb worker' AND datname = current_database()");
  const int worker = static_cast<int>(s_.must("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_dcb worker' AND datname = current_database()").number());
  memory::expect_steady({memory::contexts_of(worker), memory::private_to(worker)}, [&] {
    for (int i = 0; i < operations(); ++i) s_.must("SELECT dcb.append($1, ARRAY[dcb.event('A')])", {store_.name()});
    s_.must("SELECT count(dcb.schedule($1, now(), ARRAY[dcb.event('Due', tags => CASE WHEN n % 50 = 0 THEN '{poison}'::text[] ELSE '{}' END)])) FROM generate_series(1, $2) AS n",
            {store_.name(), std::to_string(operations() / 10)});
    wait_until("SELECT count(*) = 0 FROM dcb.due_commands('" + store_.name() + "') WHERE state = 'pending'");
    wait_until("SELECT bool_and(position = dcb.head('" + store_.name() + "') OR lag_events = 0) FROM dcb.projections('" + store_.name() + "')");
    wait_until("SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = " + std::to_string(worker));
  });
  s_.must("SELECT dcb.drop_projection($1, 'p'), dcb.drop_projection($1, 'poisoned'), dcb.set_notify($1, false)", {store_.name()});
}

// Sessions that are ended in the midst of appending in groups and of waiting, more of them than there are slots, leave no slot taken: those after
// them append and wait, and nobody is left in the lists.
TEST_F(company, of_those_who_are_ended) {
  const int times = std::max(operations() / 2, 400);
  std::atomic<bool> done{false};
  std::vector<std::thread> appenders;
  for (int i = 0; i < 2; ++i)
    appenders.emplace_back([&, s = session()]() mutable {
      while (!done) s.must("CALL dcb.submit($1, ARRAY[dcb.event('A')])", {store_.name()});
    });
  race::in_parallel(4, [&](session& killer, int i) {
    std::mt19937 random(i);
    for (int n = 0; n < times / 4; ++n) {
      session victim;
      auto ended = std::async(std::launch::async, [&] {
        for (;;) {
          const auto got = n % 2 == 0 ? victim.run("CALL dcb.submit($1, ARRAY[dcb.event('B')])", {store_.name()})
                                      : victim.run("CALL dcb.wait_for_query($1, dcb.query(types => '{Never}'), 0, '1 min')", {store_.name()});
          if (victim.lost()) return;
          if (!got.ok()) throw race::unexpected(got.message);
        }
      });
      race::pause(random, 4000);
      killer.must("SELECT pg_terminate_backend($1)", {std::to_string(victim.backend())});
      ended.get();
    }
  });
  done = true;
  for (auto& each : appenders) each.join();
  wait_until(race::nobody_waits);
  // As many as there are slots left: one that finds its own still in use would not get its turn.
  const int many = std::min(static_cast<int>(s_.must("SELECT current_setting('max_connections')::int - 20").number()), 100);
  race::in_parallel(many, [&](session& s, int) {
    for (int i = 0; i < 3; ++i) s.must("CALL dcb.submit($1, ARRAY[dcb.event('C')])", {store_.name()});
    EXPECT_EQ(s.must("CALL dcb.wait_for_query($1, dcb.query(types => '{Never}'), 0, '1 ms')", {store_.name()}).value(), "f");
  });
  EXPECT_EQ(s_.must("SELECT dcb.count($1, dcb.query(types => '{C}'))", {store_.name()}).number(), 3 * many);
  wait_until(race::nobody_waits);
}

// Connections come and go: the server's first process and the launcher keep nothing of them.
TEST_F(company, of_those_who_come_and_go) {
  const int postmaster = static_cast<int>(s_.must("SELECT (regexp_match(pg_read_file('postmaster.pid'), '^\\d+'))[1]").number());
  const auto launcher = s_.must("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_dcb launcher'");
  ASSERT_EQ(launcher.rows.size(), 1u);
  memory::expect_steady({memory::contexts_of(static_cast<int>(launcher.number())), memory::private_to(postmaster)}, [&] {
    for (int i = 0; i < std::max(operations() / 10, 50); ++i) session().must("CALL dcb.submit($1, ARRAY[dcb.event('A')])", {store_.name()});
  });
}

}  // namespace
