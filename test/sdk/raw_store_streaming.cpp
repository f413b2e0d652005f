// Long reads: memory does not grow with them, and ending them early leaves the connection usable.

#include "raw_store_proxy.hpp"

#include <dcb/dcb.hpp>

#include <fstream>
#include <variant>

namespace {

using namespace support;
using dcb::event_query;
using dcb::recorded_event;

// More than the buffers between server and client hold.
constexpr std::int64_t many = 20'000;

class raw_store_streaming : public raw_store_test {
 protected:
  void fill(std::int64_t count = many) {
    const std::vector<dcb::new_event> events(static_cast<std::size_t>(count) / 2,
                                             {.type = "A", .data = R"({"text":")" + std::string(500, 'x') + R"("})", .tags = {"x:1"}});
    auto store = open();
    store.append(events);
    store.append(events);
  }
  /// One connection only, so that its loss or its being stuck shows.
  dcb::raw_store open_single(const std::string& conninfo = "") const {
    return {conninfo, name, {.pool = {.max_connections = 1}, .application_name = name}};
  }
  std::string pids() { return admin->ask("SELECT string_agg(pid::text, ' ') " + backends()); }
};

TEST_F(raw_store_streaming, does_not_hold_what_it_reads) {
  constexpr std::int64_t total = 100'000;
  fill(total);
  proxy between;
  auto store = open_single(between.conninfo());
  store.head();
  const auto before = between.bytes_to_client();
  std::size_t taken = 0, ahead = 0;
  std::int64_t count = 0;
  const auto vouched = store.read(event_query::all(), {}, [&](const recorded_event& event) {
    EXPECT_EQ(event.position, ++count);
    taken += event.data.size();
    const auto sent = between.bytes_to_client() - before;
    if (sent > taken) ahead = std::max(ahead, sent - taken);
    taken += 120;  // tags, position, lengths …, less than there are
    return true;
  });
  EXPECT_EQ(count, total);
  EXPECT_EQ(vouched, total);
  EXPECT_GT(between.bytes_to_client() - before, total * 500u);
  // Buffers of the two sockets and of libpq, and what was counted short per event; all of it would be more than 60 MB.
  EXPECT_LT(ahead, total * 100u);
}

struct Counted {
  dcb::id<> x;
};

/// What the process has in memory, in bytes.
std::int64_t resident() {
  std::ifstream from{"/proc/self/statm"};
  std::int64_t whole = 0, pages = 0;
  if (!(from >> whole >> pages)) throw std::runtime_error("/proc/self/statm cannot be read");
  return pages * sysconf(_SC_PAGESIZE);
}

// DCB_TEST_EVENTS=1000000 for more of them.
TEST_F(raw_store_streaming, memory_does_not_grow_with_the_log) {
  const char* const wanted = std::getenv("DCB_TEST_EVENTS");
  const std::int64_t total = wanted ? std::stoll(wanted) : 200'000;
  constexpr std::int64_t batch = 50'000;
  for (std::int64_t done = 0; done < total; done += batch)
    admin->ask("SELECT dcb.append('" + name + "', ARRAY(SELECT dcb.event('Counted', '{\"x\": \"1\"}', ARRAY['x:1']) FROM generate_series(1, " +
               std::to_string(std::min(batch, total - done)) + ")))");
  auto store = open_single();
  const dcb::store<std::variant<Counted>> typed{"", name, options()};
  std::int64_t count = 0, at_first = 0, most = 0;
  const auto look = [&](std::int64_t position) {
    EXPECT_EQ(position, ++count);
    if (count == 10'000) at_first = most = resident();  // buffers have their size by then
    if (count > 10'000 && count % 1'000 == 0) most = std::max(most, resident());
    return true;
  };
  // Kept, the events would take 100 bytes each at the least.
  store.read(event_query::all(), {}, [&](const recorded_event& event) { return look(event.position); });
  EXPECT_EQ(std::exchange(count, 0), total);
  EXPECT_LT(most - at_first, 4 << 20) << "into a sink";
  for (const auto& recorded : typed.read()) look(recorded.position);
  EXPECT_EQ(count, total);
  EXPECT_LT(most - at_first, 4 << 20) << "walked through";
}

TEST_F(raw_store_streaming, early_stop_leaves_the_connection_usable) {
  fill();
  auto store = open_single();
  store.head();
  const auto pid = pids();
  for (int round = 0; round < 20; ++round) {
    std::int64_t count = 0;
    EXPECT_EQ(store.read(event_query::all(), {}, [&](const recorded_event&) { return ++count < 10; }), 10);
    EXPECT_EQ(count, 10);
    EXPECT_EQ(store.append(one_event()), many + round + 1) << "the cancel hit the next statement";
  }
  EXPECT_EQ(pids(), pid) << "the connection was lost";
}

TEST_F(raw_store_streaming, exception_of_the_sink_comes_out_and_leaves_the_connection_usable) {
  fill();
  auto store = open_single();
  store.head();
  const auto pid = pids();
  EXPECT_THROW(store.read(event_query::all(), {}, [](const recorded_event&) -> bool { throw std::out_of_range("sink"); }), std::out_of_range);
  EXPECT_EQ(store.head(), many);
  EXPECT_EQ(pids(), pid);
}

TEST_F(raw_store_streaming, sink_may_use_the_store) {
  fill();
  auto store = open();
  store.read(event_query::all(), {.max_count = 3}, [&](const recorded_event&) { return store.append(one_event()) > many; });
  EXPECT_EQ(store.head(), many + 3);
}

TEST_F(raw_store_streaming, stop_token_ends_a_read_between_two_events) {
  fill();
  auto store = open_single();
  std::stop_source source;
  std::int64_t count = 0;
  const auto stop_at_5 = [&](const recorded_event&) {
    if (++count == 5) source.request_stop();
    return true;
  };
  EXPECT_THROW(store.read(event_query::all(), {}, stop_at_5, {.stop = source.get_token()}), dcb::cancelled);
  EXPECT_EQ(count, 5);
  EXPECT_EQ(store.head(), many);
}

TEST_F(raw_store_streaming, server_lost_in_the_middle_is_an_error_not_an_end) {
  fill();
  auto store = open_single();
  std::int64_t count = 0;
  const auto kill_at_5 = [&](const recorded_event&) {
    if (++count == 5) terminate_backends();
    return true;
  };
  EXPECT_THROW(store.read(event_query::all(), {}, kill_at_5), dcb::connection_error);
  EXPECT_LT(count, many);
  EXPECT_EQ(store.head(), many);
}

}  // namespace
