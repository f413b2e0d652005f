/// The SDK for coroutines on Asio: component `asio`, target `dcb::asio`. Not part of dcb/dcb.hpp.
///
///   asio::awaitable<void> shop(dcb::async_decision_maker<ShopEvent> maker) {
///     const auto made = co_await maker.async_make(ApplyCoupon{"ann", "c1"});
///   }
///
/// Every call is the blocking one, driven as a dcb::operation by the coroutine's executor: no thread is made, and none is blocked. A call that is
/// cancelled through Asio (`co_await (call || timer)`) is stopped as by a stop token, unless it was given one. The store must outlive its calls.
#pragma once

#include <dcb/decision.hpp>
#include <dcb/event_store.hpp>
#include <dcb/operation.hpp>

#include <asio.hpp>

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#ifndef ASIO_HAS_CO_AWAIT
#error "dcb/asio.hpp needs a compiler whose coroutines Asio can use: g++ 11 or clang++ 15 and later"
#endif

namespace dcb::inline v0 {

// An operation that an executor's reactor goes on with. All of it happens in the strand, one thing at a time.
class asio_operation : public std::enable_shared_from_this<asio_operation> {
 public:
  using done_function = std::function<void(std::exception_ptr)>;

  asio_operation(const ::asio::any_io_executor& executor, std::function<void(std::stop_token)> work, done_function done)
      : strand_(::asio::make_strand(executor)), socket_(strand_), timer_(strand_), done_(std::move(done)), work_(std::move(work)) {}
  asio_operation(const asio_operation&) = delete;
  asio_operation& operator=(const asio_operation&) = delete;
  ~asio_operation() { let_go(); }

  void start() {
    const auto woken = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) ::asio::post(self->strand_, [self] { self->go_on(self->turn_); });
    };
    operation_.emplace([this] { work_(stop_.get_token()); }, woken);
    ::asio::dispatch(strand_, [self = shared_from_this()] { self->go_on(self->turn_); });
  }
  void stop() noexcept { stop_.request_stop(); }

 private:
  // What was waited for in an earlier turn may still call, and so may those who wake.
  void go_on(std::uint64_t turn) {
    if (!operation_ || turn != turn_) return;
    ++turn_;
    let_go();
    try {
      if (!operation_->on_ready()) return wait();
    } catch (...) {
      return end(std::current_exception());
    }
    end(nullptr);
  }

  void wait() {
    const auto& wanted = operation_->wanted();
    const auto ready = [self = shared_from_this(), turn = turn_](auto...) { self->go_on(turn); };
    if (wanted.socket >= 0) {
      socket_.assign(wanted.socket);
      if (wanted.readable) socket_.async_wait(socket_.wait_read, ready);
      if (wanted.writable) socket_.async_wait(socket_.wait_write, ready);
    }
    if (wanted.until) {
      timer_.expires_at(*wanted.until);
      timer_.async_wait(ready);
    }
  }

  // The socket is the connection's, not ours to close.
  void let_go() {
    if (socket_.is_open()) socket_.release();
    timer_.cancel();
  }

  void end(std::exception_ptr failure) {
    operation_.reset();
    std::exchange(done_, nullptr)(std::move(failure));
  }

  ::asio::strand<::asio::any_io_executor> strand_;
  ::asio::posix::basic_stream_descriptor<::asio::strand<::asio::any_io_executor>> socket_;
  ::asio::basic_waitable_timer<std::chrono::steady_clock, ::asio::wait_traits<std::chrono::steady_clock>, ::asio::strand<::asio::any_io_executor>> timer_;
  std::uint64_t turn_ = 0;
  std::stop_source stop_{};
  done_function done_;  // owns the caller's frame, to which the work refers: goes after the operation
  std::function<void(std::stop_token)> work_;
  std::optional<operation> operation_{};
};

/// Does work with any calls of the SDK in it without blocking a thread; for every completion token of Asio, with the signature
/// void(std::exception_ptr). The stop token is triggered when Asio cancels the operation.
template <class CompletionToken = ::asio::use_awaitable_t<>>
auto async_run(const ::asio::any_io_executor& executor, std::function<void(std::stop_token)> work, CompletionToken&& token = {}) {
  return ::asio::async_initiate<CompletionToken, void(std::exception_ptr)>(
      [](auto handler, ::asio::any_io_executor on, std::function<void(std::stop_token)> its_work) {
        struct waiting {  // std::function wants copies
          decltype(handler) its_handler;
          ::asio::executor_work_guard<::asio::associated_executor_t<decltype(handler), ::asio::any_io_executor>> guard;
        };
        auto slot = ::asio::get_associated_cancellation_slot(handler);
        auto guard = ::asio::make_work_guard(handler, on);
        const auto kept = std::make_shared<waiting>(waiting{std::move(handler), std::move(guard)});
        const auto done = [kept](std::exception_ptr failure) {
          ::asio::dispatch(kept->guard.get_executor(), [kept, failure] { std::move(kept->its_handler)(failure); });
        };
        const auto begun = std::make_shared<asio_operation>(on, std::move(its_work), done);
        if (slot.is_connected())
          slot.assign([weak = std::weak_ptr{begun}](::asio::cancellation_type) {
            if (const auto self = weak.lock()) self->stop();
          });
        begun->start();
      },
      token, executor, std::move(work));
}

/// Makes a call, which may take the stop token, and answers what it answers: `co_await dcb::async_call([&] { return store.head(); })`. Several calls
/// of a transaction belong into one.
template <class Call>
requires(std::invocable<Call&> || std::invocable<Call&, std::stop_token>) auto async_call(Call call) {
  const auto invoke = [](Call& its_call, const std::stop_token& stop) -> decltype(auto) {
    if constexpr (std::invocable<Call&, std::stop_token>)
      return its_call(stop);
    else
      return its_call();
  };
  using Answer = std::decay_t<decltype(invoke(call, {}))>;
  return [](Call its_call, auto its_invoke) -> ::asio::awaitable<Answer> {
    const auto executor = co_await ::asio::this_coro::executor;
    if constexpr (std::is_void_v<Answer>) {
      co_await async_run(executor, [&](std::stop_token stop) { its_invoke(its_call, stop); });
    } else {
      std::optional<Answer> answer;
      co_await async_run(executor, [&](std::stop_token stop) { answer.emplace(its_invoke(its_call, stop)); });
      co_return std::move(*answer);
    }
  }(std::move(call), invoke);
}

inline call_options stopped_by(std::stop_token stop, call_options call) {
  if (!call.stop.stop_possible()) call.stop = std::move(stop);
  return call;
}
inline append_options stopped_by(std::stop_token stop, append_options options) {
  options.call = stopped_by(std::move(stop), std::move(options.call));
  return options;
}

/// The calls of a store, to be awaited. What they take is copied or moved. Thread safety: a value; the store must outlive it.
template <class Event>
class async_store {
 public:
  explicit async_store(const event_store<Event>& store) : store_(&store) {}

  /// See `event_store`.
  auto async_append(std::vector<Event> events, append_options options = {}) const {
    return async_call([store = store_, events = std::move(events), options = std::move(options)](std::stop_token stop) {
      return store->append(events, stopped_by(stop, options));
    });
  }
  template <class... E>
  requires(sizeof...(E) > 0 && (has_alternative<Event, std::remove_cvref_t<E>> && ...)) auto async_append(E&&... events) const {
    std::vector<Event> all;
    (all.emplace_back(std::forward<E>(events)), ...);
    return async_append(std::move(all));
  }
  auto async_append_if(std::vector<Event> events, append_condition condition, append_options options = {}) const {
    return async_call([store = store_, events = std::move(events), condition = std::move(condition), options = std::move(options)](std::stop_token stop) {
      return store->append_if(events, condition, stopped_by(stop, options));
    });
  }
  /// The sink is called within the call, hence not concurrently; it must not block.
  template <std::invocable<const recorded<Event>&> Sink>
  auto async_read(event_query query, read_options options, Sink sink, call_options call = {}) const {
    return async_call([store = store_, query = std::move(query), options, sink = std::move(sink), call = std::move(call)](std::stop_token stop) mutable {
      return store->read(query, options, sink, stopped_by(stop, call));
    });
  }
  /// All of them at once: for few.
  auto async_read(event_query query = event_query::all(), read_options options = {}, call_options call = {}) const {
    return async_call([store = store_, query = std::move(query), options, call = std::move(call)](std::stop_token stop) {
      std::vector<recorded<Event>> all;
      store->read(
          query, options, [&](const recorded<Event>& event) { all.push_back(event); }, stopped_by(stop, call));
      return all;
    });
  }
  /// The state after its events, and the position that the read vouches for.
  template <class States>
  auto async_load(States states, std::int64_t after = 0, call_options call = {}) const {
    return async_call([store = store_, states = std::move(states), after, call = std::move(call)](std::stop_token stop) mutable {
      const auto position = store->load(states, after, stopped_by(stop, call));
      return std::pair{std::move(states), position};
    });
  }
  auto async_head(call_options call = {}) const {
    return async_call([store = store_, call = std::move(call)](std::stop_token stop) { return store->head(stopped_by(stop, call)); });
  }

 private:
  const event_store<Event>* store_;
};

/// Makes decisions that are awaited. Thread safety: a value; the store of the decision maker must outlive it.
template <class Event>
class async_decision_maker {
 public:
  explicit async_decision_maker(decision_maker<Event> maker) : maker_(std::move(maker)) {}

  /// See `decision_maker::make`.
  template <class Decision>
  auto async_make(Decision decision, append_options options = {}) const {
    return async_call([maker = maker_, decision = std::move(decision), options = std::move(options)](std::stop_token stop) {
      return maker.make(decision, stopped_by(stop, options));
    });
  }

 private:
  decision_maker<Event> maker_;
};

}  // namespace dcb::inline v0
