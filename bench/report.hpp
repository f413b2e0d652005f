#pragma once

#include <string>
#include <vector>

#include "workload.hpp"
#include "workloads.hpp"

namespace bench {

struct report {
  std::vector<std::pair<std::string, std::string>> facts;  // of machine, server and run
  std::vector<outcome> outcomes;
  std::vector<space> space_filled, space_after;
  double content_bytes = 0;  // of an event
};

// Writes `folder`/`name`.md, a plot `name`-….svg for each series of workloads, and `name`.tsv with every round.
void write(const report& what, const std::string& folder, const std::string& name);

// A chart of lines over the same points, with a logarithmic scale upwards.
struct chart {
  std::string title, x_title, y_title;
  std::vector<std::string> points;
  struct line {
    std::string label;
    std::vector<spread_of> values;  // one for each point; a median of 0 leaves it out
  };
  std::vector<line> lines;
};
std::string svg(const chart& of);

}  // namespace bench
