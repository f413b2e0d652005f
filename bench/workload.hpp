#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "company.hpp"
#include "loop.hpp"

namespace bench {

struct contender {
  std::string label;
  server* where;
  way_ptr what;
  int clients;
  std::function<void()> before = nullptr;  // each round, outside of the clock
  invite beside = nullptr;                 // what goes on meanwhile
};

enum class figure {
  operations,  // per second
  events,      // appended per second
  p50,         // of the latency
  p99,
  conflicts,   // in all rounds
  least_share  // operations of the client that got through least often, against those of the average one
};

// One contender against another, round by round, or its figure alone when there is no other.
struct comparison {
  std::string of, with;
  figure by = figure::operations;
  std::string target = {};  // in words; empty when the ratio is shown for information
  std::optional<double> at_least = {}, at_most = {};
};

struct workload {
  std::string title, text;
  std::vector<contender> contenders;
  std::vector<comparison> comparisons;
  // Workloads of one plot are its points from left to right, the contenders its lines.
  std::string plot = {}, x = {};
  figure y = figure::operations;
  double longer = 1;  // than other workloads' rounds
};

// Smallest, middle and largest of the rounds.
struct spread_of {
  double min = 0, median = 0, max = 0;
};
spread_of summarize(std::vector<double> values);

struct outcome {
  workload what;
  std::vector<std::vector<measurement>> rounds;  // by contender

  std::size_t index_of(const std::string& label) const;
  spread_of figure_of(std::size_t contender, figure by) const;
  spread_of compare(const comparison& how) const;
};
double figure_of(const measurement& round, const contender& who, figure by);

// A target with what came of it.
struct verdict {
  std::string target, figure;
  bool met;
};
std::vector<verdict> verdicts(const outcome& of);

struct pace {
  int rounds = 3;
  double warm_up = 0.3, seconds = 1;
};
// The contenders take turns, in another order each round.
outcome run(workload what, const pace& how, random_numbers& random);

}  // namespace bench
