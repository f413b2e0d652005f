#include "workload.hpp"

#include <algorithm>
#include <iostream>
#include <memory>
#include <numeric>

#include "text.hpp"

namespace bench {

spread_of summarize(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  const auto median = values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

double figure_of(const measurement& round, const contender& who, figure by) {
  const auto operations = static_cast<double>(round.operations);
  switch (by) {
    case figure::operations: return round.per_second;
    case figure::events: return round.per_second * static_cast<double>(round.counts.events) / operations;
    case figure::p50: return static_cast<double>(round.latency.percentile(0.5));
    case figure::p99: return static_cast<double>(round.latency.percentile(0.99));
    case figure::conflicts: return static_cast<double>(round.counts.conflicts);
    case figure::least_share: return static_cast<double>(round.fewest) * who.clients / operations;
  }
  return 0;
}

std::size_t outcome::index_of(const std::string& label) const {
  for (std::size_t i = 0; i < what.contenders.size(); ++i)
    if (what.contenders[i].label == label) return i;
  throw std::logic_error("no contender \"" + label + "\" in \"" + what.title + '"');
}

spread_of outcome::figure_of(std::size_t contender, figure by) const {
  std::vector<double> values;
  for (const auto& round : rounds[contender]) values.push_back(bench::figure_of(round, what.contenders[contender], by));
  return summarize(values);
}

spread_of outcome::compare(const comparison& how) const {
  const auto of = index_of(how.of);
  if (how.with.empty()) return figure_of(of, how.by);
  const auto with = index_of(how.with);
  std::vector<double> ratios;
  for (std::size_t i = 0; i < rounds[of].size(); ++i)
    ratios.push_back(bench::figure_of(rounds[of][i], what.contenders[of], how.by) / bench::figure_of(rounds[with][i], what.contenders[with], how.by));
  return summarize(ratios);
}

std::vector<verdict> verdicts(const outcome& of) {
  std::vector<verdict> all;
  for (const auto& how : of.what.comparisons) {
    if (how.target.empty()) continue;
    const auto result = of.compare(how);
    if (how.by == figure::conflicts) {
      std::uint64_t conflicts = 0, operations = 0;
      for (const auto& round : of.rounds[of.index_of(how.of)]) {
        conflicts += round.counts.conflicts;
        operations += round.operations;
      }
      all.push_back({how.target, std::to_string(conflicts) + " in " + readable(static_cast<double>(operations)), conflicts == 0});
      continue;
    }
    const bool met = (!how.at_least || result.median >= *how.at_least) && (!how.at_most || result.median <= *how.at_most);
    const bool is_latency = how.with.empty() && (how.by == figure::p50 || how.by == figure::p99);
    all.push_back({how.target, is_latency ? milliseconds(result.median) + " ms (" + milliseconds(result.min) + "–" + milliseconds(result.max) + ")" : ratio(result), met});
  }
  return all;
}

outcome run(workload what, const pace& how, random_numbers& random) {
  outcome result{std::move(what), {}};
  const auto& contenders = result.what.contenders;
  result.rounds.resize(contenders.size());
  std::vector<std::size_t> order(contenders.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::cerr << result.what.title << std::flush;
  for (int round = 0; round < how.rounds; ++round) {
    std::ranges::shuffle(order, random);
    for (const auto i : order) {
      const auto& who = contenders[i];
      if (who.before) who.before();
      const auto beside = who.beside ? who.beside(*who.where) : nullptr;
      result.rounds[i].push_back(run_round(*who.where, *who.what, who.clients, how.warm_up, how.seconds * result.what.longer));
      std::cerr << '.' << std::flush;
    }
  }
  std::cerr << '\n';
  return result;
}

}  // namespace bench
