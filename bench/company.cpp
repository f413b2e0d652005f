#include "company.hpp"

#include <poll.h>

#include <chrono>

#include "way.hpp"

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

// Runs an operation to its end.
void complete(session& who, operation work) {
  while (!work.done()) {
    pollfd ready{.fd = who.socket(), .events = static_cast<short>(who.flush() ? POLLIN : POLLIN | POLLOUT), .revents = 0};
    poll(&ready, 1, -1);
    if (who.receive()) work.resume();
  }
}

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

invite subscribers(log& of, int count, awaited whom) {
  return [&of, count, whom](server& at) {
    return std::make_unique<crowd>(at, count, [what = dcb_subscriber(of, whom)](session& who) {
      what->prepare(who);
      complete(who, what->once(who));
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
