// What clients know of a log that lives on several servers: what they tried, what was acknowledged or refused. The events of this test carry a name each, as
// a JSON text.
#pragma once

#include <atomic>
#include <cstdint>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace replication {

using history = std::map<std::int64_t, std::string>;

class ledger {
 public:
  std::atomic<bool> done{false};
  std::atomic<int> acknowledgements{0}, doubts{0}, resolved{0}, beyond_head{0}, stale_marks{0}, batches{0};

  void attempt(const std::string& event) {
    const std::lock_guard lock{mutex_};
    attempted_.insert(event);
  }
  void acknowledge(std::int64_t position, const std::string& event) {
    const std::lock_guard lock{mutex_};
    acknowledged_.emplace(position, event);
    ++acknowledgements;
  }
  void refuse(const std::string& event) {
    const std::lock_guard lock{mutex_};
    refused_.insert(event);
  }
  void expect_after(const std::string& event, const std::string& former) {
    const std::lock_guard lock{mutex_};
    follows_[event] = former;
  }
  /// What must never happen, whatever is lost.
  void fail(const std::string& what) {
    const std::lock_guard lock{mutex_};
    ++failures_;
    std::cout << "not ok " << what << std::endl;
  }
  int failures() const { return failures_; }

  /// The log at the end against all that clients know. `hot` has the events of the shared boundary only.
  void judge(const history& log, const history& hot, bool lossless) {
    std::set<std::string> stored;
    std::int64_t last = 0;
    for (const auto& [position, event] : log) {
      if (position != ++last) fail("a gap before position " + std::to_string(position)), last = position;
      if (!stored.insert(event).second) fail("stored twice: " + event);
      if (!attempted_.contains(event)) fail("never sent: " + event);
      if (refused_.contains(event)) fail("refused and stored: " + event);
    }
    int lost = 0, unseen = 0;
    for (auto [position, event] : acknowledged_)
      if (const auto found = log.find(position); found == log.end() || found->second != event) ++lost;
    std::string former;
    for (const auto& [position, event] : hot) {
      if (follows_[event] != former) ++unseen;
      former = event;
    }
    if (lossless && lost > 0) fail(std::to_string(lost) + " acknowledged appends were lost");
    if (lossless && unseen > 0) fail(std::to_string(unseen) + " decisions had not seen what the log has before them");
    std::cout << "# " << attempted_.size() << " appends tried, " << acknowledgements << " acknowledged, " << refused_.size() << " refused, " << resolved
              << " in doubt and resolved by the SDK, " << doubts << " by sending again, " << log.size() << " events stored, " << lost << " acknowledged lost, " << unseen << " stale decisions, " << beyond_head
              << " beyond the head (DCB09), " << stale_marks << " stale marks (DCB12), " << batches << " batches consumed" << std::endl;
  }

 private:
  std::mutex mutex_;
  int failures_ = 0;
  std::set<std::string> attempted_, refused_;
  std::multimap<std::int64_t, std::string> acknowledged_;  // a position is acknowledged twice if the first append was lost
  std::map<std::string, std::string> follows_;             // the hot event that a decision had read last
};

}  // namespace replication
