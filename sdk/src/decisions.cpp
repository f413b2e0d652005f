// Several decisions at once: one load for all, one submit_many for what they append; those in conflict go into the next round.

#include "attempt.hpp"

#include <dcb/observer.hpp>

#include <algorithm>
#include <memory>

namespace dcb::inline v0 {
namespace {

struct one {
  decision_steps& steps;
  append_options options;
  std::optional<result<decision_outcome>> answer{};
  int conflicts = 0;
  std::optional<attempt> current{};
  std::optional<append_command> command{};
};

// The parts of all in one load.
class joint_load final : public load_sink {
 public:
  explicit joint_load(std::span<one* const> pending) {
    for (auto* const decision : pending)
      for (std::size_t i = 0; i < decision->current->parts().size(); ++i) {
        parts_.push_back(decision->current->parts()[i]);
        owners_.push_back({&*decision->current, i});
      }
  }
  std::span<const load_part> parts() const { return parts_; }
  void restore(std::size_t part, const saved_state& saved) override { owners_[part].first->restore(owners_[part].second, saved); }
  void fold(std::size_t part, const recorded_event& stored) override { owners_[part].first->fold(owners_[part].second, stored); }

 private:
  std::vector<load_part> parts_{};
  std::vector<std::pair<attempt*, std::size_t>> owners_{};
};

// What the store answered to a decision's append, as that decision's answer; nothing if it goes into the next round.
std::optional<result<decision_outcome>> answer_of(one& decision, const append_outcome& outcome, const conflict_strategy& strategy, int attempts) {
  auto answer = try_call([&] { return decision_outcome{outcome.value(), attempts, decision.conflicts}; });
  if (answer || decision.current->conflicts_for_good(answer.error()) || !is_tried_again(answer.error(), strategy, attempts)) return answer;
  if (outcome.sqlstate == "DCB01") ++decision.conflicts;
  return {};
}

void make_round(event_log& log, std::span<one* const> pending, const conflict_strategy& strategy, const call_options& call, const call_limits& limits,
                bool with_snapshots, int attempts) {
  for (auto* const decision : pending) decision->current.emplace(log, decision->steps, decision->options, limits, with_snapshots);
  joint_load load{pending};
  const auto read_upto = load.parts().empty() ? 0 : log.load(load.parts(), load, rest_of(call, limits));

  std::vector<append_command> commands;
  std::vector<one*> senders;
  for (auto* const decision : pending) {
    if (auto command = decision->current->decide(read_upto)) {
      commands.push_back(*std::move(command));
      senders.push_back(decision);
    } else {
      decision->answer = decision_outcome{read_upto, attempts, decision->conflicts};
    }
  }
  if (commands.empty()) return;
  const auto outcomes = log.submit_many(commands, rest_of(call, limits));
  for (std::size_t i = 0; i < senders.size(); ++i) senders[i]->answer = answer_of(*senders[i], outcomes[i], strategy, attempts);
}

}  // namespace

std::vector<result<decision_outcome>> run_decisions(event_log& log, std::span<decision_steps* const> steps, const conflict_strategy& strategy,
                                                    const append_options& options, snapshot_keeper* keeper) {
  const call_limits limits{options.call};
  std::vector<std::unique_ptr<one>> all;
  for (auto* const each : steps) {
    all.push_back(std::make_unique<one>(one{*each, options}));
    all.back()->options.call.append_id = uuid::random();
  }
  bool with_snapshots = true;
  for (int attempts = 1;; ++attempts) {
    std::vector<one*> pending;
    for (const auto& decision : all)
      if (!decision->answer) pending.push_back(decision.get());
    if (pending.empty()) break;
    if (attempts > 1) wait_after(attempts - 1, strategy, limits);
    try {
      make_round(log, pending, strategy, options.call, limits, with_snapshots, attempts);
    } catch (const error& failure) {
      if (std::ranges::any_of(pending, [&](const one* decision) { return decision->current->blames_snapshots(failure); })) {
        with_snapshots = false;
      } else if (!is_tried_again(failure, strategy, attempts)) {
        for (auto* const decision : pending)
          if (!decision->answer) decision->answer = result<decision_outcome>::caught(failure);
      }
    }
    for (auto* const decision : pending)
      if (keeper && decision->answer && *decision->answer) decision->current->keep_snapshots(*keeper);
  }
  std::vector<result<decision_outcome>> answers;
  for (const auto& decision : all) answers.push_back(*decision->answer);
  return answers;
}

}  // namespace dcb::inline v0
