// Racers on one boundary: in each round all of them read it, find it free, and append on the condition that it still is. Exactly one may win.
//
// A racer's `after` is the head that it read in one statement with the boundary, so that a position seen out of order, or a head newer than
// the rows beside it, hides a rival's event from the condition and shows as a second winner. Unless the boundary is the whole log, another
// session keeps appending events of no concern to move the head.

#include "session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace {

using race::answer;
using race::session;

enum class barrier_at { before_read, after_read, random };
enum class way { append, submit, read_committed, repeatable_read, serializable };

// How a racer words the boundary of a round; R stands for the round.
struct description {
  const char* name;
  const char* query;
  bool json_events = false;
};

constexpr description tag{"tag", R"({"items":[{"tags":["seat:R"]}]})"};
constexpr description type{"type", R"({"items":[{"types":["TakenR"]}]})"};
constexpr description types{"types", R"({"items":[{"types":["Freed","Noise2","TakenR"]}]})"};
constexpr description all{"all", R"({"items":[{}]})"};
constexpr description two_tags{"two_tags", R"({"items":[{"tags":["hall:R","seat:R"]}]})"};
constexpr description two_tags_turned{"two_tags_turned", R"({"items":[{"tags":["seat:R","hall:R"]}]})"};
constexpr description type_and_tag{"type_and_tag", R"({"items":[{"types":["TakenR"],"tags":["seat:R"]}]})"};
constexpr description except{"except", R"({"items":[{"except":["Noise"],"tags":["hall:R"]}]})"};
constexpr description two_items{"two_items", R"({"items":[{"types":["Freed"]},{"tags":["seat:R"]}]})"};
constexpr description tag_json{"tag_json", R"({"items":[{"tags":["seat:R"]}]})", true};

std::string of_round(std::string text, int round) {
  for (auto at = text.find('R'); at != std::string::npos; at = text.find('R', at)) text.replace(at, 1, std::to_string(round));
  return text;
}

struct setting {
  int racers;
  barrier_at barrier;
  std::vector<way> ways;  // racers take turns in these, and in these:
  std::vector<description> descriptions;
};

const char* isolation(way w) {
  switch (w) {
    case way::read_committed: return "READ COMMITTED";
    case way::repeatable_read: return "REPEATABLE READ";
    case way::serializable: return "SERIALIZABLE";
    default: return nullptr;
  }
}

class game {
 public:
  explicit game(const setting& s) : setting_(s), round_start_(s.racers, begin_round{this}), after_read_(s.racers) {}

  void play() {
    std::vector<session> sessions(setting_.racers + 1);
    std::vector<std::thread> threads;
    for (int racer = 0; racer < setting_.racers; ++racer) threads.emplace_back([&, racer] { run_racer(sessions[racer], racer); });
    std::thread noise([&] {
      if (!holds_all()) make_noise(sessions.back());
    });
    for (auto& thread : threads) thread.join();
    done_ = true;
    noise.join();
    check();
  }

 private:
  struct begin_round {
    game* of;
    void operator()() noexcept { of->start_ = of->coordinator_.run("SELECT dcb.head($1)", {of->store_.name()}).number(); }
  };

  bool holds_all() const {
    for (const auto& d : setting_.descriptions)
      if (std::string(d.name) == "all") return true;
    return false;
  }

  void make_noise(session& s) {
    std::mt19937 random(7);
    while (!done_) {
      const answer got = s.run("SELECT dcb.append($1, ARRAY[dcb.event('Noise', tags => '{noise}')])", {store_.name()});
      if (!got.ok()) report(got.sqlstate + " " + got.message);
      race::pause(random, 2000);
    }
  }

  void run_racer(session& s, int racer) {
    std::mt19937 random(racer);
    const way w = setting_.ways[racer % setting_.ways.size()];
    const description& d = setting_.descriptions[racer % setting_.descriptions.size()];
    for (int round = 0; round < rounds_; ++round) {
      round_start_.arrive_and_wait();
      bool free = false;
      std::string after;
      try {
        if (setting_.barrier == barrier_at::random) race::pause(random, 1500);
        if (isolation(w) != nullptr) s.must(std::string("BEGIN ISOLATION LEVEL ") + isolation(w));
        free = find_free(s, racer, round, w, of_round(d.query, round), after);
      } catch (const std::exception& e) {
        report(e.what());
      }
      if (setting_.barrier == barrier_at::after_read) after_read_.arrive_and_wait();
      if (setting_.barrier == barrier_at::random) race::pause(random, 1500);
      try {
        if (free) take(s, racer, round, w, d, after);
        if (s.in_transaction()) s.must("ROLLBACK");
      } catch (const std::exception& e) {
        report(e.what());
      }
    }
  }

  // The boundary and the head in one statement, asked in turns: the one before the other, after it, and through the events themselves.
  bool find_free(session& s, int racer, int round, way w, const std::string& query, std::string& after) {
    static const char* const statements[] = {"SELECT dcb.exists($1, $2::dcb.query, $3), dcb.head($1)",
                                             "SELECT taken, head FROM (SELECT dcb.head($1) AS head, dcb.exists($1, $2::dcb.query, $3) AS taken) AS x",
                                             "SELECT count(*) > 0, greatest(dcb.watermark($1), max(position)) FROM dcb.read($1, $2::dcb.query, $3)"};
    const answer got = s.run(statements[racer % 3], {store_.name(), query, std::to_string(start_)});
    if (lost_to_serialization(got, round, w)) return false;
    if (!got.ok()) throw race::unexpected(got.sqlstate + " " + got.message);
    after = got.rows.at(0).at(1);
    return got.value() == "f";
  }

  void take(session& s, int racer, int round, way w, const description& d, const std::string& after) {
    const std::string call = w == way::submit ? "CALL dcb.submit" : "SELECT dcb.append";
    const std::string query = of_round(d.query, round), number = std::to_string(racer);
    const std::string json = of_round(R"([{"type":"TakenR","tags":["seat:R","hall:R"],"data":)", round) + number + "}]";
    answer got = d.json_events ? s.run(call + "($1, $2::jsonb, $3::dcb.query, $4)", {store_.name(), json, query, after})
                               : s.run(call + "($1, ARRAY[dcb.event($4, to_jsonb($5::int), $6::text[])], $2::dcb.query, $3)",
                                       {store_.name(), query, after, of_round("TakenR", round), number, of_round("{seat:R,hall:R}", round)});
    if (got.ok() && isolation(w) != nullptr) {
      const answer committed = s.run("COMMIT");
      if (!committed.ok()) got = committed;
    }
    if (got.ok()) {
      const std::lock_guard<std::mutex> lock(mutex_);
      winners_[round].push_back({racer, got.number()});
    } else if (got.sqlstate != "DCB01" && !lost_to_serialization(got, round, w)) {
      report(got.sqlstate + " " + got.message);
    }
  }

  // Under SERIALIZABLE the server may find the conflict first, between the racers' reads and writes, in any statement, and as it looks at pages of
  // indexes, also where there is none: then a round may have no winner at all.
  bool lost_to_serialization(const answer& got, int round, way w) {
    if (w != way::serializable || got.sqlstate != "40001") return false;
    const std::lock_guard<std::mutex> lock(mutex_);
    serialization_failed_.insert(round);
    return true;
  }

  void report(const std::string& what) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++errors_[what];
  }

  void check() {
    for (const auto& [what, times] : errors_) ADD_FAILURE() << times << " times: " << what;
    int none = 0, several = 0, all_failed = 0;
    std::map<std::int64_t, std::string> acknowledged;
    for (int round = 0; round < rounds_; ++round) {
      const auto& winners = winners_[round];
      none += winners.empty() && !serialization_failed_.contains(round);
      all_failed += winners.empty() && serialization_failed_.contains(round);
      several += winners.size() > 1;
      for (const auto& [racer, position] : winners)
        EXPECT_TRUE(acknowledged.emplace(position, of_round("TakenR ", round) + std::to_string(racer)).second) << "position " << position << " twice";
    }
    EXPECT_EQ(several, 0) << "rounds with several winners, of " << rounds_;
    EXPECT_EQ(none, 0) << "rounds without a winner, of " << rounds_;
    EXPECT_LE(all_failed, rounds_ / 10) << "rounds that serialization failures left without a winner, of " << rounds_;

    std::map<std::int64_t, std::string> stored;
    std::int64_t count = 0;
    for (const auto& row : coordinator_.must("SELECT position, type || ' ' || data FROM dcb.read($1)", {store_.name()}).rows) {
      EXPECT_EQ(std::stoll(row[0]), ++count) << "a gap";
      if (row[1].rfind("Taken", 0) == 0) stored.emplace(std::stoll(row[0]), row[1]);
    }
    EXPECT_EQ(stored, acknowledged) << "stored is not what was acknowledged";
  }

  setting setting_;
  const int rounds_ = race::rounds();
  race::temporary_store store_;
  session coordinator_;
  std::barrier<begin_round> round_start_;
  std::barrier<> after_read_;
  std::int64_t start_ = 0;
  std::atomic<bool> done_{false};
  std::mutex mutex_;
  std::map<int, std::vector<std::pair<int, std::int64_t>>> winners_;
  std::set<int> serialization_failed_;  // rounds in which a racer lost so
  std::map<std::string, int> errors_;
};

std::string barrier_name(barrier_at b) {
  return b == barrier_at::before_read ? "before_read" : b == barrier_at::after_read ? "after_read" : "random";
}

const auto barriers = testing::Values(barrier_at::before_read, barrier_at::after_read, barrier_at::random);

// One description, every way to append.
using way_case = std::tuple<way, barrier_at, int>;
std::string name_of_way(const testing::TestParamInfo<way_case>& info) {
  static const char* const names[] = {"append", "submit", "read_committed", "repeatable_read", "serializable"};
  const auto& [w, barrier, racers] = info.param;
  return std::string(names[static_cast<int>(w)]) + "_" + barrier_name(barrier) + "_" + std::to_string(racers);
}

class boundary_ways : public testing::TestWithParam<way_case> {};
TEST_P(boundary_ways, one_wins) {
  const auto& [w, barrier, racers] = GetParam();
  game({racers, barrier, {w}, {tag}}).play();
}
const auto ways = testing::Values(way::append, way::submit, way::read_committed, way::repeatable_read, way::serializable);
INSTANTIATE_TEST_SUITE_P(race, boundary_ways, testing::Combine(ways, barriers, testing::Values(2, 8, 16)), name_of_way);

// Two descriptions of one boundary, and ways mixed.
using description_case = std::tuple<std::pair<description, description>, barrier_at>;
std::string name_of_pair(const testing::TestParamInfo<description_case>& info) {
  const auto& [pair, barrier] = info.param;
  return std::string(pair.first.name) + "_and_" + pair.second.name + "_" + barrier_name(barrier);
}

class boundary_descriptions : public testing::TestWithParam<description_case> {};
TEST_P(boundary_descriptions, one_wins) {
  const auto& [pair, barrier] = GetParam();
  game({8, barrier, {way::append, way::append, way::submit, way::repeatable_read, way::read_committed}, {pair.first, pair.second}}).play();
}
const auto pairs = testing::Values(std::pair{tag, type}, std::pair{type, types}, std::pair{all, tag}, std::pair{all, type},
                                   std::pair{two_tags, two_tags_turned}, std::pair{two_tags, tag}, std::pair{type_and_tag, tag},
                                   std::pair{except, type}, std::pair{two_items, two_tags}, std::pair{tag, tag_json});
INSTANTIATE_TEST_SUITE_P(race, boundary_descriptions, testing::Combine(pairs, barriers), name_of_pair);

}  // namespace
