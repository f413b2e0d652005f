#pragma once

// A function on a stack of its own that can be left in the middle and entered again. Knows nothing of the SDK.

#include <cstddef>
#include <functional>
#include <memory>

namespace dcb::inline v0 {

/// To be entered by one thread at a time; the function must not keep the address of anything thread_local while it is left.
class fiber {
 public:
  /// `function` must not throw. Throws std::system_error.
  fiber(std::function<void()> function, std::size_t stack_bytes);
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;
  /// The function must have returned, or never been entered.
  ~fiber();

  /// From outside: begins the function or goes on with it. Answers whether it has returned.
  bool enter();
  /// From inside: back to the one who entered, until entered again.
  void leave();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace dcb::inline v0
