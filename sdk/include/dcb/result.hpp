#pragma once

#include <dcb/error.hpp>

#include <concepts>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace dcb::inline v0 {

/// What a call answered, or the `error` that it would have thrown: the answer of the `try_` twins. Thread safety: a value; copies share the error.
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;

  result(T value) : value_(std::move(value)) {}
  /// In a handler only: of the error that is being handled.
  static result caught(const dcb::error& handled) { return result{&handled, std::current_exception()}; }

  explicit operator bool() const noexcept { return value_.has_value(); }
  /// Throws the error, as what it was, if there is no value.
  const T& value() const& { return rethrow_error(), *value_; }
  T&& value() && { return rethrow_error(), *std::move(value_); }
  /// Only with a value.
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return *std::move(value_); }
  const T* operator->() const noexcept { return &*value_; }

  /// Only without a value.
  const dcb::error& error() const noexcept { return *error_; }
  /// The error if it is of this class: `answer.template error_as<dcb::conflict>()`. nullptr if it is not, and with a value.
  template <std::derived_from<dcb::error> Error>
  const Error* error_as() const noexcept {
    return dynamic_cast<const Error*>(error_);
  }

 private:
  result(const dcb::error* handled, std::exception_ptr kept) : kept_(std::move(kept)), error_(handled) {}
  void rethrow_error() const {
    if (kept_) std::rethrow_exception(kept_);
  }

  std::optional<T> value_{};
  std::exception_ptr kept_{};           // owns what error_ points at, whatever class it is of
  const dcb::error* error_ = nullptr;
};

/// Calls, and turns an `error` of the SDK into a result. Other exceptions pass.
template <std::invocable Call>
auto try_call(Call&& call) -> result<std::remove_cvref_t<std::invoke_result_t<Call>>> {
  using answer = result<std::remove_cvref_t<std::invoke_result_t<Call>>>;
  try {
    return answer{std::forward<Call>(call)()};
  } catch (const error& failure) {
    return answer::caught(failure);
  }
}

}  // namespace dcb::inline v0
