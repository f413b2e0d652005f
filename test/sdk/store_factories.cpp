#include "store_factories.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace {

// A store of its own on the server, dropped at the end.
class server_log final : public dcb::event_log {
 public:
  explicit server_log(std::size_t connections) : store_("", unused_name(), {.pool = {.max_connections = std::min(connections, available())}}) {
    run("SELECT dcb.create_store($1)");
  }
  ~server_log() override {
    try {
      run("SELECT dcb.drop_store($1, force => true)");
    } catch (const std::exception& failure) {
      ADD_FAILURE() << "dropping the store: " << failure.what();
    }
  }

  std::int64_t append(std::span<const dcb::new_event> events, const std::optional<dcb::append_condition>& condition,
                      const dcb::call_options& call) override {
    return store_.append(events, condition, call);
  }
  std::int64_t read(const dcb::event_query& query, const dcb::read_options& options, const dcb::event_sink& sink,
                    const dcb::call_options& call) override {
    return store_.read(query, options, sink, call);
  }
  std::int64_t head(const dcb::call_options& call) override { return store_.head(call); }
  bool exists(const dcb::event_query& query, std::int64_t after, const dcb::call_options& call) override { return store_.exists(query, after, call); }
  std::int64_t count(const dcb::event_query& query, std::int64_t after, const dcb::call_options& call) override {
    return store_.count(query, after, call);
  }
  std::optional<std::int64_t> last(const dcb::event_query& query, const dcb::call_options& call) override { return store_.last(query, call); }
  std::int64_t position_at(dcb::timestamp time, const dcb::call_options& call) override { return store_.position_at(time, call); }
  std::int64_t load(std::span<const dcb::load_part> parts, dcb::load_sink& sink, const dcb::call_options& call) override {
    return store_.load(parts, sink, call);
  }
  bool save_snapshot(const dcb::load_part& part, const dcb::saved_state& state, const dcb::call_options& call) override {
    return store_.save_snapshot(part, state, call);
  }
  std::vector<dcb::append_outcome> submit_many(std::span<const dcb::append_command> commands, const dcb::call_options& call) override {
    return store_.submit_many(commands, call);
  }
  std::int64_t append_in_line(const dcb::waiting_line& line, std::span<const dcb::load_part> parts, dcb::load_sink& sink,
                              const decide_function& decide, const dcb::call_options& call) override {
    return store_.append_in_line(line, parts, sink, decide, call);
  }

 private:
  static std::string unused_name() {
    if (!std::getenv("PGHOST")) throw std::runtime_error{"PGHOST is not set: run this under scripts/with-cluster"};
    static std::atomic<int> made = 0;
    return "suite_" + std::to_string(getpid()) + "_" + std::to_string(++made);
  }
  // What a server lets in, less some for others.
  static std::size_t available() {
    dcb::raw_store any{"", "any"};
    return std::stoul(any.begin().exec("SELECT greatest(current_setting('max_connections')::int - 20, 1)").at(0).at(0).value());
  }
  void run(const char* sql) {
    auto transaction = store_.begin();
    transaction.exec(sql, store_.name());
    transaction.commit();
  }

  dcb::raw_store store_;
};

}  // namespace

log_factory memory_logs() {
  return {"memory", [] { return std::make_unique<dcb::raw_memory_store>(); }};
}

log_factory server_logs(std::size_t connections) {
  return {"postgresql", [=] { return std::make_unique<server_log>(connections); }};
}
