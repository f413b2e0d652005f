#include "attempt.hpp"

#include <dcb/observer.hpp>

namespace dcb::inline v0 {

decision_outcome run_decision(event_log& log, decision_steps& steps, const conflict_strategy& strategy, const append_options& options,
                              snapshot_keeper* keeper) {
  const call_limits limits{options.call};
  auto* const watch = log.watched_by();
  decision_outcome outcome;
  bool with_snapshots = true;
  for (;;) {
    const auto begun = steady::now();
    ++outcome.attempts;
    attempt current{log, steps, options, limits, with_snapshots};
    const auto tell = [&](const error* failure, bool again) {
      if (watch)
        watch->decision_attempted({steps.name(), outcome.attempts, steady::now() - begun, current.events_read(), outcome.position, failure, again});
    };
    try {
      outcome.position = current.run(strategy);
      tell(nullptr, false);
      if (keeper) current.keep_snapshots(*keeper);
      return outcome;
    } catch (const error& failure) {
      if (current.blames_snapshots(failure)) {
        if (watch) watch->snapshot_done({current.first_with_snapshot()->snapshot_name, 0, false, &failure});
        with_snapshots = false;
        --outcome.attempts;
        continue;
      }
      const bool again = !current.conflicts_for_good(failure) && is_tried_again(failure, strategy, outcome.attempts);
      tell(&failure, again);
      if (!again) throw;
      if (dynamic_cast<const conflict*>(&failure)) ++outcome.conflicts;
    }
    wait_after(outcome.attempts, strategy, limits);
  }
}

}  // namespace dcb::inline v0
