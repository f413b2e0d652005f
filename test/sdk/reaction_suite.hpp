// The suite that the reactions of every log have to pass. Its cases are spread over reaction_suite_*.cpp by subject.
#pragma once

#include "shop.hpp"
#include "store_factories.hpp"

#include <dcb/dcb.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace reaction {

using shop::Event;
using shop::Opened;
using shop::Paid;
using shop::ShopClosed;
using shop::Spent;
using positions = std::vector<std::int64_t>;

// What a runner tells, kept.
struct told final : dcb::runner_observer {
  void batch_applied(const dcb::batch_report& r) noexcept override { note([&] { batches.push_back(r.events); }); }
  void status(const dcb::subscription_status& r) noexcept override { note([&] { lags[r.name] = r.lag_events; }); }
  void failed(const dcb::failure_report& r) noexcept override { note([&] { failures.emplace_back(r.position, r.attempt); }); }
  void parked(const dcb::failure_report& r) noexcept override { note([&] { parked_at.push_back(r.position); }); }
  void stopped(const dcb::reaction_place&, std::string_view reason) noexcept override { note([&] { stops.emplace_back(reason); }); }
  void refused(const dcb::reaction_place&, std::int64_t, std::string_view reason) noexcept override { note([&] { refusals.emplace_back(reason); }); }
  void repeated(const dcb::reaction_place&, std::int64_t position) noexcept override { note([&] { repetitions.push_back(position); }); }
  void lost(const dcb::reaction_place&, std::string_view reason) noexcept override { note([&] { losses.emplace_back(reason); }); }
  void rebuilding(const dcb::rebuild_report& r) noexcept override { note([&] { rebuilt.push_back(r.events); }); }
  void swapped(const dcb::reaction_place&, std::string_view replaced, std::int64_t) noexcept override { note([&] { swaps.emplace_back(replaced); }); }
  void disconnected(std::string_view, std::string_view reason) noexcept override { note([&] { disconnections.emplace_back(reason); }); }

  template <class Look>
  auto look(Look&& at) {
    const std::scoped_lock lock{mutex_};
    return at(*this);
  }

  std::vector<std::int64_t> batches{}, parked_at{}, repetitions{}, rebuilt{};
  std::map<std::string, std::int64_t> lags{};
  std::vector<std::pair<std::int64_t, int>> failures{};
  std::vector<std::string> stops{}, refusals{}, losses{}, swaps{}, disconnections{};

 private:
  template <class What>
  void note(What&& what) {
    const std::scoped_lock lock{mutex_};
    what();
  }
  std::mutex mutex_;
};

}  // namespace reaction

// A store with a table of effects: rows on a server, remembered statements in memory.
class reaction_test : public testing::TestWithParam<log_factory> {
 protected:
  using Event = shop::Event;

  void SetUp() override {
    auto in = log->reactions().begin(std::chrono::seconds{30});
    in.exec("CREATE TABLE " + table() + " (n bigserial, subscription text, position bigint)");
    in.commit();
  }

  std::string table() const { return std::string{log->reactions().name()} + ".effect"; }
  std::string insert() const { return "INSERT INTO " + table() + " (subscription, position) VALUES ($1, $2)"; }

  // The positions that a subscription has noted, in the order in which it did.
  reaction::positions effects(const std::string& subscription) {
    reaction::positions found;
    if (const auto memory = dynamic_cast<dcb::raw_memory_store*>(log.get())) {
      for (const auto& each : memory->statements())
        if (each.sql == insert() && each.params.at(0) == subscription) found.push_back(std::stoll(each.params.at(1).value()));
      return found;
    }
    auto in = log->reactions().begin(std::chrono::seconds{30});
    for (const auto& row : in.exec("SELECT position FROM " + table() + " WHERE subscription = $1 ORDER BY n", subscription))
      found.push_back(std::stoll(row.at(0).value()));
    return found;
  }

  dcb::subscription_status status(const std::string& name) { return log->reactions().status(name).at(0); }

  std::unique_ptr<dcb::event_log> log = GetParam().make();
  typed_log<Event> store{*log};
  reaction::told told;
  dcb::runner_options watched() { return {.watch = &told}; }
};
