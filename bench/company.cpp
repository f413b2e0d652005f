#include "company.hpp"

#include <chrono>

namespace bench {
namespace {

class open_transaction : public company {
 public:
  explicit open_transaction(const server& of) : session_(of.conninfo + " dbname=postgres", 0) {
    session_.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id()");
  }

 private:
  session session_;
};

// Threads with a connection each, which are told to stop and then cancelled: what they wait for may never come.
class crowd : public company {
 public:
  template <class Work>
  crowd(const server& at, int count, Work work) {
    for (int i = 0; i < count; ++i) members_.push_back(std::make_unique<session>(at.conninfo, i));
    for (auto& member : members_)
      threads_.emplace_back([this, work, &who = *member] {
        try {
          while (!done_) work(who);
        } catch (const std::runtime_error&) {
          if (!done_) throw;
        }
      });
  }
  ~crowd() override {
    done_ = true;
    for (auto& member : members_) member->cancel();
    for (auto& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::vector<std::unique_ptr<session>> members_;
  std::vector<std::thread> threads_;
};

}  // namespace

invite bystander() {
  return [](server& at) { return std::make_unique<open_transaction>(at); };
}

invite subscribers(log& of, int count) {
  return [&of, count](server& at) {
    return std::make_unique<crowd>(at, count, [&of](session& who) {
      const std::string query = "dcb.query(tags => ARRAY['" + cart_of(who.index * 1000).customer + "'])";
      if (who.head == 0) who.head = who.execute("SELECT dcb.head('" + of.name + "')").int8(0, 0);
      const std::string after = std::to_string(who.head);
      if (!who.execute("CALL dcb.wait_for_query('" + of.name + "', " + query + ", " + after + ", '1 min')").boolean(0, 0)) return;
      const auto events = who.execute("SELECT position FROM dcb.read('" + of.name + "', " + query + ", " + after + ")");
      if (events.rows() > 0) who.head = events.int8(events.rows() - 1, 0);
    });
  };
}

invite slow_appender(log& to) {
  return [&to](server& at) {
    return std::make_unique<crowd>(at, 1, [&to](session& who) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
      who.script("CALL dcb.submit('" + to.name + "', ARRAY[dcb.event('Beat', '" + std::to_string(now) + "', ARRAY['" + slow_tag + "'])])");
    });
  };
}

}  // namespace bench
