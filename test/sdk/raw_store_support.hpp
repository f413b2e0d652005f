#pragma once

// What the tests of raw_store against a server share: a session of their own beside the store's, and a store that goes with the test.
// The server is the one of libpq's environment; without PGHOST the tests fail, since they would not have tested anything.

#include <dcb/error.hpp>
#include <dcb/raw_store.hpp>

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace support {

inline std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  if (!value) throw std::runtime_error(std::string{name} + " is not set: run the tests through scripts/with-cluster");
  return value;
}

/// A plain session, to set up, to look, and to disturb.
class session {
 public:
  explicit session(const std::string& database = environment("PGDATABASE"), const std::string& host = environment("PGHOST"))
      : connection_(PQconnectdb(("host='" + host + "' dbname='" + database + "'").c_str()), PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  }

  /// The first value of the answer, or nothing. Throws if the statement fails.
  std::string ask(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> answer{PQexec(connection_.get(), sql.c_str()), PQclear};
    const auto status = PQresultStatus(answer.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(sql + ": " + PQerrorMessage(connection_.get()));
    return PQntuples(answer.get()) > 0 && PQnfields(answer.get()) > 0 ? PQgetvalue(answer.get(), 0, 0) : "";
  }

  /// Asks until the answer is true: for what another session is about to do.
  void await(const std::string& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (ask("SELECT " + condition) != "t") {
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("never became true: " + condition);
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// A store named after the test, whose connections carry the same name so that they can be told from others.
class raw_store_test : public ::testing::Test {
 protected:
  void SetUp() override {
    admin.emplace();
    admin->ask("SET client_min_messages = warning");
    admin->ask("SELECT dcb.create_store('" + name + "')");
  }
  void TearDown() override {
    if (admin) admin->ask("SELECT dcb.drop_store('" + name + "', true)");
  }

  dcb::store_options options() const { return {.application_name = name}; }
  dcb::raw_store open() const { return {"", name, options()}; }
  dcb::raw_store open(const dcb::store_options& with) const { return {"", name, with}; }

  std::string count_events() { return admin->ask("SELECT count(*) FROM " + name + ".event"); }

  /// The store's server processes, as a condition on pg_stat_activity.
  std::string backends() const { return "FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = '" + name + "'"; }
  std::string count_backends() { return admin->ask("SELECT count(*) " + backends()); }
  void await_waiting_for_lock() { admin->await("count(*) > 0 " + backends() + " AND wait_event_type = 'Lock'"); }
  void terminate_backends() {
    admin->ask("SELECT count(pg_terminate_backend(pid)) " + backends());
    admin->await("count(*) = 0 " + backends());
  }

  const std::string name = [] {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    return "t" + std::to_string(getpid()) + "_" + test.substr(0, 40);  // names end at 63 bytes
  }();
  std::optional<session> admin;
};

inline std::vector<dcb::new_event> one_event(std::string type = "A", std::vector<std::string> tags = {"x:1"}) {
  return {{.type = std::move(type), .tags = std::move(tags)}};
}

inline dcb::event_query of_types(std::vector<std::string> types) { return dcb::query_item{.types = std::move(types)}; }
inline dcb::event_query tagged(std::vector<std::string> tags) { return dcb::query_item{.tags = std::move(tags)}; }

inline std::vector<std::int64_t> positions(dcb::event_log& log, const dcb::event_query& query = dcb::event_query::all(),
                                           const dcb::read_options& options = {}) {
  std::vector<std::int64_t> result;
  log.read(query, options, [&](const dcb::recorded_event& event) {
    result.push_back(event.position);
    return true;
  });
  return result;
}

/// What an action throws, as the SQLSTATE.
template <class Error = dcb::error>
std::string sqlstate_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return std::string{e.sqlstate()};
  }
  return "no error";
}

}  // namespace support
