// Racers through the matrix of matrix.hpp: in each round all of them read, and append on their conditions, while a bystander appends what concerns nobody
// and reads on. All of it is recorded, and the history has to be strictly serialisable (checker.hpp).
//
// A racer's `after` is what it read in one statement with the boundary: a position that is seen out of order, or a head that is newer than the rows beside
// it, hides a rival's event from the condition.

#include "checker.hpp"
#include "matrix.hpp"
#include "session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <regex>

namespace {

using namespace race;

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

class game {
 public:
  game(int racers, caller by, std::vector<race::round> rounds, unsigned seed)
      : racers_(racers), caller_(by), rounds_(std::move(rounds)), seed_(seed), begin_round_(racers), after_read_(racers) {}

  history play() {
    std::vector<session> sessions;
    for (int i = 0; i <= racers_; ++i) sessions.emplace_back("options='-c log_min_messages=fatal'");  // conflicts are no news
    std::vector<std::thread> threads;
    for (int i = 0; i < racers_; ++i) threads.emplace_back([&, i] { racer(*this, sessions[i], i).run(); });
    std::thread bystander([&] { racer(*this, sessions.back(), racers_).stand_by(); });
    for (auto& thread : threads) thread.join();
    done_ = true;
    bystander.join();
    for (const auto& row : session().must("SELECT position, data, type, array_to_string(tags, ',') FROM dcb.read($1)", {store_.name()}).rows)
      history_.log.emplace_back(std::stoll(row[0]), event{std::stoll(row[1]), row[2], split(row[3])});
    return std::move(history_);
  }

  const std::map<std::string, int>& errors() const { return errors_; }
  std::int64_t serialization_failures() const { return serialization_failures_; }

 private:
  // One session's part of it.
  class racer {
   public:
    racer(game& of, session& s, int number) : game_(of), session_(s), number_(number), random_(of.seed_ + number) {}

    void run() {
      for (std::size_t round = 0; round < game_.rounds_.size(); ++round) {
        game_.begin_round_.arrive_and_wait();
        by_ = game_.caller_ == caller::mixed ? static_cast<caller>((number_ + round) % (callers - 1)) : game_.caller_;
        play(game_.rounds_[round], static_cast<int>(round));
        if (session_.in_transaction()) session_.run("ROLLBACK");
      }
    }

    void stand_by() {
      while (!game_.done_) {
        const race::round unconcerned{shape::none, relation::disjoint, false, barrier_at::random};
        pause(2000);
        if (!read({{}})) continue;
        const std::int64_t id = ++game_.ids_;
        by_ = random_() % 2 == 0 ? caller::append : caller::submit;
        run_append({{.events = {event_of(unconcerned, -1, number_, id, 3)}}});
      }
    }

   private:
    void pause(int most) { race::pause(random_, most); }

    void play(const race::round& r, int round) {
      const query condition = condition_of(r, round, number_);
      if (r.barrier == barrier_at::random) pause(1500);
      begin();
      const bool could_read = read(condition.empty() ? query{{}} : condition);
      if (r.barrier == barrier_at::after_read) game_.after_read_.arrive_and_wait();
      if (!could_read) return;
      if (r.barrier == barrier_at::random) pause(1500);

      std::vector<command> commands(by_ == caller::submit_many ? 3 : 1);
      for (command& c : commands) {
        c.condition = condition;
        c.after = r.after_position && !condition.empty() ? read_to_ : 0;
        if (random_() % 4 == 0 && !condition.empty()) {  // each item says it, and the argument has no say
          for (item& i : c.condition) i.after = c.after;
          c.after = read_to_;
        }
        for (unsigned events = random_() % 4 == 0 ? 2 : 1; events > 0; --events) c.events.push_back(event_of(r, round, number_, ++game_.ids_, random_()));
      }
      run_append(std::move(commands));
    }

    void begin() {
      if (by_ == caller::transaction || by_ == caller::at_commit) session_.run("BEGIN");
      if (by_ == caller::repeatable_read) session_.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
      if (by_ == caller::serializable) session_.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
    }

    // The head or the watermark, and what matches since the last read, in one statement, in three forms.
    bool read(const query& wanted) {
      const std::string store = "'" + game_.store_.name() + "'";
      const std::string rows = " LEFT JOIN dcb.read(" + store + "," + to_sql(wanted) + "," + std::to_string(read_to_) + ") ON true";
      const std::string forms[] = {"SELECT e, position, data FROM (SELECT dcb.watermark(" + store + ") AS e) AS x" + rows,
                                   "SELECT e, position, data FROM (SELECT dcb.head(" + store + ") AS e) AS x" + rows,
                                   "SELECT dcb.head(" + store + "), position, data FROM (SELECT) AS x" + rows};
      const unsigned form = random_() % 3;
      look l{.wanted = wanted, .from = read_to_, .is_head = form > 0};
      operation o{who("read"), now(), 0, {}};
      const answer got = session_.run(forms[form]);
      o.end = now();
      if (!got.ok()) return report(got);
      l.complete_to = got.number();
      for (const auto& row : got.rows)
        if (!row[1].empty()) l.rows.emplace_back(std::stoll(row[1]), std::stoll(row[2]));
      read_to_ = std::max(l.complete_to, l.rows.empty() ? 0 : l.rows.back().first);
      o.what = std::move(l);
      game_.record(std::move(o));
      return true;
    }

    void run_append(std::vector<command> commands) {
      operation o{who(name_of(by_)), now(), 0, {}};
      append a{std::move(commands)};
      answer got = session_.run(statement(a.commands));
      if (got.ok() && session_.in_transaction()) {
        if (by_ != caller::at_commit) a.commands[0].position = got.number();
        if (random_() % 8 == 0) {
          a.fate = by_ == caller::at_commit ? fate::failed : fate::rolled_back;
          session_.run("ROLLBACK");
        } else if (const answer committed = session_.run("COMMIT"); !committed.ok()) {
          got = committed;
        }
      } else if (got.ok()) {
        if (by_ == caller::submit_many)
          read_outcomes(got.value(), a.commands);
        else
          a.commands[0].position = got.number();
      }
      o.end = now();
      if (got.sqlstate == "DCB01") {
        a.commands[0].outcome = outcome::refused;
        a.commands[0].position = std::stoll(got.detail.substr(got.detail.find(' ')));  // "Event 3 of type ..."
      } else if (!got.ok()) {
        a.fate = fate::failed;
        report(got);
      }
      o.what = std::move(a);
      game_.record(std::move(o));
    }

    std::string statement(const std::vector<command>& commands) {
      const auto arguments = [](const command& c, bool as_json) { return to_sql(c.events, as_json) + "," + to_sql(c.condition) + "," + std::to_string(c.after) + ")"; };
      const std::string store = "('" + game_.store_.name() + "',";
      const bool as_json = by_ == caller::json;
      if (by_ == caller::submit_many) {
        std::string list;
        for (const command& c : commands) list += (list.empty() ? "dcb.command(" : ",dcb.command(") + arguments(c, false);
        return "CALL dcb.submit_many" + store + "ARRAY[" + list + "])";
      }
      const bool submit = by_ == caller::submit || (as_json && random_() % 2 == 0);
      return (submit ? "CALL dcb.submit" : by_ == caller::at_commit ? "SELECT dcb.append_at_commit" : "SELECT dcb.append") + store + arguments(commands[0], as_json);
    }

    // {"(7,,)","(,DCB01,7)"}
    void read_outcomes(const std::string& text, std::vector<command>& commands) {
      static const std::regex one(R"(\((\d*),(\w*),(\d*)\))");
      auto next = std::sregex_iterator(text.begin(), text.end(), one);
      for (command& c : commands) {
        if (next == std::sregex_iterator()) throw unexpected("too few outcomes: " + text);
        const std::smatch m = *next++;
        if (m[1].length() == 0 && m[2] != "DCB01") throw unexpected(text);
        c.outcome = m[1].length() > 0 ? outcome::appended : outcome::refused;
        c.position = std::stoll(m[1].length() > 0 ? m[1] : m[3]);
      }
    }

    // Under SERIALIZABLE the server may find the conflict first, between reads and writes, in any statement, and, as it looks at pages of indexes, also
    // where there is none.
    bool report(const answer& got) {
      if (got.sqlstate == "40001" && by_ == caller::serializable)
        ++game_.serialization_failures_;
      else
        game_.report(got.sqlstate + " " + got.message);
      return false;
    }

    std::string who(const char* what) const { return std::string(what) + " of racer " + std::to_string(number_); }

    game& game_;
    session& session_;
    const int number_;
    std::mt19937 random_;
    caller by_ = caller::append;  // in this round
    std::int64_t read_to_ = 0;
  };

  static std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0, end; begin < text.size(); begin = end + 1) {
      end = std::min(text.find(',', begin), text.size());
      parts.push_back(text.substr(begin, end - begin));
    }
    return parts;
  }

  void record(operation o) {
    const std::lock_guard<std::mutex> lock(mutex_);
    history_.operations.push_back(std::move(o));
  }

  void report(const std::string& error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++errors_[error];
  }

  const int racers_;
  const caller caller_;
  const std::vector<race::round> rounds_;
  const unsigned seed_;
  temporary_store store_;
  std::barrier<> begin_round_, after_read_;
  std::atomic<bool> done_{false};
  std::atomic<std::int64_t> ids_{0};
  std::mutex mutex_;
  history history_;
  std::map<std::string, int> errors_;
  std::atomic<std::int64_t> serialization_failures_{0};
};

class matrix : public testing::TestWithParam<std::tuple<int, caller>> {};

// The whole matrix if RACE_MATRIX is `whole`, otherwise a part of it, chosen by chance.
TEST_P(matrix, is_strictly_serialisable) {
  const auto [racers, by] = GetParam();
  std::mt19937 random(seed() + 100 * racers + static_cast<int>(by));
  std::vector<race::round> rounds = all_rounds();
  std::shuffle(rounds.begin(), rounds.end(), random);
  const char* const part = std::getenv("RACE_MATRIX");
  if (part == nullptr || part != std::string("whole")) rounds.resize(std::min<std::size_t>(rounds.size(), race::rounds(480 / racers + 8)));

  constexpr std::size_t at_once = 48;  // in one store: the checker looks through the whole log for each condition without a position
  std::int64_t decided = 0, met = 0, refused = 0, failures = 0;
  for (std::size_t first = 0; first < rounds.size(); first += at_once) {
    game g(racers, by, {rounds.begin() + first, rounds.begin() + std::min(first + at_once, rounds.size())}, random());
    const history h = g.play();
    for (const auto& [what, times] : g.errors()) ADD_FAILURE() << times << " times: " << what;
    const auto found = violations(h);
    for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), 10); ++i) ADD_FAILURE() << found[i];
    if (found.size() > 10) ADD_FAILURE() << found.size() << " violations in all";
    for (const operation& o : h.operations)
      if (const auto* a = std::get_if<append>(&o.what); a != nullptr && a->fate != fate::failed) {
        decided += a->commands.size();
        for (const command& c : a->commands) refused += c.outcome == outcome::refused;
      }
    met += contended(h);
    failures += g.serialization_failures();
  }
  std::cout << "matrix: " << racers << " racers, " << name_of(by) << ": " << rounds.size() << " rounds, " << decided << " decisions, " << met << " contended, "
            << refused << " refused, " << failures << " serialization failures" << std::endl;
  EXPECT_GT(met, 0) << "nobody met a rival: this shows nothing";
}

constexpr caller every_caller[] = {caller::append, caller::transaction,     caller::at_commit,    caller::submit, caller::submit_many,
                                   caller::json,   caller::repeatable_read, caller::serializable, caller::mixed};
INSTANTIATE_TEST_SUITE_P(race, matrix, testing::Combine(testing::Values(2, 8, 16, 64), testing::ValuesIn(every_caller)),
                         [](const auto& info) { return std::string(name_of(std::get<1>(info.param))) + "_" + std::to_string(std::get<0>(info.param)); });

// The relations between the conditions of a round are what they are called.
TEST(matrix_itself, is_what_it_says) {
  for (const race::round& r : all_rounds())
    for (unsigned kind = 0; kind < 4; ++kind) {
      const event e = event_of(r, 1, 0, 1, kind);
      const bool one = matches(condition_of(r, 1, 0), e), other = matches(condition_of(r, 1, 1), e);
      switch (r.relation) {
        case relation::same:
        case relation::reworded: EXPECT_EQ(one, other); break;
        case relation::subset: EXPECT_TRUE(one || !other); break;
        case relation::superset: EXPECT_TRUE(!one || other); break;
        case relation::disjoint: EXPECT_FALSE(other);
      }
    }
}

}  // namespace
