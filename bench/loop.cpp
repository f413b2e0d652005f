#include "loop.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <system_error>

namespace bench {
namespace {

using steady = std::chrono::steady_clock;

double seconds_between(steady::time_point from, steady::time_point to) { return std::chrono::duration<double>(to - from).count(); }

// Waits for all clients in one thread, so that the load takes little of the server's processors.
class loop {
 public:
  loop(std::vector<session*> clients, way& what) : what_(what), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    lanes_.reserve(clients.size());
    for (auto* client : clients) {
      auto& lane = lanes_.emplace_back(*client);
      epoll_event interest{.events = EPOLLIN, .data = {.ptr = &lane}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, client->socket(), &interest);
    }
  }
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;
  ~loop() { close(epoll_); }

  // What the server used is the caller's to add.
  measurement run(double seconds) {
    const auto begin = steady::now();
    const auto end = begin + std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(seconds));
    measurement measured;
    for (auto& lane : lanes_) {
      lane.client.counts = {};
      lane.operations = 0;
      lane.busy = true;
      begin_next(lane, begin);
    }
    for (auto busy = lanes_.size(); busy > 0;) {
      std::array<epoll_event, 64> ready;
      const int count = epoll_wait(epoll_, ready.data(), ready.size(), -1);
      for (int i = 0; i < count; ++i) {
        auto& lane = *static_cast<one_client*>(ready[static_cast<std::size_t>(i)].data.ptr);
        if (advance(lane) && finish(lane, begin, end, measured)) --busy;
      }
    }
    measured.fewest = lanes_.front().operations;
    for (const auto& lane : lanes_) measured.fewest = std::min(measured.fewest, lane.operations);
    return measured;
  }

 private:
  struct one_client {
    explicit one_client(session& who) : client(who) {}
    session& client;
    operation current;
    steady::time_point began;
    std::uint64_t operations = 0;
    bool busy = false;
    bool waits_to_write = false;
  };

  void begin_next(one_client& lane, steady::time_point now) {
    lane.began = now;
    lane.client.began.reset();
    lane.current = what_.once(lane.client);
    if (lane.current.done()) throw std::logic_error("an operation that asks the server nothing");
    send_rest(lane);
  }

  // True when the operation is done.
  bool advance(one_client& lane) {
    if (lane.busy && lane.client.receive()) lane.current.resume();
    send_rest(lane);
    return lane.busy && lane.current.done();
  }

  void send_rest(one_client& lane) {
    if (const bool waits = !lane.client.flush(); waits != lane.waits_to_write) {
      lane.waits_to_write = waits;
      epoll_event interest{.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.ptr = &lane}};
      epoll_ctl(epoll_, EPOLL_CTL_MOD, lane.client.socket(), &interest);
    }
  }

  // True when it was the client's last one.
  bool finish(one_client& lane, steady::time_point begin, steady::time_point end, measurement& into) {
    const auto now = steady::now();
    into.latency.add(static_cast<std::uint64_t>((now - lane.client.began.value_or(lane.began)).count()));
    ++into.operations;
    ++lane.operations;
    if (now < end) {
      begin_next(lane, now);
      return false;
    }
    lane.busy = false;
    into.per_second += static_cast<double>(lane.operations) / seconds_between(begin, now);
    into.counts.events += lane.client.counts.events;
    into.counts.rows += lane.client.counts.rows;
    into.counts.conflicts += lane.client.counts.conflicts;
    return true;
  }

  way& what_;
  int epoll_;
  std::vector<one_client> lanes_;
};

}  // namespace

measurement run_round(server& where, way& what, int clients, double warm_up, double seconds) {
  const auto sessions = where.clients(clients);
  for (auto* client : sessions) {
    what.prepare(*client);
    client->head = 0;
  }
  loop rounds{sessions, what};
  rounds.run(warm_up);
  const auto wal = where.wal_bytes();
  const auto cpu = where.cpu_seconds();
  const auto load = own_cpu_seconds();
  const auto machine = machine_cpu_seconds();
  const auto begin = steady::now();
  auto measured = rounds.run(seconds);
  measured.seconds = seconds_between(begin, steady::now());
  measured.driver_cpu_seconds = own_cpu_seconds() - load;
  measured.cpu_seconds = where.cpu_seconds() - cpu;
  measured.foreign_cpu_seconds = machine_cpu_seconds() - machine - measured.cpu_seconds - measured.driver_cpu_seconds;
  measured.wal_bytes = where.wal_bytes() - wal;
  return measured;
}

}  // namespace bench
