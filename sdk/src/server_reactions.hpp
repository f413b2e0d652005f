#pragma once

// Subscriptions and due appends through the functions of schema dcb.

#include "connection.hpp"
#include "pool.hpp"

#include <dcb/reactions.hpp>

#include <memory>
#include <string>

namespace dcb::inline v0 {

class server_reactions final : public reaction_store {
 public:
  server_reactions(std::shared_ptr<pool> connections, std::string store) : connections_(std::move(connections)), store_(std::move(store)) {}

  std::string_view name() const noexcept override { return store_; }
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
  std::size_t connections() const override { return connections_->options().pool.max_connections; }

 private:
  /// On a connection of the pool, in a transaction of the statement's own.
  sql_result ask(const statement& what, const parameters& values, const call_options& call = {}) const;

  const std::shared_ptr<pool> connections_;
  const std::string store_;
};

}  // namespace dcb::inline v0
