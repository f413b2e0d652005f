#include <dcb/observer.hpp>

#include <utility>

namespace dcb::inline v0 {
namespace {

std::string about(std::string_view what, const connection_report& report) {
  std::string line = "dcb " + std::string{report.store} + ": " + (report.reader ? "reader's connection " : "connection ") + std::string{what};
  if (!report.host.empty()) line += ", host " + std::string{report.host};
  if (!report.reason.empty()) line += ": " + std::string{report.reason};
  return line;
}

std::string about(std::string_view store, std::string_view call) { return "dcb " + std::string{store} + ": " + std::string{call}; }

std::string told(const error& failure) {
  std::string text = failure.what();
  if (!failure.sqlstate().empty()) text += " (" + std::string{failure.sqlstate()} + ")";
  return text;
}

}  // namespace

observer::~observer() = default;

logging_observer::logging_observer(std::function<void(std::string_view)> write) : write_(std::move(write)) {}
logging_observer::~logging_observer() = default;

void logging_observer::connection_opened(const connection_report& report) noexcept { write_(about("opened", report)); }
void logging_observer::connection_closed(const connection_report& report) noexcept { write_(about("closed", report)); }
void logging_observer::connection_failed(const connection_report& report) noexcept { write_(about("failed", report)); }

void logging_observer::call_done(const call_report& report) noexcept {
  if (!report.failure || dynamic_cast<const conflict*>(report.failure)) return;
  write_(about(report.store, report.call) + " failed" + (report.failure->in_doubt() ? ", in doubt: " : ": ") + told(*report.failure));
}

void logging_observer::retried(const retry_report& report) noexcept {
  write_(about(report.store, report.call) + " tried again after attempt " + std::to_string(report.attempt) + ": " + told(*report.reason));
}

void logging_observer::in_doubt_resolved(const call_report& report) noexcept {
  write_(about(report.store, report.call) + " was in doubt, now resolved: " + (report.failure ? told(*report.failure) : "stored"));
}

void logging_observer::snapshot_done(const snapshot_report& report) noexcept {
  if (!report.failure) return;
  write_("dcb: a snapshot of " + std::string{report.name} + " could not be " + (report.position > 0 ? "saved: " : "loaded: ") + told(*report.failure));
}

}  // namespace dcb::inline v0
