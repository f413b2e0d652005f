#pragma once

// A server in between: passes bytes on in both directions, counts them, and loses messages when it is told to.

#include "raw_store_support.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <string>
#include <thread>

namespace support {

class proxy {
 public:
  /// What happens to the next request of an established connection. Requests of other connections meanwhile are passed on.
  enum class fault {
    none,
    lose_request,  ///< closes the connection instead of passing it on
    lose_answer,   ///< passes it on, waits for the answer, and closes the connection instead of passing that on
    lose_answer_and_leave,  ///< the same, and it is away from then on
    swallow        ///< neither passes it on nor closes: nothing ever comes back
  };

  explicit proxy(std::string server = environment("PGHOST")) : server_(std::move(server)) {
    char pattern[] = "/tmp/dcb_proxy.XXXXXX";
    if (!mkdtemp(pattern)) throw std::runtime_error("no folder for the proxy's socket");
    folder_ = pattern;
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(folder_);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(listener_, 64) != 0)
      throw std::runtime_error("the proxy cannot listen");
    acceptor_ = std::thread{[this] { accept_all(); }};
  }
  ~proxy() {
    ending_ = true;
    acceptor_.join();
    for (auto& connection : connections_) connection.join();
    close(listener_);
    unlink((folder_ + "/" + socket_name()).c_str());
    rmdir(folder_.c_str());
  }
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;

  std::string conninfo() const { return "host=" + folder_; }
  /// Requests that still pass before it: for what is sent by a call that has begun.
  void next(fault what, int passing = 0) {
    passing_ = passing;
    fault_ = what;
  }
  bool happened() const { return fault_ == fault::none; }
  void await_fault() const {
    while (!happened()) std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  std::size_t bytes_to_client() const { return to_client_; }
  /// While it is away, whoever comes is sent away at once, and so are those who are there when they say something.
  void be_away(bool away) { away_ = away; }
  bool is_away() const { return away_; }

 private:
  static std::string socket_name() {
    const char* const port = std::getenv("PGPORT");
    return std::string{".s.PGSQL."} + (port ? port : "5432");
  }
  static sockaddr_un address_of(const std::string& folder) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = folder + "/" + socket_name();
    if (path.size() >= sizeof address.sun_path) throw std::runtime_error("the socket's path is too long: " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
  }

  bool readable(int socket) const {
    pollfd waited{socket, POLLIN, 0};
    return poll(&waited, 1, 20) > 0;
  }

  void accept_all() {
    while (!ending_)
      if (readable(listener_)) {
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0 && away_)
          close(client);
        else if (client >= 0)
          connections_.emplace_back([this, client] { serve(client); });
      }
  }

  void serve(int client) {
    const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(server_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) pass_on(client, server);
    close(server);
    close(client);
  }

  void pass_on(int client, int server) {
    bool established = false;  // the server has answered before: what comes is no start-up message
    bool losing_answer = false, leaving = false;
    while (!ending_) {
      std::array<pollfd, 2> waited{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      if (poll(waited.data(), waited.size(), 20) <= 0) continue;
      std::array<char, 16384> buffer;
      if (waited[0].revents) {
        const auto size = recv(client, buffer.data(), buffer.size(), 0);
        if (size <= 0 || away_) return;
        const bool passes = !established || (passing_ > 0 && passing_-- > 0);
        const auto what = passes ? fault::none : fault_.exchange(fault::none);
        if (what == fault::lose_request) return;
        if (what == fault::lose_answer || what == fault::lose_answer_and_leave) losing_answer = true;
        if (what == fault::lose_answer_and_leave) leaving = true;
        if (what == fault::swallow) {
          while (!ending_ && recv(client, buffer.data(), buffer.size(), MSG_DONTWAIT) != 0) readable(client);
          return;
        }
        if (!write_all(server, buffer.data(), size)) return;
      }
      if (waited[1].revents) {
        const auto size = recv(server, buffer.data(), buffer.size(), 0);
        if (leaving) away_ = true;
        if (size <= 0 || losing_answer) return;
        established = true;
        if (!write_all(client, buffer.data(), size)) return;
        to_client_ += static_cast<std::size_t>(size);
      }
    }
  }

  bool write_all(int socket, const char* data, ssize_t size) const {
    while (size > 0 && !ending_) {
      const auto written = send(socket, data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (written < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (written < 0) {
        pollfd waited{socket, POLLOUT, 0};
        poll(&waited, 1, 20);
      } else {
        data += written;
        size -= written;
      }
    }
    return true;
  }

  const std::string server_;
  std::string folder_;
  int listener_ = -1;
  std::atomic<bool> ending_ = false;
  std::atomic<bool> away_ = false;
  std::atomic<int> passing_ = 0;
  std::atomic<fault> fault_ = fault::none;
  std::atomic<std::size_t> to_client_ = 0;
  std::list<std::thread> connections_;  // touched by the acceptor only, until that has ended
  std::thread acceptor_;
};

}  // namespace support
