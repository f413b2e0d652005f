// What a store has to do, as plainly as it can be said: one session's view of one store, in memory. Nothing here is clever or fast, so that it can be
// seen to be right. Positions are indexes plus one; what an error undid is a copy of the state before.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace model {

using position = std::int64_t;

// The SQLSTATE that a statement fails with; `conflict` is the position that DCB01 names.
struct failure {
  std::string sqlstate;
  position conflict = 0;
};

struct event {
  std::string type;  // empty: an event that is refused
  std::set<std::string> tags;
  std::string data;  // jsonb as PostgreSQL prints it, as is metadata; the payload in its hex form
  std::optional<std::string> metadata, payload, id;
  bool operator==(const event&) const = default;
};

struct stored_event {
  std::shared_ptr<const event> content;
  position first;  // of the append; its events share their time
};

struct item {
  std::set<std::string> types, except, tags;
  std::optional<position> after;
  auto operator<=>(const item&) const = default;
  bool matches(const event& e) const;
};
using query = std::set<item>;

struct request {
  std::vector<event> events;
  std::optional<query> condition;
  std::optional<position> after;
  std::optional<std::string> append_id;
};

struct range {
  std::optional<position> after = {}, max_count = {}, upto = {};
  bool backwards = false;
};

struct outcome {
  position last = 0;
  std::string error;
  position conflict = 0;
};

struct snapshot {
  position at;
  std::string state;
  bool of_this_log;  // false after a restore that this state survived
};

struct due_command {
  std::int64_t due;  // before 0: to be executed at once; otherwise never in a test's time
  int number;        // in the order of scheduling
  std::vector<event> events;
  std::optional<query> condition;
  position after;
  std::string state = "pending", sqlstate;
  position at = 0;
};

// One that has ended by the next statement, and two that outlive a test, of which the longer one renews the shorter one.
enum class lease { none, instant, hour, week };

struct partition {
  position at;
  bool of_this_log = true;
  std::string consumer = {};
  lease until = lease::none;
  int token;
  int failures = 0;
  std::string last_error = {};
};

struct parked_event {
  int partition;
  std::string reason;
  int attempts;
};

struct subscription {
  query asked;
  std::string partition_by;
  std::string state = "active", reason;
  std::map<std::string, lease> members;
  std::vector<partition> partitions;
  std::map<position, parked_event> parked;
};

// Everything that a transaction can change.
struct store_state {
  std::vector<stored_event> log;
  std::map<std::string, std::pair<std::vector<event>, position>> append_ids;
  std::map<std::tuple<std::string, query, std::int64_t>, snapshot> snapshots;
  std::map<std::string, due_command> due;
  std::map<std::string, subscription> subscriptions;

  // Of the open transaction:
  std::vector<request> at_commit;
  bool appended = false;    // has asked for the append lock: PREPARE TRANSACTION is refused
  bool holds_lock = false;  // keeps it until the transaction ends
};

using row = std::vector<std::string>;
using rows = std::vector<row>;

class reference;

// Something that a session does: what it sends, and what has to come of that.
struct statement {
  enum kind {
    query,    // looks at the store
    control,  // of transactions: looks at nothing
    end       // the same, also in a failed transaction
  };
  std::string sql;
  std::function<rows(reference&)> effect;  // throws `failure`
  kind is = query;
  bool appends = false;  // waits for the append lock
};

// What a statement has to answer.
struct expectation {
  std::string sqlstate;
  position conflict = 0;
  rows answer;
};

class reference {
 public:
  // The committed state may be shared by the references of several sessions.
  explicit reference(std::shared_ptr<store_state> committed) : committed_(std::move(committed)), now_(*committed_) {}

  expectation perform(const statement& s);

  // Transactions
  bool in_transaction() const { return open_; }
  bool failed() const { return failed_; }
  bool holds_lock() const { return now_.holds_lock; }
  bool appends_at_commit() const { return !now_.at_commit.empty(); }
  bool refuses_prepare() const { return now_.appended || !now_.at_commit.empty(); }
  void begin(bool one_snapshot);
  void commit();
  void rollback();
  void prepare();
  void savepoint(const std::string& name);
  void rollback_to(const std::string& name);
  void release(const std::string& name);

  // The log
  position head() const;
  position append(const request& asked);
  void append_at_commit(const request& asked);
  position submit(const request& asked);
  std::vector<outcome> submit_many(const std::vector<request>& commands);
  std::vector<position> read(const query& asked, const range& within) const;
  const event& at(position p) const { return *now_.log[p - 1].content; }
  position first_of_append(position p) const { return now_.log[p - 1].first; }

  // Snapshots
  bool save_snapshot(const std::string& name, const query& asked, position at, const std::string& state, std::int64_t version);
  std::optional<snapshot> load_snapshot(const std::string& name, const query& asked, std::int64_t version) const;
  std::int64_t drop_snapshots(const std::optional<std::string>& name);
  void make_snapshots_foreign(position at);

  // Due commands
  void schedule(const std::string& id, std::int64_t due, const request& asked);
  bool cancel(const std::string& id);
  int run_due();
  std::vector<std::pair<std::string, due_command>> due_commands() const;

  // Subscriptions. A token is the number of a change of hands; those that claims have answered are kept in `tokens`, as clients would, also
  // when the claim was rolled back.
  void create_subscription(const std::string& name, const query& asked, std::optional<position> after, int partitions, const std::string& by,
                           bool if_not_exists);
  bool drop_subscription(const std::string& name);
  std::vector<std::pair<int, int>> claim(const std::string& name, const std::string& consumer, lease wanted);
  void release(const std::string& name, const std::string& consumer);
  struct polled {
    std::vector<position> events = {};
    position end = 0;  // of the last row, which has nothing but a position; 0: there is none
  };
  polled poll(const std::string& name, int token, int partition, std::int64_t max_count) const;
  void checkpoint(const std::string& name, int token, position to, int partition);
  void fail(const std::string& name, int token, const std::string& error, bool stop, int partition);
  void set_state(const std::string& name, const std::string& state, const std::string& reason);
  void rewind(const std::string& name, position to);
  void park(const std::string& name, int token, position at, const std::string& reason, int attempts, int partition);
  bool resolve_parked(const std::string& name, position at);
  const std::map<position, parked_event>& parked_events(const std::string& name) const { return existing(name).parked; }
  void make_checkpoint_foreign(const std::string& name, position at);
  const std::map<std::string, subscription>& subscriptions() const { return now_.subscriptions; }
  std::vector<position> pending(const subscription& s, int partition) const;

  std::map<std::pair<std::string, int>, std::vector<int>> tokens;

 private:
  const subscription& existing(const std::string& name) const;
  subscription& existing(const std::string& name) { return const_cast<subscription&>(std::as_const(*this).existing(name)); }
  partition& held(const std::string& name, int partition, int token);
  const partition& held(const std::string& name, int partition, int token) const { return const_cast<reference*>(this)->held(name, partition, token); }
  position append_unchecked(const request& asked);
  void look_at_committed();
  void forget_transaction();
  std::size_t find_savepoint(const std::string& name) const;

  std::shared_ptr<store_state> committed_;
  store_state now_;
  std::vector<std::pair<std::string, store_state>> savepoints_;
  bool open_ = false, failed_ = false, one_snapshot_ = false;
  std::optional<std::size_t> snapshot_;  // of the log, of a transaction that reads by one
  int next_token_ = 1, next_due_ = 1;
};

// The partition to which a value of the tag belongs: a function that stays the same for ever, told by the server before the first sequence.
extern std::map<std::pair<std::string, int>, int> partition_of_value;

}  // namespace model
