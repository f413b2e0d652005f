#include "session.hpp"

#include <atomic>
#include <cstdlib>
#include <iostream>

namespace race {
namespace {

std::string trimmed(const char* text) {
  std::string line = text;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

}  // namespace

session::session(const std::string& options) {
  if (std::getenv("PGHOST") == nullptr) throw unexpected("PGHOST is not set: run this under scripts/with-cluster");
  connection_.reset(PQconnectdb(options.c_str()));
  if (lost()) throw unexpected(trimmed(PQerrorMessage(connection_.get())));
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
}

answer session::read(PGresult* result) {
  std::unique_ptr<PGresult, decltype(&PQclear)> owned(result, PQclear);
  answer got;
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK: return got;
    case PGRES_TUPLES_OK:
      for (int row = 0; row < PQntuples(result); ++row) {
        auto& columns = got.rows.emplace_back();
        for (int column = 0; column < PQnfields(result); ++column) columns.emplace_back(PQgetvalue(result, row, column));
      }
      return got;
    default:
      const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
      lost_ = state == nullptr;
      got.sqlstate = state != nullptr ? state : "08006";
      const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
      got.detail = detail != nullptr ? detail : "";
      got.message = message != nullptr ? message : trimmed(PQerrorMessage(connection_.get()));
      return got;
  }
}

answer session::run(const std::string& sql, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  return read(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0));
}

answer session::must(const std::string& sql, const std::vector<std::string>& parameters) {
  answer got = run(sql, parameters);
  if (!got.ok()) throw unexpected(got.sqlstate + " " + got.message + ": " + sql);
  return got;
}

answer session::run_binary(const std::string& sql, Oid type, const std::string& bytes) {
  const char* value = bytes.data();
  const int length = static_cast<int>(bytes.size());
  const int binary = 1;
  return read(PQexecParams(connection_.get(), sql.c_str(), 1, &type, &value, &length, &binary, 0));
}

answer session::script(const std::string& sql) { return read(PQexec(connection_.get(), sql.c_str())); }

void session::send(const std::string& sql, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0);
}

answer session::receive() {
  answer last;
  last.sqlstate = "08006";
  bool answered = false;
  while (PGresult* result = PQgetResult(connection_.get())) {
    const answer got = read(result);
    if (!answered || last.ok()) last = got;
    answered = true;
  }
  return last;
}

void session::cancel() const {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> handle(PQgetCancel(connection_.get()), PQfreeCancel);
  char why[256];
  PQcancel(handle.get(), why, sizeof why);  // too late is no error
}

temporary_store::temporary_store() {
  static std::atomic<int> made{0};
  session s;
  name_ = "race_" + std::to_string(s.backend()) + "_" + std::to_string(++made);
  s.must("SELECT dcb.create_store($1)", {name_});
}

temporary_store::~temporary_store() {
  try {
    session().run("SELECT dcb.drop_store($1, force => true)", {name_});
  } catch (const unexpected&) {
    // The server is gone, and the test has failed by that.
  }
}

int rounds(int usual) {
  const char* wanted = std::getenv("RACE_ROUNDS");
  return wanted == nullptr ? usual : usual * std::atoi(wanted) / 200;
}

unsigned seed() {
  static const unsigned chosen = [] {
    const char* wanted = std::getenv("RACE_SEED");
    const unsigned number = wanted == nullptr ? std::random_device()() : static_cast<unsigned>(std::stoul(wanted));
    std::cout << "RACE_SEED=" << number << std::endl;
    return number;
  }();
  return chosen;
}

}  // namespace race
