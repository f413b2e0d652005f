#pragma once
#include "events.hpp"

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

// Counts which decisions were made stale by which events. To be given as `store_options::watch`.
class conflict_counter : public dcb::observer {
 public:
  using pair = std::pair<std::string, std::string>;  // decision, type of the event

  void decision_attempted(const dcb::decision_report& report) noexcept override {
    const std::scoped_lock lock{mutex_};
    ++attempts_;
    if (!report.failure) return;
    const auto* conflict = dynamic_cast<const dcb::conflict*>(report.failure);
    if (conflict && conflict->position()) conflicts_.emplace_back(report.decision, *conflict->position());
    else if (conflict) ++of_unknown_cause_;
    else ++other_failures_;
  }

  std::int64_t attempts() const { return attempts_; }
  std::int64_t of_unknown_cause() const { return of_unknown_cause_; }
  std::int64_t other_failures() const { return other_failures_; }  // of attempts, such as lost connections

  // To be asked when the decisions have come to their end.
  std::map<pair, int> by_pair(const dcb::event_store<BankEvent>& store) const {
    std::map<pair, int> counts;
    for (const auto& [decision, position] : conflicts_)
      for (const auto& recorded : store.read(dcb::event_query::all(), {.after = position - 1, .upto = position}))
        std::visit([&, &name = decision]<class E>(const E&) { ++counts[{name, std::string{dcb::event_name<E>()}}]; }, recorded.event);
    return counts;
  }

 private:
  mutable std::mutex mutex_{};
  std::vector<std::pair<std::string, std::int64_t>> conflicts_{};
  std::int64_t attempts_ = 0, of_unknown_cause_ = 0, other_failures_ = 0;
};
