// The store's side of everything that reacts to events: named subscriptions, and appends that are due at a time. A runner drives it
// (runner.hpp); programs of their own may as well.
#pragma once

#include <dcb/event_log.hpp>
#include <dcb/export.hpp>
#include <dcb/transaction.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// What a subscription hands out, and to how many at once. Thread safety: a value.
struct subscription_definition {
  std::string name{};
  event_query query = event_query::all();
  std::optional<std::int64_t> start_after = 0;  ///< nothing: only what comes from now on
  int partitions = 1;
  std::optional<std::string> partition_by{};  ///< a tag's name: events with the same `name:value` are of one partition, those without are of the first
};

/// A partition that a consumer holds. The token changes with the consumer, so that one who was overtaken can commit nothing.
struct held_partition {
  int partition = 0;
  std::int64_t token = 0;
};

/// The next events of a partition, and how far they reach: the checkpoint may go to `upto`, at least that of the last event.
struct polled_events {
  std::vector<recorded_event> events{};
  std::int64_t upto = 0;
};

/// An event that was set aside because its handling failed. Thread safety: a value.
struct parked_event {
  recorded_event event{};
  int partition = 0;
  std::string reason{};
  int attempts = 0;
  timestamp parked_at{};
};

enum class subscription_state { active, paused, stopped };

/// One partition of a subscription as it stands. Thread safety: a value.
struct subscription_status {
  std::string name{};
  int partition = 0;
  int partitions = 1;
  subscription_state state = subscription_state::active;
  std::optional<std::string> reason{};  ///< why it is stopped
  std::int64_t position = 0;            ///< the checkpoint
  std::int64_t head = 0;                ///< of the store
  std::int64_t lag_events = 0;
  std::chrono::microseconds lag{0};
  std::optional<std::string> consumer{};  ///< who holds it
  std::int64_t failures = 0;
  std::optional<std::string> last_error{};
  std::int64_t parked = 0;
};

/// An append in the future, under a condition that is looked at then. Thread safety: a value.
struct due_append {
  timestamp due{};
  std::vector<new_event> events{};
  std::optional<append_condition> condition{};
  uuid id = uuid::random();  ///< scheduled again with the same id it is one
};

enum class due_state { pending, appended, refused, failed, cancelled };

/// Thread safety: a value.
struct due_status {
  uuid id{};
  timestamp due{};
  due_state state = due_state::pending;
  std::optional<std::int64_t> position{};  ///< of its last event, if appended; of the event that was in its way, if refused
  std::optional<std::string> error{};      ///< why it was refused or failed
};

/// Named subscriptions and due appends of a store; obtained from `event_log::reactions()` and living as long as that.
/// Thread safety: every member may be called from any thread at any time.
/// Every member throws `error` and its subclasses as those of `event_log` do; further DCB13 (no subscription of that name),
/// DCB11 (the partition was taken over by another consumer) and DCB12 (the checkpoint belongs to another history of the store: rewind it).
class DCB_EXPORT reaction_store {
 public:
  reaction_store() = default;
  reaction_store(const reaction_store&) = delete;
  reaction_store& operator=(const reaction_store&) = delete;
  virtual ~reaction_store();

  /// Of the store.
  virtual std::string_view name() const noexcept = 0;

  /// Makes the subscription unless it is there. Throws `error` 42710 if it is there with another definition.
  virtual void create(const subscription_definition& definition) = 0;
  /// Answers whether it was there.
  virtual bool drop(std::string_view name) = 0;

  /// Enlists the consumer or renews its lease, and answers the partitions that are its own now: its fair share of them. A subscription that is paused
  /// or stopped answers none. Waits for nobody.
  virtual std::vector<held_partition> claim(std::string_view name, std::string_view consumer, std::chrono::milliseconds lease) = 0;
  /// Gives back what the consumer holds, for others to take over at once.
  virtual void release(std::string_view name, std::string_view consumer) = 0;

  /// The next durable events after the checkpoint, without those that are parked.
  virtual polled_events poll(std::string_view name, const held_partition& held, int max_count) = 0;

  /// Begins a consumer's transaction. One that is left idle for longer than the lease is ended by the server, so that a consumer that has come to a
  /// standstill keeps no locks.
  virtual transaction begin(std::chrono::milliseconds lease) = 0;
  /// Moves the checkpoint forward, in the consumer's transaction.
  virtual void checkpoint(transaction& in, std::string_view name, const held_partition& held, std::int64_t position) = 0;
  /// Sets the event at the position aside; the checkpoint may pass it then.
  virtual void park(transaction& in, std::string_view name, const held_partition& held, std::int64_t position, const std::string& reason,
                    int attempts) = 0;
  /// Notes a failure for `status`; with `stop` nobody is handed anything until `resume`.
  virtual void fail(std::string_view name, const held_partition& held, const std::string& reason, bool stop) = 0;

  virtual void pause(std::string_view name) = 0;
  virtual void resume(std::string_view name) = 0;
  /// Sets the checkpoint, forward or backward; who is at work on the subscription cannot commit any more.
  virtual void rewind(std::string_view name, std::int64_t position) = 0;
  /// All subscriptions, or the one of that name; one row for each partition.
  virtual std::vector<subscription_status> status(std::string_view name = {}) = 0;

  /// Ends subscription `replaced`, in the transaction in which `by` steps into its place. Answers false if `by` has not come as far yet, or
  /// somebody is just at work on the other one: roll back then and try later.
  virtual bool supersede(transaction& in, std::string_view replaced, std::string_view by, std::string_view consumer) = 0;

  virtual std::vector<parked_event> parked(std::string_view name) = 0;
  /// Takes the event off the list, in the transaction in which it is handled after all. Answers false if it is not on it (any more).
  virtual bool resolve_parked(transaction& in, std::string_view name, std::int64_t position) = 0;

  /// Waits until an event after `after` matches and is durable; false if the timeout came first. Throws `cancelled`.
  virtual bool wait_for_events(const event_query& query, std::int64_t after, std::chrono::milliseconds timeout, std::stop_token stop = {}) = 0;
  /// Waits until all partitions of the subscription have reached the position; without a name, until the store has. False if the timeout came first.
  virtual bool wait_for(std::int64_t position, std::string_view name, std::chrono::milliseconds timeout, std::stop_token stop = {}) = 0;

  /// Schedules an append, in the transaction if one is given. The store's clock decides when it is due. Of several with one id the first counts, also
  /// when it is cancelled; throws `error` DCB14 if a later one has other events or another condition.
  virtual void schedule(const due_append& append, transaction* in = nullptr) = 0;
  /// Answers whether it was still pending.
  virtual bool cancel(const uuid& id, transaction* in = nullptr) = 0;
  virtual std::vector<due_status> due() = 0;
  /// Carries out what is due, if nobody else does, and answers how many. A server with background workers does this by itself.
  virtual int run_due() = 0;

  /// How many connections may be used at once; a runner needs some for itself.
  virtual std::size_t connections() const = 0;
};

}  // namespace dcb::inline v0
