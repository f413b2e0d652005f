// What keeps projections and process managers going:
//
//   dcb::runner runner{store};
//   runner.add(CartView{}).add(HoldReservation{});
//   runner.run(stop.get_token());            // until stop is requested
//
// Several processes may run the same ones: of each partition one is active, and another one takes over when it is gone.
#pragma once

#include <dcb/event_store.hpp>
#include <dcb/export.hpp>
#include <dcb/process_manager.hpp>
#include <dcb/projection.hpp>
#include <dcb/reactions.hpp>
#include <dcb/runner_observer.hpp>
#include <dcb/subscriber.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dcb::inline v0 {

struct runner_options {
  /// Of this process among all that run the same subscriptions; empty: made of host, process and chance.
  std::string consumer{};
  /// How long the others wait for one that gives no sign of life, and how long a transaction may be left idle between two statements.
  std::chrono::milliseconds lease{30'000};
  /// How many batches are worked on at the same time. The store's pool needs three connections more, besides those that handlers use.
  int workers = 2;
  /// A look at subscriptions that nothing was heard of, for the sake of those rewound from elsewhere.
  std::chrono::milliseconds look_again{10'000};
  /// How often due appends are carried out; 0: never, which is right where the server's own worker does it. By default only a runner with a
  /// process manager does.
  std::optional<std::chrono::milliseconds> run_due{};
  /// Tells the observer of the status of every partition, whoever holds it, each time that leases are renewed.
  bool report_status = false;
  /// Must outlive the runner. nullptr: a stderr_observer.
  runner_observer* watch = nullptr;
};

/// What became of parked events that were handled once more.
struct replay_outcome {
  int replayed = 0;
  int failed = 0;  ///< and parked as before
};

/// The runner with its types erased. Thread safety: `add` before `run`; all else may be called from any thread at any time.
class DCB_EXPORT raw_runner {
 public:
  /// The log must outlive the runner.
  explicit raw_runner(event_log& log, runner_options options = {});
  raw_runner(const raw_runner&) = delete;
  raw_runner& operator=(const raw_runner&) = delete;
  ~raw_runner();

  /// Throws `error` 22023 if there is one of that name, or its settings are senseless.
  void add(std::unique_ptr<subscriber> added);

  /// Makes the subscriptions that are not there. Throws `error` 42710 if one exists with another definition, 22023 if nothing was added.
  void create();

  /// The same, and works on them until a stop is requested; then batches that have begun are finished, and what
  /// is held is given back. A lost connection, or a failing handler, does not end it.
  /// Throws what `create` throws, `error` 22023 if the pool is too small, and `connection_error` only if the server cannot be reached at the start.
  void run(std::stop_token stop);

  /// Handles what there is to handle now, due appends included, in the calling thread and without waiting, also between attempts; answers how many events that
  /// were. For tests and batch jobs.
  std::int64_t run_once();

  /// Handles parked events once more, in order of position.
  replay_outcome replay(std::string_view name);

  /// Waits until all that was added has dealt with everything up to the position; false if the timeout came first.
  bool wait_until(std::int64_t position, std::chrono::milliseconds timeout = std::chrono::milliseconds{30'000}, std::stop_token stop = {});

  /// Where the subscriptions of this runner stand, whoever runs them.
  std::vector<subscription_status> status();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Runs projections and process managers on the events of a store. Thread safety: `add` before `run`; all else may be called from any thread.
template <class Event>
class runner : public raw_runner {
 public:
  /// The store must outlive the runner.
  explicit runner(const event_store<Event>& store, runner_options options = {}) : raw_runner(store.log(), std::move(options)) {}

  template <class P>
  runner& add(P projection) {
    raw_runner::add(make_subscriber<Event>(std::move(projection)));
    return *this;
  }
};

template <class Event>
runner(const event_store<Event>&) -> runner<Event>;
template <class Event>
runner(const event_store<Event>&, runner_options) -> runner<Event>;

/// Waits until a subscription has dealt with everything up to the position, whoever runs it: to read what one has just written. False if the timeout
/// came first.
template <class Event>
bool wait_until(const event_store<Event>& store, std::string_view subscription, std::int64_t position,
                std::chrono::milliseconds timeout = std::chrono::milliseconds{30'000}, std::stop_token stop = {}) {
  return store.log().reactions().wait_for(position, subscription, timeout, std::move(stop));
}

}  // namespace dcb::inline v0
