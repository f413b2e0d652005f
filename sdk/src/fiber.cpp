#include "fiber.hpp"

#include <cxxabi.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define DCB_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DCB_ADDRESS_SANITIZER
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__
#endif
#endif
#ifdef DCB_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace dcb::inline v0 {
namespace {

// With a page below it that may not be touched: what grows too large is a fault, not somebody else's memory.
class stack {
 public:
  explicit stack(std::size_t bytes) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))), size_((bytes + page_ - 1) / page_ * page_) {
    mapped_ = mmap(nullptr, page_ + size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapped_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "no memory for a stack");
    if (mprotect(mapped_, page_, PROT_NONE) != 0) {
      const int reason = errno;
      munmap(mapped_, page_ + size_);
      throw std::system_error(reason, std::generic_category(), "no guard for a stack");
    }
  }
  stack(const stack&) = delete;
  stack& operator=(const stack&) = delete;
  ~stack() { munmap(mapped_, page_ + size_); }

  void* begin() const { return static_cast<char*>(mapped_) + page_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t page_, size_;
  void* mapped_;
};

// The exceptions being handled are kept by the thread, while a fiber that is left in a handler may go on in another one: each has its own.
// Laid out by the C++ ABI.
struct exceptions {
  void* caught = nullptr;
  unsigned uncaught = 0;
};

// What the sanitizers have to know: which stack is being used.
#ifdef DCB_ADDRESS_SANITIZER
void to_stack(void** left, const void* begin, std::size_t size) { __sanitizer_start_switch_fiber(left, begin, size); }
void on_stack(void* left, const void** begin, std::size_t* size) { __sanitizer_finish_switch_fiber(left, begin, size); }
#else
void to_stack(void**, const void*, std::size_t) {}
void on_stack(void*, const void**, std::size_t*) {}
#endif

}  // namespace

struct fiber::impl {
  impl(std::function<void()> what, std::size_t stack_bytes) : function(std::move(what)), own(stack_bytes) {
#ifdef __SANITIZE_THREAD__
    thread = __tsan_create_fiber(0);
#endif
  }
#ifdef __SANITIZE_THREAD__
  ~impl() { __tsan_destroy_fiber(thread); }
  void *thread = nullptr, *outer_thread = nullptr;
#endif

  std::function<void()> function;
  stack own;
  ucontext_t inside{}, outside{};
  exceptions kept{};  // the fiber's, while it is left
  bool begun = false, returned = false;

  void *left_outside = nullptr, *left_inside = nullptr;
  const void* outer_begin = nullptr;
  std::size_t outer_size = 0;

  // makecontext passes integers.
  static void begin(unsigned high, unsigned low) {
    auto* const self = reinterpret_cast<impl*>(std::uintptr_t{high} << 32 | low);
    on_stack(nullptr, &self->outer_begin, &self->outer_size);
    self->function();
    self->returned = true;
    self->back(nullptr);
  }

  void into() {
    to_stack(&left_outside, own.begin(), own.size());
#ifdef __SANITIZE_THREAD__
    outer_thread = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(thread, 0);
#endif
    swapcontext(&outside, &inside);
    on_stack(left_outside, nullptr, nullptr);
  }

  void back(void** left) {
    to_stack(left, outer_begin, outer_size);
#ifdef __SANITIZE_THREAD__
    __tsan_switch_to_fiber(outer_thread, 0);
#endif
    swapcontext(&inside, &outside);
    if (left) on_stack(*left, &outer_begin, &outer_size);
  }
};

fiber::fiber(std::function<void()> function, std::size_t stack_bytes) : impl_(std::make_unique<impl>(std::move(function), stack_bytes)) {}
fiber::~fiber() = default;

bool fiber::enter() {
  impl& f = *impl_;
  if (!std::exchange(f.begun, true)) {
    getcontext(&f.inside);
    f.inside.uc_stack.ss_sp = f.own.begin();
    f.inside.uc_stack.ss_size = f.own.size();
    const auto self = reinterpret_cast<std::uintptr_t>(&f);
    makecontext(&f.inside, reinterpret_cast<void (*)()>(impl::begin), 2, static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  }
  auto& current = *reinterpret_cast<exceptions*>(abi::__cxa_get_globals());
  const auto outer = std::exchange(current, f.kept);
  f.into();
  f.kept = std::exchange(current, outer);
  return f.returned;
}

void fiber::leave() { impl_->back(&impl_->left_inside); }

}  // namespace dcb::inline v0
