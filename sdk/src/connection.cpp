#include "connection.hpp"

#include "server_error.hpp"

#include <dcb/error.hpp>

#include <poll.h>

#include <array>
#include <exception>
#include <future>
#include <thread>

namespace dcb::inline v0 {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto end = text.find_last_not_of(" \n");
  return text.substr(0, end == text.npos ? 0 : end + 1);
}

// An error outside of any statement comes as a notice: the server's parting words.
bool is_parting(const PGresult* notice) {
  const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity && (std::string_view{severity} == "FATAL" || std::string_view{severity} == "PANIC");
}

// A commit's wait for synchronous standbys ends by a warning when it is told to cancel: the commit counts as done, though a fail-over may lose it.
// It is the server's own, or, when others' appends were committed together with this one, the extension's.
bool is_unconfirmed(const PGresult* notice) {
  const char* const function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  return function && (std::string_view{function} == "SyncRepWaitForLSN" || std::string_view{function} == "await_standbys_as_member");
}

}  // namespace

std::optional<std::string_view> sql_result::value(int row, int column) const {
  const int length = PQgetlength(owned_.get(), row, column);
  if (length == 0 && PQgetisnull(owned_.get(), row, column)) return {};
  return std::string_view{PQgetvalue(owned_.get(), row, column), static_cast<std::size_t>(length)};
}

std::string sql_result::field(int code) const {
  const char* const text = PQresultErrorField(owned_.get(), code);
  return text ? text : "";
}

connection::connection(const connection_settings& settings, const call_limits& limits, std::int64_t generation)
    : cancel_grace_(settings.cancel_grace), transaction_pooling_(settings.transaction_pooling), generation_(generation) {
  std::string failures;
  const auto count = static_cast<std::int64_t>(settings.targets.size());
  for (std::int64_t i = 0; i < count; ++i) {
    next_generation_ = generation + i + 1;
    try {
      connect(settings, settings.targets[static_cast<std::size_t>((generation + i) % count)], limits);
      return;
    } catch (const connection_error& e) {
      if (count == 1) throw;
      failures += (failures.empty() ? "" : "; ") + std::string{e.what()};
    }
  }
  throw connection_error(failures, {.hint = "None of the hosts could be reached and was as wanted (target_session_attrs).", .retryable = true});
}

void connection::connect(const connection_settings& settings, const connection_settings::target& to, const call_limits& limits) {
  // What stands before `dbname`, the conninfo, is a default; what stands after it is not to be changed. Empty values count as not given.
  const auto user_timeout = std::to_string(settings.connect_timeout.count());
  const std::array keywords{"fallback_application_name", "tcp_user_timeout", "dbname", "host", "hostaddr", "port", "target_session_attrs",
                            "client_encoding", static_cast<const char*>(nullptr)};
  const std::array values{settings.application_name.c_str(),
                          user_timeout.c_str(),
                          settings.conninfo.c_str(),
                          to.host.c_str(),
                          to.hostaddr.c_str(),
                          to.port.c_str(),
                          to.session_attributes.c_str(),
                          "UTF8",
                          static_cast<const char*>(nullptr)};
  limits.check();
  owned_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (!owned_) throw std::bad_alloc();
  PQsetNoticeReceiver(
      owned_.get(),
      [](void* self, const PGresult* notice) {
        static_cast<connection*>(self)->broken_ |= is_parting(notice);
        static_cast<connection*>(self)->unconfirmed_ |= is_unconfirmed(notice);
      },
      this);

  const auto until = steady::now() + settings.connect_timeout;
  auto status = PQstatus(owned_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
    const auto outcome = limits.wait(PQsocket(owned_.get()), status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until);
    if (outcome.interrupted) throw_interrupted(*outcome.interrupted);
    if (outcome.ready == 0)
      throw connection_error("no connection to " + std::string{host()} + " within " + user_timeout + " ms", {.hint = "See pool_options::connect_timeout.", .retryable = true});
    status = PQconnectPoll(owned_.get());
  }
  if (status != PGRES_POLLING_OK) throw connection_error(last_message(), {.retryable = true});
  PQsetnonblocking(owned_.get(), 1);
}

// A server that is asked nothing has hardly anything to say but that it goes, and says so before it closes the connection. The rare other
// messages cost a connection that would have been good.
bool connection::still_there() {
  PQisBusy(owned_.get());  // looks through what was received after the last answer
  pollfd waited{PQsocket(owned_.get()), POLLIN, 0};
  return reusable() && poll(&waited, 1, 0) == 0;
}

bool connection::reusable() const { return !broken_ && PQstatus(owned_.get()) == CONNECTION_OK && PQtransactionStatus(owned_.get()) == PQTRANS_IDLE; }

sql_result connection::run(const statement& what, const parameters& values, const call_limits& limits) {
  prepare(what, limits);
  send(what, values);
  flush(what, limits);
  return collect(what, limits);
}

void connection::stream(const statement& what, const parameters& values, const call_limits& limits, const row_function& row) {
  prepare(what, limits);
  const bool in_block = PQtransactionStatus(owned_.get()) == PQTRANS_INTRANS;
  send(what, values);
  PQsetSingleRowMode(owned_.get());
  flush(what, limits);
  collect(what, limits, &row, in_block);
}

const dcb_types& connection::types(const call_limits& limits) {
  if (!types_) {
    const statement sql{.sql = "SELECT 'dcb.new_event'::regtype::oid, 'dcb.new_event[]'::regtype::oid, 'dcb.query'::regtype::oid, 'dcb.command'::regtype::oid"};
    const auto answer = run(sql, {}, limits);
    const auto number = [&](int column) { return wire_reader{answer.value(0, column).value()}.integer<type_oid>(); };
    types_ = dcb_types{number(0), number(1), number(2), number(3)};
  }
  return *types_;
}

void connection::prepare(const statement& what, const call_limits& limits) {
  if (!is_prepared(what) || prepared_.contains(what.name)) return;
  const statement preparing{.sql = what.sql};
  if (!PQsendPrepare(owned_.get(), what.name, what.sql, 0, nullptr)) fail(preparing, {});
  flush(preparing, limits);
  collect(preparing, limits);
  prepared_.insert(what.name);
}

void connection::send(const statement& what, const parameters& values) {
  unconfirmed_ = false;
  const int count = static_cast<int>(values.size());
  std::vector<const char*> texts;
  std::vector<int> lengths;
  texts.reserve(values.size());
  lengths.reserve(values.size());
  const std::vector<int> formats(values.size(), what.text_form ? 0 : 1);
  for (const auto& value : values) {
    texts.push_back(value ? value->c_str() : nullptr);
    lengths.push_back(value ? static_cast<int>(value->size()) : 0);
  }
  const int result_format = what.text_form ? 0 : 1;
  const int sent = is_prepared(what)
                       ? PQsendQueryPrepared(owned_.get(), what.name, count, texts.data(), lengths.data(), formats.data(), result_format)
                       : PQsendQueryParams(owned_.get(), what.sql, count, nullptr, texts.data(), lengths.data(), formats.data(), result_format);
  if (!sent) fail({.sql = what.sql}, {});  // nothing has left, hence nothing is in doubt
}

// A message that was sent in part cannot be taken back: an interruption here costs the connection.
void connection::flush(const statement& what, const call_limits& limits) {
  for (;;) {
    if (PQflush(owned_.get()) <= 0) return;  // done, or failed: the reason comes with the result
    const auto outcome = limits.wait(PQsocket(owned_.get()), POLLIN | POLLOUT);
    if (const auto interrupted = outcome.interrupted ? outcome.interrupted : limits.interrupted()) {
      broken_ = true;
      throw_interrupted(*interrupted, what.commits);
    }
    if ((outcome.ready & ~POLLOUT) != 0 && !PQconsumeInput(owned_.get())) return;
  }
}

// An empty result is the end of the statement.
std::optional<interruption> connection::receive(const call_limits& limits, sql_result& into) {
  while (PQisBusy(owned_.get())) {
    const auto outcome = limits.wait(PQsocket(owned_.get()), POLLIN);
    if (outcome.interrupted) return outcome.interrupted;
    if (!PQconsumeInput(owned_.get())) break;  // PQgetResult then tells why, without waiting
  }
  into = sql_result{PQgetResult(owned_.get())};
  return {};
}

// Receives all results of the statement that was sent. An interruption, or a row function that has enough, cancels it; the connection is
// reusable if the statement then ends in time.
sql_result connection::collect(const statement& what, const call_limits& limits, const row_function* row, bool in_block) {
  std::optional<interruption> reason;  // for cancelling, unless the row function had enough
  std::optional<call_limits> grace;    // for the cancelled statement to end
  const auto cut_short = [&] {
    cancel();
    grace.emplace(broken_ ? std::chrono::milliseconds{0} : cancel_grace_);
  };
  bool enough = false;
  std::exception_ptr thrown;  // by the row function
  sql_result answer, failure;

  for (bool ended = false; !ended;) {
    sql_result next;
    if (const auto interrupted = receive(grace ? *grace : limits, next)) {
      if (grace) {
        broken_ = true;
        break;
      }
      reason = interrupted;
      cut_short();
      continue;
    }
    if (!next) break;
    switch (next.status()) {
      case PGRES_SINGLE_TUPLE:
        if (enough || grace) break;
        if ((reason = limits.interrupted())) {  // rows may come without any wait
          cut_short();
          break;
        }
        try {
          enough = !(*row)(next);
        } catch (...) {
          thrown = std::current_exception();
          enough = true;
        }
        if (enough && !in_block) {
          ended = skip_what_has_arrived();
          if (!ended) cut_short();
        }
        break;
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY: answer = std::move(next); break;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH: broken_ = true; throw error("COPY is not possible here", {.sqlstate = "0A000", .hint = "Use INSERT or SELECT."});
      default:
        if (!failure) failure = std::move(next);  // the first tells the reason, later ones that the connection is gone
    }
  }

  if (thrown) std::rethrow_exception(thrown);
  if (enough && !in_block) return answer;
  if (reason && (row || broken_ || failure.field(PG_DIAG_SQLSTATE) == "57014")) throw_interrupted(*reason, what.commits && broken_);
  if (failure) fail(what, failure);
  if (what.commits && unconfirmed_) {
    is_wrong_server_ = true;
    if (reason) throw_interrupted(*reason, true);
    throw connection_error("standbys have not confirmed the commit", {.hint = in_doubt_hint, .in_doubt = true});
  }
  return answer;
}

// Whether that was all of it: then no cancel is needed.
bool connection::skip_what_has_arrived() {
  PQconsumeInput(owned_.get());
  while (!PQisBusy(owned_.get()))
    if (!sql_result{PQgetResult(owned_.get())}) return true;
  return false;
}

// libpq waits for the server, which may be gone without a word, so a thread of its own does it. A request that is still under way could meet a later
// statement: then the connection is not to be used again.
void connection::cancel() {
  const std::shared_ptr<PGcancel> request{PQgetCancel(owned_.get()), [](PGcancel* owned) { PQfreeCancel(owned); }};
  std::promise<void> sent;
  auto done = sent.get_future();
  std::thread{[request, sent = std::move(sent)]() mutable {
    std::array<char, 256> message{};
    // If it does not get through, the time for the statement to end runs out.
    if (request) PQcancel(request.get(), message.data(), static_cast<int>(message.size()));
    sent.set_value();
  }}.detach();
  broken_ |= done.wait_for(cancel_grace_) != std::future_status::ready;
}

void connection::fail(const statement& what, const sql_result& failure) {
  server_error from{.sqlstate = failure.field(PG_DIAG_SQLSTATE),
                    .message = failure.field(PG_DIAG_MESSAGE_PRIMARY),
                    .detail = failure.field(PG_DIAG_MESSAGE_DETAIL),
                    .hint = failure.field(PG_DIAG_MESSAGE_HINT)};
  // libpq may find out while sending, and then goes on calling the connection a good one; only the missing SQLSTATE tells.
  if (PQstatus(owned_.get()) != CONNECTION_OK || from.sqlstate.empty()) {
    broken_ = true;
    if (from.message.empty()) from.message = last_message();
    throw connection_error(from.message, {.sqlstate = std::move(from.sqlstate),
                                          .detail = std::move(from.detail),
                                          .hint = what.commits ? in_doubt_hint : std::move(from.hint),
                                          .retryable = !what.commits,
                                          .in_doubt = what.commits});
  }
  if (!leaves_connection_sound(from.sqlstate)) broken_ = true;
  is_wrong_server_ |= is_read_only(from.sqlstate);
  if (from.message.empty()) from.message = last_message();
  throw_server_error(std::move(from));
}

std::string connection::last_message() const { return std::string{trimmed(PQerrorMessage(owned_.get()))}; }

}  // namespace dcb::inline v0
