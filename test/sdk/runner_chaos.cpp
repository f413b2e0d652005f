// Eight writers with pauses and rollbacks, three runners whose connections are cut at random and which come and go: every event has its effect
// exactly once and in order, and a replay from the beginning gives the same.
#include "runner_support.hpp"

#include <atomic>
#include <memory>
#include <random>

namespace {

using namespace trouble;

constexpr int writers = 8;
constexpr int rounds = 40;

class runner_chaos : public runner_in_trouble {
 protected:
  // Appends, some of it in transactions that take their time, or are given up.
  void write(int writer) {
    std::minstd_rand random(static_cast<unsigned>(writer + 1));
    dcb::store<Event> store{"", name, named("writer")};
    const auto account = "account-" + std::to_string(writer);
    for (int i = 0; i < rounds; ++i) {
      const auto events = dcb::event_schema<Event>::encode(std::vector<Event>{Opened{account}, Paid{account, i}});
      std::this_thread::sleep_for(std::chrono::microseconds{random() % 20'000});
      switch (random() % 4) {
        case 0: {
          auto in = store.log().begin();
          in.append(events);
          std::this_thread::sleep_for(std::chrono::microseconds{random() % 3'000});
          if (random() % 2 == 0) in.commit();
          break;
        }
        case 1: {
          auto in = store.log().begin();
          in.append_at_commit(events);
          std::this_thread::sleep_for(std::chrono::microseconds{random() % 20'000});
          if (random() % 2 == 0) in.commit();
          break;
        }
        default: store.log().append(events);
      }
    }
  }

  // A runner that comes and goes until it is told to stay.
  void consume(int consumer, std::stop_token stop, const std::atomic<bool>& calm) {
    std::minstd_rand random(static_cast<unsigned>(consumer + 100));
    silent watch;
    dcb::store<Event> store{"", name, named("consumer")};
    while (!stop.stop_requested()) {
      try {
        dcb::runner<Event> runner{store, {.lease = 1s, .look_again = 100ms, .watch = &watch}};
        runner.add(Ledger{.insert = insert()}).add(PartedLedger{{.name = "parted", .insert = insert()}});
        std::atomic<bool> runs = true;
        std::jthread running{[&](std::stop_token going) {
          try {
            runner.run(going);
          } catch (const dcb::error&) {
            // The connection was cut before it ran; come again, also when all is calm.
          }
          runs = false;
        }};
        std::stop_callback end{stop, [&] { running.request_stop(); }};
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{200 + random() % 1'000};
        while (!stop.stop_requested() && runs && (calm || std::chrono::steady_clock::now() < until)) std::this_thread::sleep_for(5ms);
        running.request_stop();
      } catch (const dcb::error&) {
      }
    }
  }
};

std::string standing(dcb::raw_store& of) {
  std::string all;
  for (const auto& row : of.reactions().status())
    all += row.name + "/" + std::to_string(row.partition) + (row.state == dcb::subscription_state::active ? "" : ", not active") + " at " +
           std::to_string(row.position) + " of " + std::to_string(row.head) + ", held by " + row.consumer.value_or("nobody") + ", " +
           std::to_string(row.failures) + " failures: " + row.last_error.value_or("") + row.reason.value_or("") + "\n";
  return all;
}

TEST_F(runner_chaos, every_event_has_its_effect_once_and_in_order) {
  std::atomic<bool> calm = false;
  int kills = 0;
  {
    std::vector<std::jthread> consumers, writing;
    for (int i = 0; i < 3; ++i) consumers.emplace_back([&, i](std::stop_token stop) { consume(i, stop, calm); });
    for (int i = 0; i < writers; ++i) writing.emplace_back([&, i] { write(i); });
    std::jthread killer{[&](std::stop_token stop) {
      std::minstd_rand random(7);
      dcb::raw_store killers{"", name, named("killer")};
      while (!stop.stop_requested()) {
        auto in = killers.begin();
        kills += static_cast<int>(
            in.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'consumer' ORDER BY random() LIMIT 1").size());
        in.commit();
        std::this_thread::sleep_for(std::chrono::milliseconds{20 + random() % 60});
      }
    }};
    writing.clear();
    killer.request_stop();
    killer.join();
    calm = true;
    dcb::store<Event> store{"", name, named("reader")};
    await([&] { return !admin.reactions().status("ledger").empty() && !admin.reactions().status("parted").empty(); });
    for (const auto* subscription : {"ledger", "parted"}) ASSERT_TRUE(dcb::wait_until(store, subscription, store.head(), 120s)) << standing(admin);
  }
  EXPECT_GT(kills, 10) << "that was no test";
  const auto wanted = payments(admin);
  EXPECT_GT(wanted.size(), static_cast<std::size_t>(writers * rounds / 2));
  expect_exactly_once("ledger", wanted);
  expect_exactly_once_by_account("parted", wanted);
  for (const auto& row : admin.reactions().status()) EXPECT_EQ(row.parked, 0);

  // Once more from the beginning, undisturbed, gives the same rows.
  dcb::store<Event> store{"", name, named("replay")};
  dcb::runner<Event> replay{store};
  replay.add(Ledger{.name = "replay", .insert = insert()});
  replay.run_once();
  const auto checksum = [&](const std::string& subscription) {
    return ask("SELECT md5(string_agg(position || ':' || account, ',' ORDER BY n)) FROM " + name + ".effect WHERE subscription = '" + subscription + "'")
        .at(0)
        .at(0);
  };
  EXPECT_EQ(checksum("replay"), checksum("ledger"));
}

TEST_F(runner_chaos, members_share_partitions_through_joins_and_kills) {
  dcb::store<Event> store{"", name, named("writer")};
  silent watch;
  std::vector<std::unique_ptr<dcb::store<Event>>> stores;
  std::vector<std::unique_ptr<dcb::runner<Event>>> runners;
  for (int i = 0; i < 4; ++i) {
    stores.push_back(std::make_unique<dcb::store<Event>>("", name, named("member-" + std::to_string(i))));
    runners.push_back(std::make_unique<dcb::runner<Event>>(
        *stores.back(), dcb::runner_options{.consumer = "member-" + std::to_string(i), .lease = 600ms, .look_again = 100ms, .watch = &watch}));
    runners.back()->add(PartedLedger{{.name = "parted", .insert = insert()}});
    runners.back()->create();
  }
  const auto holders = [&] {
    std::map<std::string, int> count;
    for (const auto& row : admin.reactions().status("parted")) ++count[row.consumer.value_or("")];
    return count;
  };
  const auto write = [&] {
    for (int i = 0; i < 32; ++i) store.append(Paid{"account-" + std::to_string(i % 16), i});
  };
  std::vector<std::jthread> running(4);
  const auto join = [&](std::size_t i) { running[i] = std::jthread{[&, i](std::stop_token stop) { runners[i]->run(stop); }}; };
  for (std::size_t i = 0; i < 4; ++i) {
    join(i);
    write();
  }
  await([&] { return holders() == std::map<std::string, int>{{"member-0", 2}, {"member-1", 2}, {"member-2", 2}, {"member-3", 2}}; });
  write();
  running[1].request_stop();
  running[1].join();
  write();
  await([&] {
    const auto now = holders();
    return !now.contains("member-1") && !now.contains("") && now.size() == 3;
  });
  for (int i = 0; i < 10; ++i) {
    ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'member-%'");
    write();
  }
  join(1);
  await([&] { return holders() == std::map<std::string, int>{{"member-0", 2}, {"member-1", 2}, {"member-2", 2}, {"member-3", 2}}; });
  write();
  ASSERT_TRUE(dcb::wait_until(store, "parted", store.head(), 120s));
  running.clear();
  expect_exactly_once_by_account("parted", payments(admin));
}

}  // namespace
