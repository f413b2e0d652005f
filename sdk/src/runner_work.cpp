#include "runner_work.hpp"

#include "runner_effects.hpp"

#include <dcb/error.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace dcb::inline v0 {
namespace {

using namespace std::chrono_literals;

constexpr int most_collisions = 30;
constexpr auto between_reports = 5s;

std::chrono::milliseconds doubled(std::chrono::milliseconds first, std::chrono::milliseconds longest, int attempt) {
  return std::min(longest, first * (std::int64_t{1} << std::clamp(attempt - 1, 0, 20)));
}

std::chrono::milliseconds up_to(std::chrono::milliseconds bound) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{0, bound.count()}(random)};
}

std::chrono::microseconds age(const recorded_event& event) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now() - event.recorded_at);
}

}  // namespace

partition_work::partition_work(const work_context& context, subscriber& by, held_partition held)
    : context_(context), by_(by), held_(held), replaces_(!by.settings().replaces.empty()), most_(by.settings().batch_size) {}

work_outcome partition_work::run() noexcept {
  try {
    return batch();
  } catch (...) {
    try {
      return recover(std::current_exception());
    } catch (const std::exception& while_recovering) {
      return disconnected(while_recovering.what());
    }
  }
}

work_outcome partition_work::batch() {
  phase_ = phase::fetching;
  began_ = std::chrono::steady_clock::now();
  done_ = 0;
  polled_ = context_.store.poll(by_.name(), held_, most_);
  first_ = current_ = 0;
  if (polled_.events.empty()) {
    if (polled_.upto > checkpoint_) {
      auto in = context_.store.begin(context_.idle);
      commit(in, polled_.upto, 0);
    }
    disconnections_ = 0;
    if (replaces_ && !step_into_place()) return {work_outcome::what::later, 50ms};
    return {work_outcome::what::idle};
  }
  if (by_.settings().transactional)
    handle_in_transactions();
  else
    handle_outside();
  most_ = std::min(by_.settings().batch_size, 2 * most_);
  collisions_ = disconnections_ = 0;
  phase_ = phase::fetching;
  if (replaces_ && std::chrono::steady_clock::now() >= told_ + between_reports) tell_progress(own_status().head);
  return {work_outcome::what::more, 0ms, done_};
}

// One transaction, unless a process manager does something: its next decision has to see that.
void partition_work::handle_in_transactions() {
  const auto& events = polled_.events;
  while (first_ < events.size()) {
    phase_ = phase::handling;
    auto in = context_.store.begin(context_.idle);
    for (current_ = first_;; ++current_) {
      const auto& event = events[current_];
      const bool full = handle_in(in, by_, context_.store, event, where(), context_.watch, event.position == appended_before_);
      if (full || current_ + 1 == events.size()) break;
    }
    commit(in, current_ + 1 == events.size() ? polled_.upto : events[current_].position, current_ + 1);
  }
}

// Once for each event at least: what was done before one that fails is noted.
void partition_work::handle_outside() {
  const auto& events = polled_.events;
  const auto note = [&](std::int64_t position, std::size_t upto_index) {
    auto in = context_.store.begin(context_.idle);
    commit(in, position, upto_index);
  };
  for (; current_ < events.size(); ++current_) {
    phase_ = phase::handling;
    try {
      by_.react(events[current_], meta_for(by_, events[current_]));
    } catch (...) {
      if (current_ > first_) note(events[current_ - 1].position, current_);
      phase_ = phase::handling;
      throw;
    }
  }
  current_ = events.size() - 1;
  note(polled_.upto, events.size());
}

// Commits what was done with the events before the index, and the checkpoint.
void partition_work::commit(transaction& in, std::int64_t position, std::size_t upto_index) {
  phase_ = phase::committing;
  context_.store.checkpoint(in, by_.name(), held_, position);
  in.commit();
  checkpoint_ = position;
  const auto count = static_cast<std::int64_t>(upto_index - first_);
  first_ = upto_index;
  if (count == 0) return;
  done_ += count;
  handled_ += count;
  failing_ = attempts_ = 0;
  appended_before_ = 0;
  const auto& last = polled_.events[upto_index - 1];
  context_.watch.batch_applied({.where = where(),
                                .events = count,
                                .position = position,
                                .duration = std::chrono::steady_clock::now() - began_,
                                .age = age(last)});
  began_ = std::chrono::steady_clock::now();
}

// True once nothing is left to be replaced.
bool partition_work::step_into_place() {
  const auto& replaced = by_.settings().replaces;
  phase_ = phase::fetching;
  const auto own = own_status();
  checkpoint_ = own.position;
  if (!context_.store.status(replaced).empty()) {
    auto in = context_.store.begin(context_.idle);
    if (!context_.store.supersede(in, replaced, by_.name(), context_.consumer)) return false;
    by_.swap(in);
    commit(in, checkpoint_, 0);
    tell_progress(own.head);
    context_.watch.swapped(where(), replaced, checkpoint_);
  }
  replaces_ = false;
  return true;
}

subscription_status partition_work::own_status() {
  for (auto& row : context_.store.status(by_.name()))
    if (row.partition == held_.partition) return std::move(row);
  throw error("the subscription is gone", {.sqlstate = "DCB13"});
}

void partition_work::tell_progress(std::int64_t head) {
  told_ = std::chrono::steady_clock::now();
  const std::chrono::duration<double> spent = told_ - since_;
  context_.watch.rebuilding({.where = where(),
                             .replaced = by_.settings().replaces,
                             .position = checkpoint_,
                             .head = head,
                             .events = handled_,
                             .per_second = static_cast<double>(handled_) / std::max(spent.count(), 1e-6)});
}

work_outcome partition_work::recover(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const error& e) {
    if (e.sqlstate() == "DCB11" && phase_ != phase::handling) {
      context_.watch.lost(where(), e.what());
      return {work_outcome::what::ended};
    }
    if (phase_ == phase::fetching && (e.sqlstate() == "DCB12" || e.sqlstate() == "DCB13")) {
      context_.watch.stopped(where(), e.what());
      return {work_outcome::what::ended};
    }
    if (phase_ == phase::committing && e.sqlstate() == "DCB07" && by_.settings().reacts && !polled_.events.empty() &&
        appended_before_ != polled_.events[current_].position) {
      appended_before_ = polled_.events[current_].position;
      context_.watch.repeated(where(), appended_before_);
      return {work_outcome::what::more};
    }
    // A transaction that was left idle for longer than the lease is the handler's failure.
    if (dynamic_cast<const connection_error*>(&e) && e.sqlstate() != "25P03") return disconnected(e.what());
    if (e.retryable() && ++collisions_ <= most_collisions) return {work_outcome::what::later, up_to(doubled(2ms, 500ms, collisions_))};
    std::string reason = e.what();
    if (!e.detail().empty()) (reason += " (") += std::string{e.detail()} + ')';
    return failed(reason);
  } catch (const std::exception& e) {
    return failed(e.what());
  } catch (...) {
    return failed("something that is no std::exception was thrown");
  }
}

work_outcome partition_work::failed(const std::string& reason) {
  const auto& policy = by_.settings().on_failure;
  if (phase_ == phase::fetching || polled_.events.empty()) {
    const auto wait = doubled(policy.first_wait, policy.longest_wait, ++attempts_);
    context_.watch.failed({.where = where(), .attempt = attempts_, .reason = reason, .wait = wait});
    return {work_outcome::what::later, wait};
  }
  // Events before it: they come first, alone. At a commit nobody knows which of several it was: half of them.
  if (current_ > first_) {
    const auto among = static_cast<int>(current_ - first_);
    most_ = phase_ == phase::committing ? (among + 1) / 2 : among;
    return {work_outcome::what::more, 0ms, done_};
  }
  most_ = 1;
  const auto position = polled_.events[current_].position;
  if (failing_ != position) attempts_ = 0;
  failing_ = position;
  ++attempts_;
  if (attempts_ >= policy.attempts) return give_up_on(reason);
  const auto wait = doubled(policy.first_wait, policy.longest_wait, attempts_);
  context_.watch.failed({.where = where(), .position = position, .attempt = attempts_, .reason = reason, .wait = wait});
  context_.store.fail(by_.name(), held_, reason, false);
  return {work_outcome::what::later, wait, done_};
}

work_outcome partition_work::give_up_on(const std::string& reason) {
  failure_report report{.where = where(), .position = failing_, .attempt = attempts_, .reason = reason};
  if (by_.settings().on_failure.then == failure_policy::last_resort::park) {
    report.then = failure_consequence::park;
    auto in = context_.store.begin(context_.idle);
    context_.store.park(in, by_.name(), held_, failing_, reason, attempts_);
    context_.store.checkpoint(in, by_.name(), held_, failing_);
    in.commit();
    context_.watch.parked(report);
    checkpoint_ = failing_;
    failing_ = attempts_ = 0;
    return {work_outcome::what::more, 0ms, done_};
  }
  report.then = failure_consequence::stop;
  context_.store.fail(by_.name(), held_, "position " + std::to_string(failing_) + ": " + reason, true);
  context_.watch.failed(report);
  context_.watch.stopped(where(), reason);
  return {work_outcome::what::ended, 0ms, done_};
}

work_outcome partition_work::disconnected(const char* reason) {
  context_.watch.disconnected(context_.store.name(), reason);
  return {work_outcome::what::later, doubled(50ms, 5'000ms, ++disconnections_)};
}

}  // namespace dcb::inline v0
