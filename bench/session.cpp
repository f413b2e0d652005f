#include "session.hpp"

namespace bench {

bool result::conflict() const {
  const char* state = held_ ? PQresultErrorField(held_.get(), PG_DIAG_SQLSTATE) : nullptr;
  if (!state) return false;
  // The last one is a peer's limit on the wait for its lock, which hundreds of clients meet.
  for (const std::string_view refusal : {"DCB01", "40001", "55P03"})
    if (state == refusal) return true;
  return false;
}

session::session(const std::string& conninfo, int client)
    : index(client), random(static_cast<std::uint64_t>(client) + 1), connection_(PQconnectdb(conninfo.c_str()), PQfinish) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  PQsetnonblocking(connection_.get(), 1);
}

void session::prepare(const statement& what) {
  if (!prepared_.insert(what.name).second) return;
  const result made{PQprepare(connection_.get(), what.name.c_str(), what.sql.c_str(), 0, nullptr)};
  if (made.failed()) throw std::runtime_error(what.name + ": " + made.message());
}

result session::execute(const std::string& sql) {
  result made{PQexecParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1)};
  if (made.failed()) throw std::runtime_error(sql + ": " + made.message());
  return made;
}

void session::script(const std::string& statements) {
  const result made{PQexec(connection_.get(), statements.c_str())};
  if (made.failed()) throw std::runtime_error(made.message());
}

void session::cancel() {
  const std::unique_ptr<PGcancel, void (*)(PGcancel*)> handle{PQgetCancel(connection_.get()), PQfreeCancel};
  char why[256];
  PQcancel(handle.get(), why, sizeof why);  // too late is no error
}

session::answer session::sent(int ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what + ": " + PQerrorMessage(connection_.get()));
  return answer{*this};
}

session::answer session::run(const statement& what, parameters& values) {
  const auto& form = values.in_libpq_form();
  return sent(
      PQsendQueryPrepared(connection_.get(), what.name.c_str(), values.count(), form.values.data(), form.lengths.data(), form.formats.data(), 1),
      what.name);
}

void session::queue(const statement& what, parameters& values) {
  if (!pipelining_) PQenterPipelineMode(connection_.get());
  pipelining_ = true;
  run(what, values);
}

session::answer session::finish() { return sent(PQpipelineSync(connection_.get()), "pipeline"); }

session::answer session::command(const char* sql) { return sent(PQsendQuery(connection_.get(), sql), sql); }

session::answer session::stream(const statement& what, parameters& values) {
  auto later = run(what, values);
  PQsetSingleRowMode(connection_.get());
  return later;
}

session::answer session::copy_in(const std::string& sql, std::string_view rows) {
  rows_to_copy_ = rows;
  return sent(PQsendQuery(connection_.get(), sql.c_str()), sql);
}

session::answer session::copy_out(const std::string& sql) { return sent(PQsendQuery(connection_.get(), sql.c_str()), sql); }

void session::receive_copy() {
  char* row = nullptr;
  int length = 0;
  while ((length = PQgetCopyData(connection_.get(), &row, 1)) > 0) {
    ++counts.rows;
    PQfreemem(row);
  }
  copying_out_ = length == 0;
}

bool session::receive() {
  if (!PQconsumeInput(connection_.get())) throw std::runtime_error(PQerrorMessage(connection_.get()));
  if (copying_out_) receive_copy();
  while (!copying_out_ && !PQisBusy(connection_.get())) {
    PGresult* next = PQgetResult(connection_.get());
    if (!next && pipelining_) continue;  // one of several statements is done
    if (!next) return true;
    switch (PQresultStatus(next)) {
      case PGRES_PIPELINE_SYNC:
        PQclear(next);
        PQexitPipelineMode(connection_.get());
        pipelining_ = false;
        return true;
      case PGRES_PIPELINE_ABORTED: PQclear(next); break;
      case PGRES_SINGLE_TUPLE:
        ++counts.rows;
        PQclear(next);
        break;
      case PGRES_COPY_IN:
        PQclear(next);
        PQputCopyData(connection_.get(), rows_to_copy_.data(), static_cast<int>(rows_to_copy_.size()));
        PQputCopyEnd(connection_.get(), nullptr);
        return false;
      case PGRES_COPY_OUT:
        PQclear(next);
        receive_copy();
        break;
      default:
        if (pipelining_ && PQresultStatus(next) == PGRES_COMMAND_OK) {
          PQclear(next);
          break;
        }
        PQclear(last_);
        last_ = next;
    }
  }
  return false;
}

result session::take_result() {
  result taken{std::exchange(last_, nullptr)};
  if (taken.failed() && !taken.conflict()) throw std::runtime_error(taken.message());
  return taken;
}

}  // namespace bench
