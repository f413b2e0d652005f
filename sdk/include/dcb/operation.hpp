#pragma once

#include <dcb/export.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

namespace dcb::inline v0 {

/// A piece of work with any calls of the SDK in it that never blocks the thread: where a call would wait, the work is put aside, and an event loop
/// goes on with it when that makes sense. The calls are the ordinary ones, on a stack of the operation's own; no thread is made.
///
///   dcb::operation op{[&] { store.append(ItemAdded{"ann", "tea", 2}); }, [&] { loop.post(…); }};
///   while (!op.on_ready()) …until op.wanted() is there…
///
/// What still blocks: a look-up of a host's name (give `hostaddr`), and the short connection by which libpq cancels a statement.
/// Thread safety: to be used by one thread at a time, which may change between two calls of on_ready.
class DCB_EXPORT operation {
 public:
  /// What an operation waits for: any of these, or to be woken.
  struct wish {
    int socket = -1;  ///< -1: none. It belongs to the operation and may be another one the next time
    bool readable = false, writable = false;
    std::optional<std::chrono::steady_clock::time_point> until{};
  };

  static constexpr std::size_t default_stack_bytes = 256 * 1024;

  /// `work` is begun by the first on_ready. `woken` is called when what the work waits for came from elsewhere, a connection given back by another call or
  /// a stop token: on_ready is to be called soon, but not from within. It may be called by any thread, at any time while the operation lives, and must not
  /// throw. Throws std::system_error if there is no memory for a stack.
  operation(std::function<void()> work, std::function<void()> woken, std::size_t stack_bytes = default_stack_bytes);
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  /// Unwinds work that is not done, by an exception that is no std::exception, from where it waits. A connection that it uses is closed;
  /// what it has sent may still take effect.
  ~operation();

  /// Begins the work or goes on with it, until it waits or is done. Answers whether it is done; too early a call does no harm. Throws what the work throws.
  bool on_ready();

  /// While it is not done.
  const wish& wanted() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace dcb::inline v0
