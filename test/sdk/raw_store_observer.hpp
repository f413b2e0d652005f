#pragma once

// An observer that writes down what it is told.

#include "raw_store_support.hpp"

#include <algorithm>
#include <mutex>

namespace support {

class notes : public dcb::observer {
 public:
  void connection_opened(const dcb::connection_report& r) noexcept override { note("opened", r); }
  void connection_closed(const dcb::connection_report& r) noexcept override { note("closed", r); }
  void connection_failed(const dcb::connection_report& r) noexcept override { note("failed", r); }
  void call_done(const dcb::call_report& r) noexcept override {
    note(std::string{r.call} + (r.failure ? " failed " + std::string{r.failure->sqlstate()} : " done"));
    if (r.duration <= std::chrono::nanoseconds{0}) note("a call without duration");
  }
  void retried(const dcb::retry_report& r) noexcept override { note("retry " + std::string{r.call} + " " + std::to_string(r.attempt)); }
  void in_doubt_resolved(const dcb::call_report& r) noexcept override {
    note("resolved " + std::string{r.call} + (r.failure ? " " + std::string{r.failure->sqlstate()} : ""));
  }

  std::vector<std::string> all() const {
    const std::lock_guard lock{mutex_};
    return lines_;
  }
  std::ptrdiff_t count(const std::string& line) const {
    const auto lines = all();
    return std::count(lines.begin(), lines.end(), line);
  }
  void await(const std::string& line, std::ptrdiff_t times) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (count(line) < times) {
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("never came: " + line);
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
  }

 private:
  void note(const char* what, const dcb::connection_report& r) {
    std::string line = what;
    if (r.reader) line = "reader " + line;
    if (line.ends_with("closed")) line += ": " + std::string{r.reason};
    note(line);
  }
  void note(std::string line) {
    const std::lock_guard lock{mutex_};
    lines_.push_back(std::move(line));
  }

  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace support
