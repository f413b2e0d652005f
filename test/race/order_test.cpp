// Position order is the order of becoming visible. Writers append in all ways, with random pauses before they commit or roll back; readers and subscriptions
// go on from the last position they saw, in all ways to read, and must be delivered each event that matches once, in order, without a hole, with recorded_at
// never going back. What writers were told is what is stored.
//
// ORDER_WRITERS, ORDER_FOLLOWERS and ORDER_DELIVERIES make it longer: writers go on until followers have got so many events. ORDER_SEED takes back a seed.

#include "session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>

namespace {

using race::answer;
using race::session;

int setting(const char* name, int usual) {
  const char* wanted = std::getenv(name);
  return wanted == nullptr ? usual : std::atoi(wanted);
}

// An event carries a number of its own, the writer's tag and a type.
constexpr int tags = 16;

struct filter {
  const char* query;
  bool (*matches)(const std::string& type, int tag);
};
constexpr filter filters[] = {
    {R"({"items":[{}]})", [](const std::string&, int) { return true; }},
    {R"({"items":[{"tags":["w:1"]},{"tags":["w:5"]}]})", [](const std::string&, int tag) { return tag == 1 || tag == 5; }},
    {R"({"items":[{"types":["Odd"]}]})", [](const std::string& type, int) { return type == "Odd"; }},
    {R"({"items":[{"types":["Even"],"tags":["w:3"]},{"except":["Even"],"tags":["w:4"]}]})",
     [](const std::string& type, int tag) { return (type == "Even" && tag == 3) || (type == "Odd" && tag == 4); }},
};

struct delivery {
  std::uint32_t position, number;
  bool operator==(const delivery&) const = default;
};

// Who goes on from the last position. Every second one is of everything, where a hole shows at once.
struct follower {
  const filter& of;
  std::mt19937 random;
  std::vector<delivery> got{};
  std::string recorded_at{};

  std::int64_t last() const { return got.empty() ? 0 : got.back().position; }
  std::string after() const { return std::to_string(last()); }
};

class order : public testing::Test {
 protected:
  // Writing

  // The events of one append, 1 to 6, numbered anew.
  struct batch {
    std::vector<int> numbers;
    std::string events, json;
  };
  batch make(int writer, std::mt19937& random) {
    batch made;
    for (unsigned more = random() % 6 + 1; more > 0; --more) {
      const int number = attempted_++;
      made.numbers.push_back(number);
      const std::string n = std::to_string(number), tag = "w:" + std::to_string(writer % tags), type = number % 2 == 1 ? "Odd" : "Even";
      const char* const comma = made.events.empty() ? "" : ", ";
      made.events += comma + ("dcb.event('" + type + "', '" + n + "', '{" + tag + "}')");
      made.json += comma + (R"({"type": ")" + type + R"(", "data": )" + n + R"(, "tags": [")" + tag + "\"]}");
    }
    made.events = "ARRAY[" + made.events + "]";
    made.json = "'[" + made.json + "]'::jsonb";
    return made;
  }

  void acknowledge(const batch& made, std::int64_t last = 0) {  // 0: nobody said where
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto number = made.numbers.rbegin(); number != made.numbers.rend(); ++number) acknowledged_.emplace(*number, last == 0 ? 0 : last--);
  }

  std::string call(const char* function, const batch& made, std::mt19937& random) const {
    const std::string condition = random() % 2 == 0 ? ", dcb.query(tags => '{never}')" : "";
    return std::string(function) + "('" + store_.name() + "', " + (random() % 2 == 0 ? made.events : made.json) + condition + ")";
  }

  // A transaction with one to three appends, the last of them perhaps undone; half of all are rolled back. One that is serializable may be refused.
  void transact(session& s, int writer, std::mt19937& random) {
    const bool at_commit = random() % 2 == 0, serializable = random() % 8 == 0;
    const char* const function = at_commit ? "SELECT dcb.append_at_commit" : "SELECT dcb.append";
    std::vector<std::pair<batch, std::int64_t>> made;
    const auto append = [&] {
      batch next = make(writer, random);
      const answer got = s.run(call(function, next, random));
      if (!got.ok() && !(serializable && got.sqlstate == "40001")) throw race::unexpected(got.sqlstate + " " + got.message);
      if (got.ok()) made.emplace_back(std::move(next), at_commit ? 0 : got.number());
      return got.ok();
    };
    s.must(serializable ? "BEGIN ISOLATION LEVEL SERIALIZABLE" : random() % 2 == 0 ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ");
    bool good = true;
    for (unsigned more = random() % 3 + 1; good && more > 0; --more) good = append();
    if (good && random() % 3 == 0) {
      s.must("SAVEPOINT a");
      good = append();
      if (good) {
        s.must("ROLLBACK TO a");
        made.pop_back();
        good = random() % 2 == 0 || append();
      }
    }
    race::pause(random, at_commit ? 10000 : 1000);
    if (!good || random() % 2 == 0) {
      s.must("ROLLBACK");
      ++rolled_back_;
      return;
    }
    const answer committed = s.run("COMMIT");
    if (!committed.ok() && !(serializable && committed.sqlstate == "40001")) throw race::unexpected(committed.sqlstate + " " + committed.message);
    if (!committed.ok()) return;
    for (const auto& [batch, last] : made) acknowledge(batch, last);
    ++committed_;
  }

  void write(int writer, std::mt19937 random) {
    session s;
    while (deliveries_ < wanted_ && !HasFailure()) {
      switch (random() % 5) {
        case 0:
        case 1: {
          const batch made = make(writer, random);
          acknowledge(made, s.must(call(random() % 2 == 0 ? "SELECT dcb.append" : "CALL dcb.submit", made, random)).number());
          break;
        }
        case 2: {  // the second command finds its condition violated by the first
          const batch made = make(writer, random), refused = make(writer, random);
          const std::string outcomes = s.must("CALL dcb.submit_many('" + store_.name() + "', ARRAY[dcb.command(" + made.events + "), dcb.command(" + refused.events +
                                              ", dcb.query(tags => '{w:" + std::to_string(writer % tags) + "}'))])")
                                           .value();
          EXPECT_NE(outcomes.find("DCB01"), std::string::npos) << outcomes;
          acknowledge(made, std::stoll(outcomes.substr(outcomes.find('(') + 1)));
          break;
        }
        default: transact(s, writer, random);
      }
      race::pause(random, 10000);
    }
  }

  // Reading

  // Rows of position, number and recorded_at, to a follower who asked for what comes after its last.
  void deliver(follower& f, const std::vector<std::vector<std::string>>& rows) {
    for (const auto& row : rows) {
      const std::int64_t position = std::stoll(row[0]);
      if (&f.of == &filters[0]) {
        ASSERT_EQ(position, f.last() + 1) << "a hole, or out of order";
      }
      ASSERT_GT(position, f.last());
      ASSERT_LE(f.recorded_at, row[2]) << "recorded_at went back at " << position;
      f.recorded_at = row[2];
      f.got.push_back({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(std::stoul(row[1]))});
    }
    deliveries_ += static_cast<int>(rows.size());
  }

  static constexpr const char* columns = "SELECT position, data, recorded_at AT TIME ZONE 'UTC' FROM ";
  static std::string page_size(follower& f) { return std::to_string(1 + f.random() % (f.random() % 4 == 0 ? 2000 : 50)); }

  answer page(session& s, follower& f, const std::string& after, const std::string& size) {
    return s.run(std::string(columns) + "dcb.read($1, $2::dcb.query, $3, $4)", {store_.name(), f.of.query, after, size});
  }

  // Pages within a transaction, by statements or by a cursor. They count once it has committed, a serializable one being right only then.
  std::optional<answer> pages(session& s, follower& f) {
    const char* const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
    const char* const level = levels[f.random() % 3];
    const bool by_cursor = f.random() % 2 == 0;
    s.must(std::string("BEGIN ISOLATION LEVEL ") + level);
    if (by_cursor) s.must(std::string("DECLARE c CURSOR FOR ") + columns + "dcb.read('" + store_.name() + "', '" + f.of.query + "', " + f.after() + ")");
    answer all;
    for (unsigned more = f.random() % 4 + 1; more > 0; --more) {
      const answer got =
          by_cursor ? s.run("FETCH " + page_size(f) + " FROM c") : page(s, f, all.rows.empty() ? f.after() : all.rows.back()[0], page_size(f));
      if (got.sqlstate == "40001") break;
      if (!got.ok()) throw race::unexpected(got.sqlstate + " " + got.message);
      all.rows.insert(all.rows.end(), got.rows.begin(), got.rows.end());
      race::pause(f.random, 200);
    }
    const answer ended = s.run("COMMIT");
    if (ended.ok()) return all;
    if (ended.sqlstate != "40001") throw race::unexpected(ended.sqlstate + " " + ended.message);
    return std::nullopt;
  }

  // What was delivered is delivered again, from any position.
  void again(session& s, follower& f) {
    if (f.got.empty()) return;
    std::size_t at = f.random() % f.got.size();
    const answer got = page(s, f, std::to_string(at == 0 ? 0 : f.got[at - 1].position), page_size(f));
    ASSERT_TRUE(got.ok()) << got.message;
    for (const auto& row : got.rows) {
      if (at == f.got.size()) break;
      ASSERT_EQ(f.got[at++], (delivery{static_cast<std::uint32_t>(std::stoul(row[0])), static_cast<std::uint32_t>(std::stoul(row[1]))}));
      ++again_;
    }
  }

  void follow(follower& f) {
    session s;
    while (!HasFailure()) {
      const bool final = done_;
      std::optional<answer> got;
      switch (f.random() % 8) {
        case 0: again(s, f); break;
        case 1: got = pages(s, f); break;
        case 2:  // straight from the table, up to what is durable
          if (&f.of == &filters[0])
            deliver(f, s.must(std::string(columns) + "\"" + store_.name() + "\".event WHERE position > $2 AND position <= dcb.watermark($1) ORDER BY position",
                              {store_.name(), f.after()})
                           .rows);
          break;
        default: got = page(s, f, f.after(), page_size(f));
      }
      if (f.random() % 50 == 0) s = session();
      if (!got) continue;
      ASSERT_TRUE(got->ok()) << got->message;
      deliver(f, got->rows);
      if (got->rows.empty() && final) return;
      if (!got->rows.empty() || f.random() % 2 == 0) continue;
      if (f.random() % 2 == 0)
        race::pause(f.random, 2000);
      else
        s.must("CALL dcb.wait_for_query($1, $2::dcb.query, $3, '200 ms')", {store_.name(), f.of.query, f.after()});
    }
  }

  // A subscription's consumer, who leaves without a word now and then; the next one has another name. What it rolled back was not delivered.
  void consume(follower& f, const std::string& name) {
    session s;
    s.must("SELECT dcb.create_subscription($1, $2, $3::dcb.query)", {store_.name(), name, f.of.query});
    for (int life = 0; !HasFailure(); ++life) {
      const std::string consumer = "c" + std::to_string(life);
      for (unsigned batches = f.random() % 100 + 1; batches > 0 && !HasFailure(); --batches) {
        const bool final = done_;
        const answer held = s.must("SELECT token FROM dcb.claim($1, $2, $3, '10 ms')", {store_.name(), name, consumer});
        if (held.rows.empty()) continue;
        s.must("BEGIN");
        answer got = s.must(std::string(columns) + "dcb.poll($1, $2, $3, max_count => $4)", {store_.name(), name, held.value(), page_size(f)});
        const bool empty = got.rows.empty();
        if (!empty) s.must("SELECT dcb.checkpoint($1, $2, $3, $4)", {store_.name(), name, held.value(), got.rows.back()[0]});
        if (f.random() % 10 == 0) {
          s.must("ROLLBACK");
          continue;
        }
        s.must("COMMIT");
        if (!empty && got.rows.back()[1].empty()) got.rows.pop_back();  // looked through up to there, no event
        deliver(f, got.rows);
        if (empty && final) return;
        if (empty) s.must("CALL dcb.wait_for_events($1, $2, '200 ms')", {store_.name(), name});
      }
      if (f.random() % 2 == 0) s = session();
    }
  }

  // Everything one statement says about the log's end agrees; the watermark may lag behind it.
  void compare() {
    session s;
    while (!done_) {
      const answer got = s.must(
          "SELECT dcb.head($1), (SELECT coalesce(max(position), 0) FROM dcb.read($1)), (SELECT count(*) FROM dcb.read($1)), dcb.count($1), "
          "coalesce(dcb.last($1), 0), dcb.head($1), dcb.watermark($1)",
          {store_.name()});
      for (std::size_t column = 1; column < 6; ++column) ASSERT_EQ(got.number(column), got.number()) << "column " << column;
      ASSERT_LE(got.number(6), got.number());
      std::this_thread::sleep_for(std::chrono::milliseconds(got.number() / 1000));  // the longer the log, the seldomer
    }
  }

  // Runs a thread's work, and a failure of it as a failure of the test.
  template <class Work>
  std::thread start(Work work) {
    return std::thread([work] {
      try {
        work();
      } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
      }
    });
  }

  // Each follower got what is stored and matches, and what is stored is what was acknowledged.
  void check(const std::vector<follower>& followers) {
    std::vector<delivery> stored[std::size(filters)];
    std::map<int, std::int64_t> where;
    session s;
    while (true) {
      const auto rows = s.must("SELECT position, data, type, substr(tags[1], 3) FROM \"" + store_.name() + "\".event WHERE position > $1 ORDER BY position LIMIT 50000",
                               {std::to_string(stored[0].size())})
                            .rows;
      if (rows.empty()) break;
      for (const auto& row : rows) {
        const delivery event{static_cast<std::uint32_t>(std::stoul(row[0])), static_cast<std::uint32_t>(std::stoul(row[1]))};
        for (std::size_t f = 0; f < std::size(filters); ++f)
          if (filters[f].matches(row[2], std::stoi(row[3]))) stored[f].push_back(event);
        ASSERT_EQ(event.position, stored[0].size()) << "a gap";
        const auto told = acknowledged_.find(static_cast<int>(event.number));
        ASSERT_NE(told, acknowledged_.end()) << "stored and not acknowledged: " << event.number;
        ASSERT_TRUE(where.emplace(event.number, event.position).second) << "stored twice: " << event.number;
        ASSERT_TRUE(told->second == 0 || told->second == event.position) << "acknowledged elsewhere: " << event.number;
      }
    }
    EXPECT_EQ(where.size(), acknowledged_.size()) << "acknowledged and not stored";
    for (const auto& f : followers) EXPECT_TRUE(f.got == stored[&f.of - filters]) << f.of.query << ": " << f.got.size() << " of " << stored[&f.of - filters].size();
  }

  const std::uint32_t seed_ = static_cast<std::uint32_t>(setting("ORDER_SEED", static_cast<int>(std::random_device{}() % 1000000)));
  const int wanted_ = setting("ORDER_DELIVERIES", 100000);
  race::temporary_store store_;
  std::atomic<int> attempted_{0}, committed_{0}, rolled_back_{0}, deliveries_{0}, again_{0};
  std::atomic<bool> done_{false};
  std::mutex mutex_;
  std::map<int, std::int64_t> acknowledged_;  // of a number, the position, or 0
};

TEST_F(order, nothing_skipped_or_reordered) {
  SCOPED_TRACE("ORDER_SEED=" + std::to_string(seed_));
  const int writers = setting("ORDER_WRITERS", 16), half = std::max(setting("ORDER_FOLLOWERS", 16) / 2, 1);
  std::vector<follower> followers;  // readers, then subscriptions
  for (int i = 0; i < 2 * half; ++i) followers.push_back({filters[i % 2 == 0 ? 0 : i / 2 % std::size(filters)], std::mt19937(seed_ + 1000 + i)});
  std::vector<std::thread> writing, reading;
  for (int writer = 0; writer < writers; ++writer) writing.push_back(start([=, this] { write(writer, std::mt19937(seed_ + writer)); }));
  for (int i = 0; i < half; ++i) reading.push_back(start([&, i] { follow(followers[i]); }));
  for (int i = half; i < 2 * half; ++i) reading.push_back(start([&, i] { consume(followers[i], "s" + std::to_string(i)); }));
  reading.push_back(start([this] { compare(); }));
  for (int seconds = 0; deliveries_ < wanted_ && !HasFailure(); ++seconds) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if (seconds % 10 == 9) std::cerr << deliveries_ << " deliveries of " << wanted_ << std::endl;
  }
  for (auto& thread : writing) thread.join();
  done_ = true;
  for (auto& thread : reading) thread.join();
  if (!HasFailure()) check(followers);
  std::cout << "order: " << writers << " writers, " << 2 * half << " followers, " << acknowledged_.size() << " events stored of " << attempted_ << ", " << deliveries_
            << " deliveries, " << again_ << " again, " << rolled_back_ << " of " << committed_ + rolled_back_ << " transactions rolled back, seed " << seed_ << std::endl;
}

}  // namespace
