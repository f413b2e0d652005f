// A connection to the server that PGHOST leads to, for one thread; and a store of a test's own.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace race {

// What a statement answered: rows of text (NULL as the empty string), or how it failed.
struct answer {
  std::vector<std::vector<std::string>> rows;
  std::string sqlstate;  // empty if it did not fail; "08006" if the connection was lost
  std::string message;
  std::string detail{};  // of an error

  bool ok() const { return sqlstate.empty(); }
  const std::string& value() const { return rows.at(0).at(0); }
  std::int64_t number(std::size_t column = 0) const { return std::stoll(rows.at(0).at(column)); }
};

// An error that the test did not expect.
struct unexpected : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class session {
 public:
  // Options are added to what the environment says, as in a connection string.
  explicit session(const std::string& options = "");

  answer run(const std::string& sql, const std::vector<std::string>& parameters = {});
  answer must(const std::string& sql, const std::vector<std::string>& parameters = {});  // throws `unexpected` if it fails
  answer run_binary(const std::string& sql, Oid type, const std::string& bytes);         // one parameter, in binary form
  answer script(const std::string& sql);  // by the simple protocol; the last answer
  void send(const std::string& sql, const std::vector<std::string>& parameters = {});  // answered by receive()
  answer receive();
  void cancel() const;                                                                   // what another thread is running here
  PGconn* connection() const { return connection_.get(); }
  bool in_transaction() const { return PQtransactionStatus(connection_.get()) != PQTRANS_IDLE; }
  bool lost() const { return lost_ || PQstatus(connection_.get()) != CONNECTION_OK; }
  int backend() const { return PQbackendPID(connection_.get()); }

 private:
  answer read(PGresult* result);

  struct close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  std::unique_ptr<PGconn, close> connection_;
  bool lost_ = false;  // seen while sending, when libpq still takes the connection for a good one
};

// A new store, dropped when the test ends.
class temporary_store {
 public:
  temporary_store();
  ~temporary_store();
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

// Work for several sessions at once: work(session, number). What it throws is thrown on when all are done.
template <class Work>
void in_parallel(int count, Work work) {
  std::vector<session> sessions(count);
  std::vector<std::exception_ptr> thrown(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      try {
        work(sessions[i], i);
      } catch (...) {
        thrown[i] = std::current_exception();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& exception : thrown)
    if (exception) std::rethrow_exception(exception);
}

// Is there nobody left in the list of those who wait to be woken? Neither a session nor one that is gone; a background worker may be there.
inline constexpr const char* nobody_waits =
    "SELECT NOT EXISTS (SELECT FROM dcb.waiters() AS w (pid) WHERE pid NOT IN (SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_dcb %'))";

// Rounds of every race; RACE_ROUNDS lengthens it.
int rounds(int usual = 200);

// Of the random choices of this run: RACE_SEED, or one of its own, which it prints.
unsigned seed();

// A pause of up to so many microseconds, seldom none.
inline void pause(std::mt19937& random, int most) { std::this_thread::sleep_for(std::chrono::microseconds(random() % most)); }

}  // namespace race
