#include "ledger.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace callers {
namespace {

bool is_lost(const race::answer& how) { return how.sqlstate == "08006" || how.sqlstate == "57P01" || how.sqlstate == "25P03" || how.sqlstate == "08P01"; }

}  // namespace

unsigned seed() {
  static const unsigned chosen = [] {
    const char* wanted = std::getenv("CALLERS_SEED");
    const unsigned value = wanted != nullptr ? static_cast<unsigned>(std::stoul(wanted)) : std::random_device{}();
    std::cout << "CALLERS_SEED=" << value << std::endl;
    return value;
  }();
  return chosen;
}

void ledger::told(const race::answer& how, const std::string& event, std::int64_t position) {
  const fate what = how.ok() ? fate::stored : is_lost(how) ? fate::open : fate::refused;
  ++(what == fate::stored ? acknowledged_ : what == fate::refused ? refused_ : in_doubt_);
  const std::lock_guard<std::mutex> lock(mutex_);
  EXPECT_TRUE(entries_.emplace(event, entry{what, position, how.sqlstate + " " + how.message}).second) << event << " was told twice";
}

void ledger::check(const std::string& store) const {
  race::session s;
  std::map<std::string, std::int64_t> stored;
  std::int64_t last = 0;
  std::map<std::string, int> nevertheless;
  for (const auto& row : s.must("SELECT position, type FROM dcb.read($1)", {store}).rows) {
    EXPECT_EQ(std::stoll(row[0]), ++last) << "a gap";
    EXPECT_TRUE(stored.emplace(row[1], last).second) << row[1] << " is stored twice";
    const auto found = entries_.find(row[1]);
    if (found == entries_.end())
      ADD_FAILURE() << row[1] << " at " << last << " was never asked for";
    else if (found->second.what == fate::refused)
      ++nevertheless[found->second.error];
  }
  for (const auto& [error, times] : nevertheless) ADD_FAILURE() << times << " stored in spite of: " << error;
  int missing = 0;
  for (const auto& [event, told] : entries_)
    if (told.what == fate::stored) {
      const auto found = stored.find(event);
      missing += found == stored.end();
      EXPECT_TRUE(found == stored.end() || told.position == 0 || told.position == found->second) << event << " is not at " << told.position;
    }
  EXPECT_EQ(missing, 0) << "acknowledged, but not stored";
  for (const auto& row : s.must("SELECT v::text FROM dcb.verify($1) AS v LIMIT 5", {store}).rows) ADD_FAILURE() << "dcb.verify: " << row[0];
}

}  // namespace callers
