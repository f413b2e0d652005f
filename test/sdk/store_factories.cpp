#include "store_factories.hpp"

#include "forwarding_log.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace {

// A store of its own on the server, dropped at the end.
class server_log final : private dcb::log_holder<dcb::raw_store>, public forwarding_log {
 public:
  explicit server_log(std::size_t connections)
      : log_holder(dcb::raw_store{"", unused_name(), {.pool = {.max_connections = std::min(connections, available())}, .transaction_pooling = pooled()}}),
        forwarding_log(held) {
    run("SELECT dcb.create_store($1)");
  }
  ~server_log() override {
    try {
      run("SELECT dcb.drop_store($1, force => true)");
    } catch (const std::exception& failure) {
      ADD_FAILURE() << "dropping the store: " << failure.what();
    }
  }

 private:
  static std::string unused_name() {
    if (!std::getenv("PGHOST")) throw std::runtime_error{"PGHOST is not set: run this under scripts/with-cluster"};
    static std::atomic<int> made = 0;
    return "suite_" + std::to_string(getpid()) + "_" + std::to_string(++made);
  }
  static bool pooled() { return std::getenv("TRANSACTION_POOLING") != nullptr; }  // see with-pgbouncer
  // What a server lets in, less some for others.
  static std::size_t available() {
    dcb::raw_store any{"", "any", {.transaction_pooling = pooled()}};
    return std::stoul(any.begin().exec("SELECT greatest(current_setting('max_connections')::int - 20, 1)").at(0).at(0).value());
  }
  void run(const char* sql) {
    auto transaction = held.begin();
    transaction.exec(sql, held.name());
    transaction.commit();
  }
};

}  // namespace

log_factory memory_logs() {
  return {"memory", [] { return std::make_unique<dcb::raw_memory_store>(); }};
}

log_factory server_logs(std::size_t connections) {
  return {"postgresql", [=] { return std::make_unique<server_log>(connections); }};
}
