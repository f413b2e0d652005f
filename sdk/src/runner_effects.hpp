#pragma once

// What a process manager wants done about one event, put into the transaction of the checkpoint.

#include <dcb/meta.hpp>
#include <dcb/reactions.hpp>
#include <dcb/runner_observer.hpp>
#include <dcb/subscriber.hpp>

#include <optional>
#include <string>
#include <vector>

namespace dcb::inline v0 {

/// A transaction's appends and reads as a log, for decisions within it: an append is not made yet but collected.
class collecting_log final : public event_log {
 public:
  explicit collecting_log(transaction& in) : in_(in) {}

  std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) override;
  std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) override;
  std::int64_t head(const call_options& call) override;
  bool exists(const event_query& query, std::int64_t after, const call_options& call) override;
  std::int64_t count(const event_query& query, std::int64_t after, const call_options& call) override;
  std::optional<std::int64_t> last(const event_query& query, const call_options& call) override;
  std::int64_t position_at(timestamp time, const call_options& call) override;

  std::vector<new_event> events;
  std::optional<append_condition> condition;

 private:
  transaction& in_;
};

/// To be used for one event by one thread.
class reaction_effects final : public reaction_sink {
 public:
  reaction_effects(transaction& in, reaction_store& store, const meta& about, const reaction_place& where, runner_observer& watch)
      : in_(in), store_(store), about_(about), where_(where), watch_(watch), log_(in) {}

  void append(std::vector<new_event> events) override;
  void decide(decision_steps& steps) override;
  void refused(const std::string& reason) override;
  void schedule(const due_command_base& command) override;
  void cancel(const std::string& key) override;

  /// Puts the append into the transaction, unless it is known to have been made in an earlier life of the subscription. Answers whether there was
  /// anything to do for this event: then it has to be committed before the next one is looked at, whose decisions have to see it.
  bool finish(bool appended_before);

 private:
  void mark_cause(std::vector<new_event>& events) const;

  transaction& in_;
  reaction_store& store_;
  const meta& about_;
  const reaction_place& where_;
  runner_observer& watch_;
  collecting_log log_;
  int scheduled_ = 0;
  bool anything_ = false;
};

/// Handles one event in the transaction, as the kind of the subscriber asks for; answers as `reaction_effects::finish`.
bool handle_in(transaction& in, subscriber& by, reaction_store& store, const recorded_event& event, const reaction_place& where, runner_observer& watch,
               bool appended_before = false);

/// What a subscriber is told of an event.
meta meta_for(const subscriber& by, const recorded_event& event);

}  // namespace dcb::inline v0
