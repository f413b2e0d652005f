// The suite that every log of events has to pass. Its cases are spread over store_suite_*.cpp by subject.
#pragma once

#include "store_factories.hpp"

#include <dcb/dcb.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

class log_test : public testing::TestWithParam<log_factory> {
 protected:
  using positions = std::vector<std::int64_t>;
  using strings = std::vector<std::string>;

  std::int64_t append(std::vector<dcb::new_event> events, const dcb::call_options& call = {}) { return log->append(events, {}, call); }
  std::int64_t append(std::string type, strings tags = {}) { return append({{.type = std::move(type), .tags = std::move(tags)}}); }
  std::int64_t append_if(std::string type, strings tags, dcb::event_query query, std::int64_t after, const dcb::call_options& call = {}) {
    const std::vector<dcb::new_event> events{{.type = std::move(type), .tags = std::move(tags)}};
    return log->append(events, dcb::append_condition{std::move(query), after}, call);
  }

  std::vector<dcb::recorded_event> events(const dcb::event_query& query = dcb::event_query::all(), const dcb::read_options& options = {}) {
    std::vector<dcb::recorded_event> all;
    log->read(query, options, [&](const dcb::recorded_event& event) { return all.push_back(event), true; });
    return all;
  }
  positions found(const dcb::event_query& query = dcb::event_query::all(), const dcb::read_options& options = {}) {
    positions all;
    for (const auto& event : events(query, options)) all.push_back(event.position);
    return all;
  }

  static dcb::event_query types(strings types) { return dcb::query_item{.types = std::move(types)}; }
  static dcb::event_query tags(strings tags) { return dcb::query_item{.tags = std::move(tags)}; }

  std::unique_ptr<dcb::event_log> log = GetParam().make();
};
