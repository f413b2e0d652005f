#pragma once

// One partition that this consumer holds: fetching, handling and checkpointing its events, batch by batch, and what is done about failures.
//
// A batch is one transaction of its effects and the checkpoint. When an event fails, the transaction is rolled back and those before it are
// done anew without it, so that it then stands alone at the beginning of a batch: only there failures count, and only of it.
// To be used by one thread at a time.

#include <dcb/reactions.hpp>
#include <dcb/runner_observer.hpp>
#include <dcb/subscriber.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace dcb::inline v0 {

/// Of one runner.
struct work_context {
  reaction_store& store;
  runner_observer& watch;
  std::string consumer;
  std::chrono::milliseconds lease;  ///< asked of the store; shorter than `idle`, so that another one has taken over when that is over
  std::chrono::milliseconds idle;   ///< how long a transaction may be left idle
};

struct work_outcome {
  enum class what {
    more,    ///< there may be further events
    idle,    ///< nothing to do until something is appended
    later,   ///< to be tried again after `wait`
    ended    ///< the partition is not ours any more, or stopped; this was reported
  };
  what then = what::idle;
  std::chrono::milliseconds wait{0};
  std::int64_t events = 0;
};

class partition_work {
 public:
  partition_work(const work_context& context, subscriber& by, held_partition held);

  const held_partition& held() const { return held_; }
  /// Does one batch. Reports and answers what goes wrong; throws nothing.
  work_outcome run() noexcept;

 private:
  enum class phase { fetching, handling, committing };

  work_outcome batch();
  void handle_in_transactions();
  void handle_outside();
  void commit(transaction& in, std::int64_t position, std::size_t upto_index);
  bool step_into_place();
  subscription_status own_status();
  void tell_progress(std::int64_t head);
  work_outcome recover(const std::exception_ptr& thrown);
  work_outcome failed(const std::string& reason);
  work_outcome give_up_on(const std::string& reason);
  work_outcome disconnected(const char* reason);
  reaction_place where() const { return {context_.store.name(), by_.name(), held_.partition}; }

  const work_context& context_;
  subscriber& by_;
  const held_partition held_;
  bool replaces_;  // and has not yet stepped into the place of the other one
  // Of the version that is being built:
  const std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point told_ = since_;
  std::int64_t handled_ = 0;

  phase phase_ = phase::fetching;
  polled_events polled_{};
  std::size_t first_ = 0;    // of those not committed
  std::size_t current_ = 0;  // the one that is being handled, or the last one of those being committed
  std::int64_t done_ = 0;    // events committed in this batch
  std::int64_t checkpoint_ = 0;  // as far as this one knows
  std::chrono::steady_clock::time_point began_{};

  int most_;                          // events in the next batch
  std::int64_t failing_ = 0;          // the position that fails again and again, how often it did so far
  int attempts_ = 0;
  int collisions_ = 0;                // in a row
  int disconnections_ = 0;            // in a row
  std::int64_t appended_before_ = 0;  // the position whose append was made in an earlier life
};

}  // namespace dcb::inline v0
