#pragma once

// Subscriptions and due appends of a store in memory, by the rules of those on a server.
// Lock order: the mutex here, then the store's.

#include "transaction_impl.hpp"

#include <dcb/raw_memory_store.hpp>
#include <dcb/reactions.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace dcb::inline v0 {

/// The events as they will be stored. Throws what a store answers to those it refuses.
std::vector<new_event> checked_events(std::span<const new_event> events);

struct memory_partition {
  std::int64_t position = 0;
  std::int64_t token = 0;
  std::string consumer{};
  timestamp lease_until{};
  std::int64_t failures = 0;
  std::optional<std::string> last_error{};
};

struct memory_subscription {
  subscription_definition definition{};
  subscription_state state = subscription_state::active;
  std::optional<std::string> reason{};
  std::vector<memory_partition> partitions{};
  std::map<std::string, timestamp, std::less<>> members{};
  std::map<std::int64_t, parked_event> parked{};
};

struct memory_due {
  due_append append{};
  due_status status{};
};

/// All that a transaction may change beside events: copied, changed and put back as one.
struct memory_reaction_state {
  std::map<std::string, memory_subscription, std::less<>> subscriptions{};
  std::map<uuid, memory_due> due{};

  memory_subscription& subscription(std::string_view name);
  memory_partition& held(std::string_view name, const held_partition& by);
};

class memory_reactions final : public reaction_store {
 public:
  explicit memory_reactions(raw_memory_store& store) : store_(store) {}

  std::string_view name() const noexcept override { return "memory"; }
  void create(const subscription_definition& definition) override;
  bool drop(std::string_view name) override;
  std::vector<held_partition> claim(std::string_view name, std::string_view consumer, std::chrono::milliseconds lease) override;
  void release(std::string_view name, std::string_view consumer) override;
  polled_events poll(std::string_view name, const held_partition& held, int max_count) override;
  transaction begin(std::chrono::milliseconds lease) override;
  void checkpoint(transaction& in, std::string_view name, const held_partition& held, std::int64_t position) override;
  void park(transaction& in, std::string_view name, const held_partition& held, std::int64_t position, const std::string& reason,
            int attempts) override;
  void fail(std::string_view name, const held_partition& held, const std::string& reason, bool stop) override;
  void pause(std::string_view name) override;
  void resume(std::string_view name) override;
  void rewind(std::string_view name, std::int64_t position) override;
  std::vector<subscription_status> status(std::string_view name) override;
  bool supersede(transaction& in, std::string_view replaced, std::string_view by, std::string_view consumer) override;
  std::vector<parked_event> parked(std::string_view name) override;
  bool resolve_parked(transaction& in, std::string_view name, std::int64_t position) override;
  bool wait_for_events(const event_query& query, std::int64_t after, std::chrono::milliseconds timeout, std::stop_token stop) override;
  bool wait_for(std::int64_t position, std::string_view name, std::chrono::milliseconds timeout, std::stop_token stop) override;
  void schedule(const due_append& append, transaction* in) override;
  bool cancel(const uuid& id, transaction* in) override;
  std::vector<due_status> due() override;
  int run_due() override;
  std::size_t connections() const override { return 1000; }

 private:
  friend class memory_transaction;
  using change = std::function<void(memory_reaction_state&)>;

  int partition_of(const subscription_definition& definition, const recorded_event& event) const;
  timestamp now() const;
  void at_once_or_in(transaction* in, change what);

  raw_memory_store& store_;
  mutable std::mutex mutex_;
  std::condition_variable_any advanced_;
  memory_reaction_state state_;
};

class memory_transaction final : public transaction::impl {
 public:
  explicit memory_transaction(raw_memory_store& store) : store_(store) {}

  std::int64_t append(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) override;
  void append_at_commit(std::span<const new_event> events, const std::optional<append_condition>& condition, const call_options& call) override;
  std::int64_t read(const event_query& query, const read_options& options, const event_sink& sink, const call_options& call) override;
  std::vector<sql_row> exec(std::string_view sql, std::span<const std::optional<std::string>> params, const call_options& call) override;
  void commit(const call_options& call) override;
  void rollback() noexcept override;

  /// A change of subscriptions or due appends; one that is impossible throws already here.
  void change(memory_reactions::change what);

 private:
  struct pending {
    std::vector<new_event> events;
    std::optional<append_condition> condition;
    std::optional<uuid> append_id;
  };
  void check_open() const;

  raw_memory_store& store_;
  bool open_ = true;
  std::vector<pending> appends_;
  std::vector<memory_reactions::change> changes_;
  std::vector<raw_memory_store::executed> statements_;
};

}  // namespace dcb::inline v0
