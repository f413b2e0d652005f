#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "random.hpp"
#include "wire.hpp"

namespace bench {

struct statement {
  std::string name;  // one name stands for one text in the whole run
  std::string sql;
};

class result {
 public:
  explicit result(PGresult* from = nullptr) : held_(from, PQclear) {}

  int rows() const { return PQntuples(held_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(held_.get(), row, column) != 0; }
  std::int64_t int8(int row, int column) const { return get<std::int64_t>(PQgetvalue(held_.get(), row, column)); }
  std::string text(int row, int column) const { return PQgetvalue(held_.get(), row, column); }
  bool boolean(int row, int column) const { return *PQgetvalue(held_.get(), row, column) != 0; }

  // Refused because of what others appended, or were at: the decision has to be made again.
  bool conflict() const;
  bool failed() const { return !held_ || PQresultStatus(held_.get()) == PGRES_FATAL_ERROR; }
  std::string message() const { return held_ ? PQresultErrorMessage(held_.get()) : "no answer"; }

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> held_;
};

// What a client does between two readings of the clock: a coroutine that waits for the server's answers. It runs up to its first wait when called.
class operation {
 public:
  struct promise_type {
    operation get_return_object() { return operation{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { failure = std::current_exception(); }
    std::exception_ptr failure;
  };

  operation() = default;
  operation(operation&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  operation& operator=(operation&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~operation() {
    if (handle_) handle_.destroy();
  }

  // Throws what the operation threw.
  bool done() const {
    if (handle_.done() && handle_.promise().failure) std::rethrow_exception(handle_.promise().failure);
    return handle_.done();
  }
  void resume() { handle_.resume(); }

 private:
  explicit operation(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

// What operations count beside themselves.
struct tally {
  std::uint64_t events = 0;     // appended
  std::uint64_t rows = 0;       // read
  std::uint64_t conflicts = 0;  // decisions and appends that were refused and repeated
};

// One connection and the client behind it. The loop waits for all connections at once and calls receive().
class session {
 public:
  session(const std::string& conninfo, int index);

  // Blocking, before a round begins: a statement may only be run once it is prepared.
  void prepare(const statement& what);
  result execute(const std::string& sql);      // one statement, answered in binary
  void script(const std::string& statements);  // any number of statements, without an answer
  void cancel();                               // from another thread: what is running here

  // A fresh list of parameters, for one of the following.
  parameters& with() {
    parameters_.clear();
    return parameters_;
  }

  class answer {
   public:
    explicit answer(session& from) : from_(from) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    result await_resume() { return from_.take_result(); }

   private:
    session& from_;
  };
  // Each is to be waited for: co_await s.run(…). A failure other than a conflict throws.
  answer run(const statement& what, parameters& values);
  answer command(const char* sql);                                // without parameters, not prepared
  // Several statements in one round trip: each sent with queue(), the rows of the last that has some answered by finish().
  void queue(const statement& what, parameters& values);
  answer finish();
  answer stream(const statement& what, parameters& values);       // rows are counted and dropped as they come
  answer copy_in(const std::string& sql, std::string_view rows);  // rows has to live until the answer
  answer copy_out(const std::string& sql);                        // likewise counted and dropped

  // Takes in what has arrived. True when the answer is complete, so that the operation may go on.
  bool receive();
  // Sends what the socket did not take. True when all is sent.
  bool flush() { return PQflush(connection_.get()) == 0; }

  int socket() const { return PQsocket(connection_.get()); }
  int server_pid() const { return PQbackendPID(connection_.get()); }

  const int index;  // 0, 1, 2, … among the clients
  random_numbers random;
  tally counts;
  std::optional<std::chrono::steady_clock::time_point> began;  // of the operation, where that is not when the client began it
  std::string scratch;     // for an operation's own use
  std::int64_t head = 0;   // newest position that the client knows of; a round begins with 0
  Oid event_type = 0;      // the type dcb.new_event, whose number differs from database to database
  Oid peer_types[2] = {};  // likewise, of a peer

 private:
  answer sent(int ok, const std::string& what);
  void receive_copy();
  result take_result();

  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  std::set<std::string> prepared_;
  parameters parameters_;
  PGresult* last_ = nullptr;
  std::string_view rows_to_copy_;
  bool copying_out_ = false;
  bool pipelining_ = false;
};

}  // namespace bench
