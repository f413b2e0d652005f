// One who is handed a subscription's events, with its types erased: what the runner drives. Projections (projection.hpp) and process managers
// (process_manager.hpp) are such.
#pragma once

#include <dcb/decision.hpp>
#include <dcb/due.hpp>
#include <dcb/event.hpp>
#include <dcb/export.hpp>
#include <dcb/meta.hpp>
#include <dcb/reactions.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// What is done about an event whose handling fails: it is tried again after a wait that doubles, and after so many attempts set aside (`park`),
/// or nothing is handed out any more until somebody has looked at it (`stop`). Lost connections and conflicts are no failures and simply retried.
struct failure_policy {
  enum class last_resort { stop, park };

  int attempts = 5;
  last_resort then = last_resort::stop;
  std::chrono::milliseconds first_wait{100};
  std::chrono::milliseconds longest_wait{10'000};

  static constexpr failure_policy stop_after(int attempts) { return {.attempts = attempts}; }
  static constexpr failure_policy park_after(int attempts) { return {.attempts = attempts, .then = last_resort::park}; }
  static constexpr failure_policy retry_forever() { return {.attempts = std::numeric_limits<int>::max()}; }
};

struct subscriber_settings {
  subscription_definition definition{};
  failure_policy on_failure{};
  int batch_size = 100;
  bool transactional = true;  // its effects are in the transaction of the checkpoint
  bool reacts = false;        // it appends and schedules
  std::string replaces{};     // the subscription in whose place it steps when it has caught up
};

// What a process manager wants done about an event.
class DCB_EXPORT reaction_sink {
 public:
  virtual void append(std::vector<new_event> events) = 0;
  // Makes the decision; it is part of the reaction like an append.
  virtual void decide(decision_steps& steps) = 0;
  // The decision, having read, declined.
  virtual void refused(const std::string& reason) = 0;
  virtual void schedule(const due_command_base& command) = 0;
  virtual void cancel(const std::string& key) = 0;

 protected:
  reaction_sink() = default;
  reaction_sink(const reaction_sink&) = default;
  reaction_sink& operator=(const reaction_sink&) = default;
  ~reaction_sink() = default;
};

class DCB_EXPORT subscriber {
 public:
  explicit subscriber(subscriber_settings settings) : settings_(std::move(settings)) {}
  subscriber(const subscriber&) = delete;
  subscriber& operator=(const subscriber&) = delete;
  virtual ~subscriber();

  const subscriber_settings& settings() const noexcept { return settings_; }
  const std::string& name() const noexcept { return settings_.definition.name; }

  // One of these, by the settings: with the transaction of the checkpoint, without one, or with a place for what it wants done.
  virtual void handle(transaction& in, const recorded_event& stored, const meta& about);
  virtual void react(const recorded_event& stored, const meta& about);
  virtual void decide(reaction_sink& sink, const recorded_event& stored, const meta& about);
  // Steps into the place of what it replaces, in the transaction in which that ends.
  virtual void swap(transaction& in);

 private:
  const subscriber_settings settings_;
};

// A subscriber's own query, of the types that it handles only. Throws `error` 22023 if it asks for others.
DCB_EXPORT event_query narrowed_query(const event_query& own, const event_query& handled, std::string_view name);

}  // namespace dcb::inline v0
