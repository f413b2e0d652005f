#include "checker.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace race {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

std::string text(std::int64_t number) { return std::to_string(number); }

class checker {
 public:
  explicit checker(const history& history) : history_(history), ranges_(history.operations.size()), places_(history.operations.size()) {}

  std::vector<std::string> run() {
    if (!check_log()) return found_;  // the rest is about a log without holes
    for (std::size_t i = 0; i < ranges_.size(); ++i)
      if (const auto* a = std::get_if<append>(&history_.operations[i].what)) find_place(i, *a);
    for (std::int64_t position = 1; position <= size(); ++position)
      if (owners_[position] == nobody) report("event " + text(position) + " is in the log, but nobody appended it");
    if (!found_.empty()) return found_;
    for (std::size_t i = 0; i < ranges_.size(); ++i)
      std::visit([&](const auto& what) { find_range(i, what); }, history_.operations[i].what);
    check_real_time();
    return found_;
  }

 private:
  // Lengths of the log at which an operation may have happened, and the length that it leaves at least.
  struct range {
    std::int64_t least = 0, most = std::numeric_limits<std::int64_t>::max(), leaves = 0;
  };

  // The first and the last of a transaction's events in the log; 0 if it has none there.
  struct place {
    std::int64_t first = 0, last = 0;
  };
  static constexpr std::size_t nobody = -1;

  void report(const std::string& what) { found_.push_back(what); }
  void report(std::size_t operation, const std::string& what) { report(history_.operations[operation].who + ": " + what); }

  bool check_log() {
    for (const auto& [position, event] : history_.log) {
      if (position != static_cast<std::int64_t>(log_.size()) + 1) report("hole: event " + text(position) + " follows " + text(log_.size()));
      if (!by_id_.emplace(event.id, position).second) report("event " + text(position) + " is in the log twice");
      log_.push_back(&event);
    }
    owners_.assign(log_.size() + 1, nobody);
    return found_.empty();
  }

  // Where in the log the events of an append are: all of them in one piece, or none.
  void find_place(std::size_t i, const append& a) {
    place& p = places_[i];
    for (const command& c : a.commands) {
      const bool stored = a.fate == fate::committed && c.outcome == outcome::appended;
      for (const event& e : c.events) {
        const auto at = by_id_.find(e.id);
        if (at == by_id_.end() && !stored) continue;
        if (at == by_id_.end()) return report(i, "lost: an event that was appended is not in the log");
        const std::int64_t position = at->second;
        if (!stored) return report(i, "event " + text(position) + " is in the log, though its append was not made");
        if (*log_[position - 1] != e) return report(i, "event " + text(position) + " is not what was appended");
        if (p.last != 0 && position != p.last + 1) return report(i, "torn: event " + text(position) + " comes after " + text(p.last));
        if (p.first == 0) p.first = position;
        p.last = position;
        owners_[position] = i;
      }
    }
  }

  // The first event that matches after `after`, in the log up to a length and own events behind that; 0 if there is none.
  std::int64_t first_match(const query& q, std::int64_t after, std::int64_t length, const std::vector<event>& own = {}) const {
    std::int64_t from = q.empty() ? length + own.size() : after;
    for (const item& item : q) from = std::min(from, item.after.value_or(after));
    for (std::int64_t position = from + 1; position <= length + static_cast<std::int64_t>(own.size()); ++position) {
      const event& e = position <= length ? *log_[position - 1] : own[position - length - 1];
      for (const item& item : q)
        if (position > item.after.value_or(after) && matches(item, e)) return position;
    }
    return 0;
  }

  // The length of the log before a transaction's first event, if there is such an event.
  std::optional<std::int64_t> length_before(std::size_t i, const append& a) const {
    if (places_[i].first != 0) return places_[i].first - 1;
    std::int64_t events = 0;
    for (const command& c : a.commands)
      if (c.outcome == outcome::appended) {
        events += c.events.size();
        if (c.position != 0) return c.position - events;
      }
    return {};
  }

  void find_range(std::size_t i, const append& a) {
    if (a.fate == fate::failed) return;
    const std::optional<std::int64_t> before = length_before(i, a);
    if (before && (*before < 0 || *before > size())) return report(i, "was answered a position that is not in the log");
    std::vector<event> own;
    for (const command& c : a.commands) {
      const std::int64_t match = first_match(c.condition, c.after, before.value_or(size()), own);
      if (c.outcome == outcome::appended) {
        if (before && match != 0) report(i, "lost update: appended after " + text(*before) + ", though " + text(match) + " matches its condition");
        own.insert(own.end(), c.events.begin(), c.events.end());
        const std::int64_t last = before.value_or(0) + static_cast<std::int64_t>(own.size());
        if (before && c.position != 0 && c.position != last) report(i, "was answered " + text(c.position) + ", but its last event is " + text(last));
      } else if (match == 0) {
        report(i, "false conflict: refused for " + text(c.position) + ", but nothing matches its condition");
      } else if (match != c.position) {
        report(i, "wrong conflict: refused for " + text(c.position) + ", but the first that matches is " + text(match));
      } else {
        ranges_[i].least = std::max(ranges_[i].least, c.position);
      }
    }
    if (before) ranges_[i].least = ranges_[i].most = *before;
    ranges_[i].leaves = std::max(places_[i].last, ranges_[i].least);
    fit(i);
  }

  void find_range(std::size_t i, const look& l) {
    range& r = ranges_[i];
    std::int64_t last = l.from;
    for (const auto& [position, id] : l.rows) {
      const std::int64_t next = first_match(l.wanted, last, size());
      if (next != position) return report(i, "read " + text(position) + (next == 0 ? ", which does not match" : ", but the next that matches is " + text(next)));
      if (log_[position - 1]->id != id) return report(i, "read another event at " + text(position) + " than is stored there");
      last = position;
    }
    const std::int64_t next = first_match(l.wanted, last, size());
    r.least = std::max(l.complete_to, l.rows.empty() ? 0 : last);
    r.most = next == 0 ? size() : next - 1;
    if (l.is_head && r.least > l.complete_to) return report(i, "read " + text(last) + " beside the head " + text(l.complete_to));
    if (l.complete_to > r.most) return report(i, "no prefix: says that it is complete to " + text(l.complete_to) + ", but " + text(r.most + 1) + " is missing");
    if (l.is_head) r.most = r.least;
    r.leaves = r.least;
    fit(i);
  }

  // Leaves out the lengths within a transaction.
  void fit(std::size_t i) {
    range& r = ranges_[i];
    if (const place* cut = transaction_cut_at(r.least)) r.leaves = std::max(r.leaves, r.least = cut->last);
    if (const place* cut = transaction_cut_at(r.most)) r.most = cut->first - 1;
    if (r.least > r.most) report(i, "torn: what it saw ends within the events of one transaction, at " + text(r.most));
  }

  const place* transaction_cut_at(std::int64_t length) const {
    if (length < 1 || length > size()) return nullptr;
    const place& p = places_[owners_[length]];
    return length < p.last ? &p : nullptr;
  }

  void check_real_time() {
    struct moment {
      std::int64_t time;
      bool is_end;  // of two at the same time the beginning is first: these overlap
      std::size_t operation;
    };
    std::vector<moment> moments;
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      moments.push_back({history_.operations[i].begin, false, i});
      moments.push_back({history_.operations[i].end, true, i});
    }
    std::sort(moments.begin(), moments.end(), [](const moment& a, const moment& b) { return std::pair{a.time, a.is_end} < std::pair{b.time, b.is_end}; });
    std::int64_t known = 0;
    std::size_t by = 0;
    for (const auto& [time, is_end, i] : moments)
      if (is_end && ranges_[i].leaves > known) {
        known = ranges_[i].leaves;
        by = i;
      } else if (!is_end && known > ranges_[i].most) {
        report(i, std::string(std::holds_alternative<look>(history_.operations[i].what) ? "stale read" : "reordered") + ": knows the log up to " +
                      text(ranges_[i].most) + " only, but " + history_.operations[by].who + " had ended before with " + text(known));
      }
  }

  std::int64_t size() const { return static_cast<std::int64_t>(log_.size()); }

  const history& history_;
  std::vector<const event*> log_;               // by position - 1
  std::map<std::int64_t, std::int64_t> by_id_;  // positions
  std::vector<std::size_t> owners_;             // operations, by position
  std::vector<range> ranges_;                   // by operation
  std::vector<place> places_;                   // by operation
  std::vector<std::string> found_;
};

bool are_rivals(const command& a, const command& b) {
  const auto touch = [](const command& one, const command& other) {
    return std::any_of(one.events.begin(), one.events.end(), [&](const event& e) { return matches(other.condition, e); });
  };
  return touch(a, b) || touch(b, a);
}

}  // namespace

bool matches(const item& item, const event& event) {
  if (!item.types.empty() && !contains(item.types, event.type)) return false;
  if (contains(item.except, event.type)) return false;
  return std::all_of(item.tags.begin(), item.tags.end(), [&](const std::string& tag) { return contains(event.tags, tag); });
}

bool matches(const query& query, const event& event) {
  return std::any_of(query.begin(), query.end(), [&](const item& item) { return matches(item, event); });
}

std::vector<std::string> violations(const history& history) { return checker(history).run(); }

std::int64_t contended(const history& history) {
  std::vector<const operation*> appends;
  for (const operation& o : history.operations)
    if (std::holds_alternative<append>(o.what)) appends.push_back(&o);
  std::sort(appends.begin(), appends.end(), [](const operation* a, const operation* b) { return a->begin < b->begin; });
  std::set<const command*> met;
  for (std::size_t i = 0; i < appends.size(); ++i)
    for (std::size_t j = i + 1; j < appends.size() && appends[j]->begin <= appends[i]->end; ++j)
      for (const command& a : std::get<append>(appends[i]->what).commands)
        for (const command& b : std::get<append>(appends[j]->what).commands)
          if (are_rivals(a, b)) met.insert({&a, &b});
  std::int64_t count = 0;
  for (const operation* o : appends) {
    const append& a = std::get<append>(o->what);
    if (a.fate != fate::failed) count += std::count_if(a.commands.begin(), a.commands.end(), [&](const command& c) { return met.contains(&c); });
  }
  return count;
}

}  // namespace race
