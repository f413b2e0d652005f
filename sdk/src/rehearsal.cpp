#include <dcb/rehearsal.hpp>

#include <utility>

namespace dcb::inline v0 {

std::string listed(const std::vector<raw_memory_store::executed>& statements) {
  if (statements.empty()) return "no statement";
  std::string text;
  for (const auto& each : statements) {
    if (!text.empty()) text += "\n            ";
    text += each.sql;
    for (const auto& param : each.params) (text += " | ") += param.value_or("NULL");
  }
  return text;
}

strict_observer::strict_observer() = default;
strict_observer::~strict_observer() = default;

void strict_observer::failed(const failure_report& report) noexcept {
  if (!failure_)
    failure_ = "a failure of " + std::string{report.where.subscription} + " at position " + std::to_string(report.position) + ": " +
               std::string{report.reason};
}
void strict_observer::stopped(const reaction_place& where, std::string_view reason) noexcept {
  if (!failure_) failure_ = std::string{where.subscription} + " stopped: " + std::string{reason};
}
void strict_observer::disconnected(std::string_view, std::string_view reason) noexcept {
  if (!failure_) failure_ = std::string{reason};
}

void strict_observer::check() {
  if (const auto failure = std::exchange(failure_, std::nullopt)) throw expectation_failed{"\n  " + *failure};
}

}  // namespace dcb::inline v0
