// Timeouts and stop tokens, wherever a call may have to wait.

#include "raw_store_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <chrono>
#include <future>

namespace {

using namespace support;
using namespace std::chrono_literals;
using dcb::event_query;

class raw_store_limits : public raw_store_test {
 protected:
  /// Holds the store's append lock until `release`.
  void hold_append_lock() {
    holder.emplace();
    holder->ask("BEGIN");
    holder->ask("SELECT dcb.append('" + name + "', ARRAY[dcb.event('Held')])");
  }
  void release() { holder->ask("ROLLBACK"); }

  std::optional<session> holder;
};

TEST_F(raw_store_limits, timeout_while_the_append_lock_is_held) {
  auto store = open();
  store.head();
  const auto pid = admin->ask("SELECT pid " + backends());
  hold_append_lock();
  try {
    store.append(one_event(), {}, {.timeout = 100ms});
    FAIL();
  } catch (const dcb::timeout& e) {
    EXPECT_FALSE(e.in_doubt());
  }
  release();
  EXPECT_EQ(store.append(one_event()), 1);
  EXPECT_EQ(admin->ask("SELECT pid " + backends()), pid) << "the connection was not used again";
}

TEST_F(raw_store_limits, stop_token_while_the_append_lock_is_held) {
  auto store = open();
  store.head();
  const auto pid = admin->ask("SELECT pid " + backends());
  hold_append_lock();
  std::stop_source source;
  auto appending = std::async(std::launch::async, [&] { return store.append(one_event(), {}, {.stop = source.get_token()}); });
  await_waiting_for_lock();
  source.request_stop();
  try {
    appending.get();
    FAIL();
  } catch (const dcb::cancelled& e) {
    EXPECT_FALSE(e.in_doubt());
  }
  release();
  EXPECT_EQ(store.append(one_event()), 1);
  EXPECT_EQ(admin->ask("SELECT pid " + backends()), pid) << "the connection was not used again";
}

TEST_F(raw_store_limits, call_that_is_over_before_it_begins_sends_nothing) {
  auto store = open();
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(store.append(one_event(), {}, {.stop = source.get_token()}), dcb::cancelled);
  EXPECT_THROW(store.append(one_event(), {}, {.timeout = 0ms}), dcb::timeout);
  EXPECT_THROW(store.head({.stop = source.get_token()}), dcb::cancelled);
  EXPECT_EQ(count_events(), "0");
}

TEST_F(raw_store_limits, limits_that_are_not_reached_change_nothing) {
  auto store = open();
  std::stop_source source;
  EXPECT_EQ(store.append(one_event(), {}, {.timeout = 60s, .stop = source.get_token()}), 1);
  source.request_stop();
  EXPECT_EQ(store.head({.timeout = 60s}), 1);
}

TEST_F(raw_store_limits, cancel_and_lock_timeout_of_the_server_are_told_apart) {
  dcb::raw_store store{"options='-c lock_timeout=50ms'", name, options()};
  hold_append_lock();
  EXPECT_EQ(sqlstate_of<dcb::timeout>([&] { store.append(one_event()); }), "55P03");
  dcb::raw_store other{"options='-c statement_timeout=50ms'", name, options()};
  EXPECT_EQ(sqlstate_of<dcb::cancelled>([&] { other.append(one_event()); }), "57014");
  release();
}

TEST_F(raw_store_limits, server_that_never_answers_leaves_an_append_in_doubt) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, {.application_name = name, .cancel_grace = 100ms}};
  store.append(one_event());
  between.next(proxy::fault::swallow);
  std::stop_source source;
  auto appending = std::async(std::launch::async, [&] { return store.append(one_event(), {}, {.stop = source.get_token()}); });
  between.await_fault();
  source.request_stop();
  try {
    appending.get();
    FAIL();
  } catch (const dcb::cancelled& e) {
    EXPECT_TRUE(e.in_doubt());
    EXPECT_FALSE(e.hint().empty());
  }
  EXPECT_EQ(store.head(), 1) << "on another connection";
}

TEST_F(raw_store_limits, server_that_never_answers_a_question) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, {.application_name = name, .cancel_grace = 100ms}};
  store.head();
  between.next(proxy::fault::swallow);
  try {
    store.head({.timeout = 100ms});
    FAIL();
  } catch (const dcb::timeout& e) {
    EXPECT_FALSE(e.in_doubt());
  }
  EXPECT_EQ(store.head(), 0);
}

// Listens without ever accepting: a connection is made by the kernel, and nobody answers.
class silent_server {
 public:
  silent_server() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(listener_, 8) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no silent server");
    port_ = ntohs(address.sin_port);
  }
  ~silent_server() { close(listener_); }
  silent_server(const silent_server&) = delete;
  silent_server& operator=(const silent_server&) = delete;
  std::string conninfo() const { return "host=127.0.0.1 port=" + std::to_string(port_); }

 private:
  int listener_;
  int port_ = 0;
};

TEST_F(raw_store_limits, connecting_is_bounded) {
  silent_server silent;
  dcb::raw_store store{silent.conninfo(), name, {.pool = {.connect_timeout = 100ms}}};
  EXPECT_THROW(store.head(), dcb::connection_error);
  dcb::raw_store patient{silent.conninfo(), name};
  EXPECT_THROW(patient.head({.timeout = 100ms}), dcb::timeout);

  std::stop_source source;
  auto asking = std::async(std::launch::async, [&] { return patient.head({.stop = source.get_token()}); });
  source.request_stop();
  EXPECT_THROW(asking.get(), dcb::cancelled);
}

}  // namespace
