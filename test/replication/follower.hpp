// Consumers of a log that lives on several servers. One that keeps its checkpoint elsewhere reads from one server, whether standby or primary, and proves its
// place by a mark whenever it connects. One that keeps it in the log's database goes where that is written.
#pragma once

#include "../race/session.hpp"
#include "ledger.hpp"

#include <memory>
#include <optional>

namespace replication {

inline std::unique_ptr<race::session> connect(const std::string& conninfo, const ledger& of) {
  while (!of.done) try {
      return std::make_unique<race::session>(conninfo);
    } catch (const race::unexpected&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  return nullptr;
}

class follower {
 public:
  follower(std::string conninfo, std::string store, ledger& known) : conninfo_(std::move(conninfo)), store_(std::move(store)), known_(known) {}

  /// Reads until the ledger is done.
  void follow() {
    while (auto s = connect(conninfo_, known_)) {
      while (!known_.done && !s->lost() && prove(*s) && read(*s)) continue;
    }
  }
  /// Reads up to a position that is known to come.
  void finish(std::int64_t head) {
    race::session s(conninfo_);
    s.must("CALL dcb.wait_for($1, $2, '60 s')", {store_, std::to_string(head)});
    proven_ = false;
    if (!prove(s)) known_.fail("a follower cannot prove its place at the end");
    while (place() < head && read(s)) continue;
  }
  const history& effects() const { return effects_; }

 private:
  std::int64_t place() const { return effects_.empty() ? 0 : effects_.rbegin()->first; }

  // Goes back to the last place that is of this history. Effects of others would be undone here.
  bool prove(race::session& s) {
    if (proven_) return true;
    while (!marks_.empty()) {
      const auto& [position, mark] = *marks_.rbegin();
      const auto checked = s.run("SELECT dcb.check_mark($1, $2, $3)", {store_, std::to_string(position), mark});
      if (checked.ok()) break;
      if (checked.sqlstate != "DCB12") return false;
      ++known_.stale_marks;
      marks_.erase(position);
    }
    effects_.erase(effects_.upper_bound(marks_.empty() ? 0 : marks_.rbegin()->first), effects_.end());
    return proven_ = true;
  }

  // A batch and the mark of its end. A server's history changes only with its connections.
  bool read(race::session& s) {
    const auto batch = s.run("SELECT position, data#>>'{}' FROM dcb.read($1, after => $2, max_count => 200)", {store_, std::to_string(place())});
    if (!batch.ok()) return proven_ = false;
    if (batch.rows.empty()) {
      const bool waited = s.run("CALL dcb.wait_for_query($1, dcb.all(), $2, '100 ms')", {store_, std::to_string(place())}).ok();
      return proven_ = waited;
    }
    const auto& end = batch.rows.back()[0];
    const auto mark = s.run("SELECT dcb.mark($1, $2)", {store_, end});
    if (!mark.ok()) return proven_ = false;
    for (const auto& row : batch.rows) {
      const std::int64_t position = std::stoll(row[0]);
      if (position != place() + 1) known_.fail("a reader at " + std::to_string(place()) + " is shown " + row[0]);
      effects_.emplace(position, row[1]);
    }
    marks_.emplace(std::stoll(end), mark.value());
    return true;
  }

  std::string conninfo_, store_;
  ledger& known_;
  history effects_;
  std::map<std::int64_t, std::string> marks_;
  bool proven_ = true;
};

/// A subscription's consumer: the effect of each event in a table, committed with the checkpoint.
inline void consume(const std::string& conninfo, const std::string& store, ledger& known) {
  const std::string token = "(SELECT token FROM " + store + ".checkpoint)";
  while (auto s = connect(conninfo + " target_session_attrs=read-write", known)) {
    while (!known.done && !s->lost()) {
      s->run("CALL dcb.wait_for_events($1, 'effects', timeout => '50 ms')", {store});
      if (!s->run("SELECT dcb.claim($1, 'effects', 'me', '1 hour')", {store}).ok()) break;
      if (!s->run("BEGIN").ok()) break;
      const auto taken = s->run("WITH batch AS MATERIALIZED (SELECT position, data#>>'{}' AS event, type FROM dcb.poll($1, 'effects', " + token +
                                    ", max_count => 200)), effect AS (INSERT INTO effect SELECT position, event FROM batch WHERE type IS NOT NULL)"
                                    " SELECT max(position) FROM batch",
                                {store});
      if (taken.ok() && !taken.value().empty()) s->run("SELECT dcb.checkpoint($1, 'effects', " + token + ", $2)", {store, taken.value()});
      if (s->run("COMMIT").ok() && taken.ok()) ++known.batches;
    }
  }
}

}  // namespace replication
