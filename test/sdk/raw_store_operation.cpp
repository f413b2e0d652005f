// The SDK driven by an event loop of one's own: operations that are put aside instead of waiting.

#include "raw_store_observer.hpp"
#include "raw_store_proxy.hpp"

#include <dcb/operation.hpp>

#include <poll.h>

#include <condition_variable>
#include <deque>
#include <mutex>

namespace {

using namespace support;
using namespace std::chrono_literals;
using dcb::event_query;
using steady = std::chrono::steady_clock;

// The smallest event loop: poll() over what all operations want, and a pipe for those who wake them. Goes on with everybody each time, which does no harm.
class poll_loop {
 public:
  poll_loop() {
    if (pipe(pipe_.data()) != 0) throw std::runtime_error("no pipe");
  }
  ~poll_loop() {
    running_.clear();
    for (const int end : pipe_) close(end);
  }

  void begin(std::function<void()> work) {
    running_.push_back(std::make_unique<dcb::operation>(std::move(work), [this] {
      if (write(pipe_[1], "", 1) != 1) std::abort();
    }));
    step(*running_.back());
  }

  /// Until all are done, or `enough`.
  void run(const std::function<bool()>& enough = [] { return false; }) {
    while (!running_.empty() && !enough()) {
      std::vector<pollfd> waited{{pipe_[0], POLLIN, 0}};
      auto until = steady::now() + 20ms;  // to look at `enough`
      for (const auto& op : running_) {
        const auto& wanted = op->wanted();
        waited.push_back({wanted.socket, static_cast<short>((wanted.readable ? POLLIN : 0) | (wanted.writable ? POLLOUT : 0)), 0});
        if (wanted.until) until = std::min(until, *wanted.until);
      }
      most_ = std::max(most_, running_.size());
      poll(waited.data(), waited.size(), static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(until - steady::now()).count()));
      char woken[64];
      if (waited[0].revents) [[maybe_unused]]
        const auto taken = read(pipe_[0], woken, sizeof woken);
      std::erase_if(running_, [this](const auto& op) { return step(*op); });
    }
  }

  std::size_t most() const { return most_; }
  std::vector<std::string> failures;

 private:
  bool step(dcb::operation& op) {
    try {
      return op.on_ready();
    } catch (const dcb::error& e) {
      failures.push_back(e.what());
      return true;
    }
  }

  std::array<int, 2> pipe_;
  std::vector<std::unique_ptr<dcb::operation>> running_;
  std::size_t most_ = 0;
};

class raw_store_operation : public raw_store_test {
 protected:
  dcb::raw_store pooled(std::size_t connections) const { return open({.pool = {.max_connections = connections}, .application_name = name}); }
};

TEST_F(raw_store_operation, calls_of_one_thread_overlap) {
  auto store = pooled(4);
  poll_loop loop;
  std::vector<std::int64_t> answers;
  for (int i = 0; i < 100; ++i)
    loop.begin([&] {
      store.append(one_event());
      answers.push_back(store.count(event_query::all()));
    });
  loop.run();
  EXPECT_TRUE(loop.failures.empty()) << loop.failures[0];
  EXPECT_EQ(answers.size(), 100u);
  EXPECT_EQ(loop.most(), 100u);
  EXPECT_EQ(store.head(), 100);
  EXPECT_EQ(count_backends(), "4");
}

TEST_F(raw_store_operation, who_waits_for_a_connection_is_served_in_order) {
  auto store = pooled(1);
  poll_loop loop;
  std::optional<dcb::transaction> holding{store.begin()};
  std::vector<int> order, expected;
  for (int i = 0; i < 20; ++i) {
    expected.push_back(i);
    loop.begin([&, i] {
      store.head();
      order.push_back(i);
    });
  }
  EXPECT_TRUE(order.empty());
  holding.reset();
  loop.run();
  EXPECT_EQ(order, expected);
}

TEST_F(raw_store_operation, timeout_of_one_leaves_the_others) {
  auto store = pooled(1);
  poll_loop loop;
  std::optional<dcb::transaction> holding{store.begin()};
  bool answered = false;
  loop.begin([&] { store.head({.timeout = 20ms}); });
  loop.begin([&] { answered = store.head({.timeout = 60s}) == 0; });
  loop.run([&] { return !loop.failures.empty(); });
  EXPECT_EQ(loop.failures, std::vector<std::string>{"the call's timeout ran out"});
  holding.reset();
  loop.run();
  EXPECT_TRUE(answered);
}

TEST_F(raw_store_operation, stop_token_of_another_thread_cancels_the_statement) {
  auto store = pooled(2);
  session holder;
  holder.ask("BEGIN");
  holder.ask("SELECT dcb.append('" + name + "', ARRAY[dcb.event('Held')])");
  poll_loop loop;
  std::stop_source source;
  loop.begin([&] { store.append(one_event(), {}, {.stop = source.get_token()}); });
  std::thread stopper{[&] {
    session().await("count(*) > 0 " + backends() + " AND wait_event_type = 'Lock'");
    source.request_stop();
  }};
  loop.run();
  stopper.join();
  EXPECT_EQ(loop.failures, std::vector<std::string>{"the call was cancelled by its stop token"});
  holder.ask("ROLLBACK");
  EXPECT_EQ(store.append(one_event()), 1);
}

TEST_F(raw_store_operation, reads_stream_through_several_at_once) {
  auto store = pooled(3);
  const std::vector<dcb::new_event> events(5000, {.type = "A", .data = R"({"text":")" + std::string(300, 'x') + R"("})", .tags = {"x:1"}});
  store.append(events);
  poll_loop loop;
  std::array<int, 3> counts{};
  for (auto& count : counts) loop.begin([&] { store.read(event_query::all(), {}, [&](const auto&) { return ++count > 0; }); });
  loop.run();
  EXPECT_EQ(counts, (std::array<int, 3>{5000, 5000, 5000}));
}

TEST_F(raw_store_operation, given_up_closes_its_connection_and_makes_room) {
  auto store = pooled(1);
  store.head();
  const auto pid = admin->ask("SELECT pid " + backends());
  session holder;
  holder.ask("BEGIN");
  holder.ask("SELECT dcb.append('" + name + "', ARRAY[dcb.event('Held')])");
  bool unwound = false;
  {
    poll_loop loop;
    loop.begin([&] {
      struct at_end {
        bool& done;
        ~at_end() { done = true; }
      } end{unwound};
      store.append(one_event());
    });
    loop.begin([&] { store.head(); });  // waits for the connection, and is given up as well
    loop.run([&] { return admin->ask("SELECT count(*) " + backends() + " AND wait_event_type = 'Lock'") == "1"; });
    EXPECT_EQ(loop.failures.size(), 0u);
    EXPECT_FALSE(unwound);
  }
  EXPECT_TRUE(unwound);
  terminate_backends();  // what was sent may take effect otherwise
  holder.ask("ROLLBACK");
  EXPECT_EQ(store.head({.timeout = 60s}), 0) << "its place in the pool was lost";
  EXPECT_NE(admin->ask("SELECT pid " + backends()), pid);
}

TEST_F(raw_store_operation, begun_and_done_at_once_when_nothing_has_to_be_waited_for) {
  bool done = false;
  dcb::operation op{[&] { done = true; }, [] {}};
  EXPECT_FALSE(done);
  EXPECT_TRUE(op.on_ready());
  EXPECT_TRUE(done);
  EXPECT_TRUE(op.on_ready());
  dcb::operation failing{[] { throw std::out_of_range("of the work"); }, [] {}};
  EXPECT_THROW(failing.on_ready(), std::out_of_range);
  EXPECT_TRUE(failing.on_ready());
  dcb::operation never{[] { FAIL() << "was not begun"; }, [] {}};
}

TEST_F(raw_store_operation, lost_answer_is_resolved_without_blocking) {
  proxy between;
  const auto told = std::make_shared<notes>();
  dcb::raw_store store{between.conninfo(), name, {.pool = {.max_connections = 1}, .application_name = name, .watch = told}};
  store.append(one_event());
  between.next(proxy::fault::lose_answer);
  std::int64_t position = 0;
  poll_loop loop;
  loop.begin([&] { position = store.append(one_event(), {}, {.append_id = dcb::uuid::random()}); });
  loop.run();
  EXPECT_EQ(position, 2);
  EXPECT_EQ(count_events(), "2");
  EXPECT_EQ(told->count("resolved append"), 1);
}

}  // namespace
