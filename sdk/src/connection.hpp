#pragma once

// One connection to a server: connecting, statements, streamed rows, cancelling. Every wait goes through the limits of the call.
// To be used by one thread at a time.

#include "call_limits.hpp"
#include "connection_settings.hpp"
#include "wire.hpp"

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

struct statement {
  const char* sql;
  const char* name = "";   ///< it is prepared once per connection under this name; empty, or with transaction pooling: it is not
  bool commits = false;    ///< losing its answer leaves its outcome in doubt
  bool text_form = false;  ///< parameters and results as text instead of binary
};

/// The values of `$1`, `$2` …; nullopt is NULL.
using parameters = std::vector<std::optional<std::string>>;

class sql_result {
 public:
  sql_result() = default;
  explicit sql_result(PGresult* owned) : owned_(owned) {}

  explicit operator bool() const { return owned_ != nullptr; }
  ExecStatusType status() const { return PQresultStatus(owned_.get()); }
  int rows() const { return PQntuples(owned_.get()); }
  int columns() const { return PQnfields(owned_.get()); }
  std::string_view command() const { return PQcmdStatus(owned_.get()); }
  std::optional<std::string_view> value(int row, int column) const;
  std::string_view column_name(int column) const { return PQfname(owned_.get(), column); }
  std::string field(int code) const;  ///< of an error

 private:
  struct clear {
    void operator()(PGresult* owned) const { PQclear(owned); }
  };
  std::unique_ptr<PGresult, clear> owned_;
};

class connection {
 public:
  /// To the first target that is as wanted, each generation begins with the target after that of the one before. Throws `connection_error`, `timeout`, `cancelled`.
  connection(const connection_settings& settings, const call_limits& limits, std::int64_t generation);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Whether a connection that lay idle is still there, as far as that can be known without asking the server.
  bool still_there();
  std::chrono::milliseconds cancel_grace() const { return cancel_grace_; }
  std::string_view host() const { return PQhost(owned_.get()); }
  int server_process() const { return PQbackendPID(owned_.get()); }
  std::int64_t generation() const { return generation_; }            ///< as given
  std::int64_t next_generation() const { return next_generation_; }  ///< which begins with the target after this one
  /// Whether its server refused to write, or its standbys did not confirm a commit: it may be a former primary.
  bool is_wrong_server() const { return is_wrong_server_; }
  steady::time_point made() const { return made_; }
  steady::time_point last_used() const { return last_used_; }
  void used() { last_used_ = steady::now(); }
  /// Whether it may serve another call.
  bool reusable() const;

  /// Runs one statement. When the limits are reached it is cancelled; its answer still counts if it was faster than the cancel. Throws what
  /// `throw_server_error` throws, `timeout`, `cancelled`, and `connection_error`.
  sql_result run(const statement& what, const parameters& values, const call_limits& limits);

  /// Receives one result with one row in it; false ends the statement early.
  using row_function = std::function<bool(const sql_result&)>;
  /// Runs one statement and hands over its rows as they come. After an early end, also by an exception of `row`, the connection is
  /// reusable; within a transaction block the rest of the rows is received and dropped, since a cancel would break the transaction.
  void stream(const statement& what, const parameters& values, const call_limits& limits, const row_function& row);

  /// The numbers of the extension's types in this database.
  const dcb_types& types(const call_limits& limits);

 private:
  struct finish {
    void operator()(PGconn* owned) const { PQfinish(owned); }
  };

  void connect(const connection_settings& settings, const connection_settings::target& to, const call_limits& limits);
  bool is_prepared(const statement& what) const { return *what.name != '\0' && !transaction_pooling_; }
  void prepare(const statement& what, const call_limits& limits);
  void send(const statement& what, const parameters& values);
  void flush(const statement& what, const call_limits& limits);
  std::optional<interruption> receive(const call_limits& limits, sql_result& into);
  sql_result collect(const statement& what, const call_limits& limits, const row_function* row = nullptr, bool in_block = false);
  bool skip_what_has_arrived();
  void cancel();
  [[noreturn]] void fail(const statement& what, const sql_result& failure);
  std::string last_message() const;

  std::unique_ptr<PGconn, finish> owned_;
  const std::chrono::milliseconds cancel_grace_;
  const bool transaction_pooling_;
  const std::int64_t generation_;
  std::int64_t next_generation_ = 0;
  const steady::time_point made_ = steady::now();
  steady::time_point last_used_ = made_;
  std::set<std::string_view> prepared_;
  std::optional<dcb_types> types_;
  bool broken_ = false;
  bool unconfirmed_ = false;  // by standbys, what the last statement committed
  bool is_wrong_server_ = false;
};

}  // namespace dcb::inline v0
