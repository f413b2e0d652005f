// The checker of histories goes red on what is wrong, and on nothing else: histories made by hand, and small random ones, true and spoilt, on which it
// must agree with a search through all orders.

#include "checker.hpp"
#include "session.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace race;

const query of_a{{.tags = {"a"}}}, of_b{{.tags = {"b"}}}, everything{{}};

event an_event(std::int64_t id, const char* tag) { return {id, "T", {tag}}; }

operation appended(std::int64_t begin, std::int64_t end, std::int64_t position, const char* tag, query condition = {}, std::int64_t after = 0) {
  const command c{.events = {an_event(position, tag)}, .condition = std::move(condition), .after = after, .position = position};
  return {"append " + std::to_string(position), begin, end, append{{c}}};
}

operation refused(std::int64_t begin, std::int64_t end, std::int64_t conflict, query condition, std::int64_t after = 0) {
  const command c{.events = {an_event(1000 + begin, "a")}, .condition = std::move(condition), .after = after, .outcome = outcome::refused, .position = conflict};
  return {"refusal at " + std::to_string(begin), begin, end, append{{c}}};
}

operation read(std::int64_t begin, std::int64_t end, std::int64_t head, query wanted, std::vector<std::int64_t> positions) {
  look l{.wanted = std::move(wanted), .complete_to = head};
  for (const std::int64_t position : positions) l.rows.emplace_back(position, position);
  return {"read at " + std::to_string(begin), begin, end, l};
}

// A log of events whose ids are their positions.
history with_log(std::vector<operation> operations, const std::vector<const char*>& tags) {
  history h{std::move(operations), {}};
  for (const char* tag : tags) h.log.emplace_back(h.log.size() + 1, an_event(static_cast<std::int64_t>(h.log.size()) + 1, tag));
  return h;
}

void expect_red(const history& h, const std::string& why) {
  const auto found = violations(h);
  ASSERT_FALSE(found.empty()) << "not seen: " << why;
  EXPECT_NE(found[0].find(why), std::string::npos) << found[0];
}

TEST(checker, matches_as_the_specification_says) {
  const event e{1, "T", {"a", "b"}};
  EXPECT_TRUE(matches(item{}, e));
  EXPECT_TRUE(matches(item{.types = {"S", "T"}}, e)) << "any of the types";
  EXPECT_FALSE(matches(item{.types = {"S"}}, e));
  EXPECT_TRUE(matches(item{.tags = {"b", "a"}}, e));
  EXPECT_FALSE(matches(item{.tags = {"a", "c"}}, e)) << "all of the tags";
  EXPECT_FALSE(matches(item{.types = {"T"}, .tags = {"c"}}, e)) << "both";
  EXPECT_FALSE(matches(item{.except = {"T"}, .tags = {"a"}}, e));
  EXPECT_TRUE(matches(item{.except = {"S"}}, e));
  EXPECT_TRUE(matches(query{{.types = {"S"}}, {.tags = {"a"}}}, e)) << "any of the items";
  EXPECT_FALSE(matches(query{}, e)) << "nothing";
}

TEST(checker, is_content_with_a_good_history) {
  const auto good = with_log({appended(0, 10, 1, "a"), appended(5, 15, 2, "b", of_b), refused(12, 20, 1, of_a), refused(12, 14, 2, everything, 1),
                              read(1, 3, 0, everything, {}), read(1, 20, 2, of_a, {1}), appended(16, 30, 3, "a", of_a, 1)},
                             {"a", "b", "a"});
  EXPECT_EQ(violations(good), std::vector<std::string>{});
}

TEST(checker, sees_a_lost_update) {
  expect_red(with_log({appended(0, 10, 1, "a", of_a), appended(0, 10, 2, "a", of_a)}, {"a", "a"}), "lost update");
  expect_red(with_log({appended(0, 10, 1, "a"), appended(0, 10, 2, "b"), appended(0, 10, 3, "b", of_b, 1)}, {"a", "b", "b"}), "lost update");
}

TEST(checker, sees_holes_and_what_is_lost_or_foreign) {
  auto hole = with_log({appended(0, 1, 1, "a")}, {"a", "b"});
  hole.log[1].first = 3;
  expect_red(hole, "hole");
  expect_red(with_log({appended(0, 1, 1, "a"), appended(0, 1, 2, "a")}, {"a"}), "lost");
  expect_red(with_log({appended(0, 1, 1, "a")}, {"a", "b"}), "nobody");
  expect_red(with_log({appended(0, 1, 1, "a")}, {"b"}), "not what was appended");
  auto rolled_back = with_log({appended(0, 1, 1, "a")}, {"a"});
  std::get<append>(rolled_back.operations[0].what).fate = fate::rolled_back;
  expect_red(rolled_back, "not made");
  auto twice = with_log({appended(0, 1, 1, "a")}, {"a", "a"});
  twice.log[1].second.id = 1;
  expect_red(twice, "twice");
}

TEST(checker, sees_a_false_conflict) {
  expect_red(with_log({appended(0, 1, 1, "a"), refused(2, 3, 1, of_b)}, {"a"}), "false conflict");
  expect_red(with_log({appended(0, 1, 1, "a"), refused(2, 3, 1, of_a, 1)}, {"a"}), "false conflict");
  expect_red(with_log({appended(0, 1, 1, "a"), appended(0, 1, 2, "a"), refused(2, 3, 2, of_a)}, {"a", "a"}), "wrong conflict");
  expect_red(with_log({refused(0, 1, 1, of_a), appended(2, 3, 1, "a")}, {"a"}), "reordered");  // for an event of the future
}

TEST(checker, sees_a_stale_read) {
  expect_red(with_log({appended(0, 1, 1, "a"), read(2, 3, 0, of_a, {})}, {"a"}), "stale read");
  auto watermark = with_log({appended(0, 1, 1, "a"), read(2, 3, 0, of_a, {})}, {"a"});
  std::get<look>(watermark.operations[1].what).is_head = false;
  expect_red(watermark, "stale read");
  std::get<look>(watermark.operations[1].what).wanted = of_b;
  EXPECT_EQ(violations(watermark), std::vector<std::string>{}) << "a watermark may lag behind what does not match";
  expect_red(with_log({appended(0, 9, 1, "a"), read(1, 2, 1, of_a, {1}), read(3, 4, 0, of_a, {})}, {"a"}), "stale read");  // what another one read is there
}

TEST(checker, sees_reads_that_are_no_prefixes) {
  const std::vector<operation> two{appended(0, 9, 1, "a"), appended(0, 9, 2, "a")};
  const auto reading = [&](operation r) {
    auto all = two;
    all.push_back(std::move(r));
    return with_log(all, {"a", "a"});
  };
  expect_red(reading(read(0, 9, 2, of_a, {2})), "the next that matches is 1");
  expect_red(reading(read(0, 9, 2, of_a, {1})), "no prefix");
  expect_red(reading(read(0, 9, 1, of_a, {1, 2})), "beside the head");
  expect_red(reading(read(0, 9, 2, of_b, {2})), "does not match");
  expect_red(with_log({read(0, 1, 1, of_a, {1}), appended(2, 3, 1, "a")}, {"a"}), "reordered");
}

TEST(checker, sees_what_is_reordered) {
  expect_red(with_log({appended(0, 1, 2, "a"), appended(2, 3, 1, "a")}, {"a", "a"}), "reordered");
  auto answers = with_log({appended(0, 1, 1, "a"), appended(0, 1, 2, "a")}, {"a", "a"});
  std::get<append>(answers.operations[0].what).commands[0].position = 2;
  expect_red(answers, "was answered");
}

TEST(checker, sees_a_torn_transaction) {
  const auto of_two = [](std::int64_t first, std::int64_t second) {
    return operation{"two", 0, 9, append{{{.events = {an_event(first, "a")}, .position = first}, {.events = {an_event(second, "a")}, .position = second}}}};
  };
  EXPECT_EQ(violations(with_log({of_two(1, 2), read(0, 9, 2, of_a, {1, 2})}, {"a", "a"})), std::vector<std::string>{});
  expect_red(with_log({of_two(1, 2), read(0, 9, 1, of_a, {1})}, {"a", "a"}), "torn");
  expect_red(with_log({of_two(1, 3), appended(0, 9, 2, "a")}, {"a", "a", "a"}), "torn");
  auto blind = with_log({of_two(1, 2)}, {"a", "a"});
  std::get<append>(blind.operations[0].what).commands[1].condition = of_a;
  expect_red(blind, "lost update");  // the second command did not see the first one's event
}

TEST(checker, counts_who_met_a_rival) {
  EXPECT_EQ(contended(with_log({appended(0, 2, 1, "a", of_a), appended(1, 3, 2, "b", of_b), appended(4, 5, 3, "a", of_a)}, {"a", "b", "a"})), 0);
  EXPECT_EQ(contended(with_log({appended(0, 2, 1, "a"), appended(1, 3, 2, "b", of_a)}, {"a", "b"})), 2);
}

// All orders, one after the other, in which an operation comes after all that had ended before it began.
class search {
 public:
  explicit search(const history& h) : history_(h), done_(h.operations.size()) {}

  bool finds_an_order() {
    bool complete = true;
    for (std::size_t next = 0; next < done_.size(); ++next) {
      if (done_[next]) continue;
      complete = false;
      if (!may_come_next(next)) continue;
      const std::vector<event> before = log_;
      if (std::visit([&](const auto& what) { return happens(what); }, history_.operations[next].what)) {
        done_[next] = true;
        if (finds_an_order()) return true;
        done_[next] = false;
      }
      log_ = before;
    }
    return complete && is_the_log();
  }

 private:
  bool may_come_next(std::size_t next) const {
    for (std::size_t other = 0; other < done_.size(); ++other)
      if (!done_[other] && history_.operations[other].end < history_.operations[next].begin) return false;
    return true;
  }

  bool happens(const append& a) {
    if (a.fate == fate::failed) return true;
    const std::vector<event> before = log_;
    for (const command& c : a.commands) {
      const std::int64_t conflict = conflict_of(c);
      if ((conflict != 0) != (c.outcome == outcome::refused)) return false;
      if (conflict == 0) log_.insert(log_.end(), c.events.begin(), c.events.end());
      const std::int64_t answer = conflict != 0 ? conflict : log_.size();
      if (c.position != 0 && c.position != answer) return false;
    }
    if (a.fate == fate::rolled_back) log_ = before;
    return true;
  }

  std::int64_t conflict_of(const command& c) const {
    for (std::size_t at = 0; at < log_.size(); ++at)
      for (const item& i : c.condition)
        if (static_cast<std::int64_t>(at) >= i.after.value_or(c.after) && matches(i, log_[at])) return at + 1;
    return 0;
  }

  bool happens(const look& l) {
    std::vector<std::pair<std::int64_t, std::int64_t>> rows;
    for (std::size_t at = l.from; at < log_.size(); ++at)
      if (matches(l.wanted, log_[at])) rows.emplace_back(at + 1, log_[at].id);
    const auto head = static_cast<std::int64_t>(log_.size());
    return rows == l.rows && (l.is_head ? l.complete_to == head : l.complete_to <= head);
  }

  bool is_the_log() const {
    if (history_.log.size() != log_.size()) return false;
    for (std::size_t at = 0; at < log_.size(); ++at)
      if (history_.log[at].first != static_cast<std::int64_t>(at) + 1 || history_.log[at].second != log_[at]) return false;
    return true;
  }

  const history& history_;
  std::vector<bool> done_;
  std::vector<event> log_;
};

// Small histories that are true: each operation happens at a moment within its interval.
class author {
 public:
  explicit author(std::mt19937& random) : random_(random) {}

  history write() {
    const int operations = 2 + below(5);
    std::vector<std::int64_t> moments;
    for (int i = 0; i < operations; ++i) moments.push_back(below(12));
    std::sort(moments.begin(), moments.end());
    for (const std::int64_t moment : moments) {
      operation o{"operation at " + std::to_string(moment), moment - below(4), moment + below(4), {}};
      if (below(3) == 0)
        o.what = some_look();
      else
        o.what = some_append();
      history_.operations.push_back(o);
    }
    std::shuffle(history_.operations.begin(), history_.operations.end(), random_);
    return history_;
  }

  // One thing in it is not as it was.
  static void spoil(history& h, std::mt19937& random) {
    const auto below = [&](std::size_t n) { return static_cast<std::int64_t>(random() % n); };
    operation& o = h.operations[below(h.operations.size())];
    if (below(4) == 0) {
      const std::int64_t shift = below(13) - 6;
      o.begin += shift, o.end += shift;
    } else if (!h.log.empty() && below(6) == 0) {
      std::swap(h.log[below(h.log.size())].second, h.log.back().second);
    } else if (!h.log.empty() && below(8) == 0) {
      h.log.pop_back();
    } else if (auto* l = std::get_if<look>(&o.what)) {
      if (below(2) == 0 && !l->rows.empty())
        l->rows.erase(l->rows.begin() + below(l->rows.size()));
      else
        l->complete_to = std::max<std::int64_t>(0, l->complete_to + below(5) - 2);
    } else {
      auto& a = std::get<append>(o.what);
      command& c = a.commands[below(a.commands.size())];
      switch (below(4)) {
        case 0:
          c.outcome = c.outcome == outcome::appended ? outcome::refused : outcome::appended;
          if (c.position == 0) c.position = 1 + below(3);
          break;
        case 1: c.position = std::max<std::int64_t>(1, c.position + below(3) - 1); break;
        case 2: c.after = below(4); break;
        default: a.fate = a.fate == fate::failed ? fate::committed : fate::failed;
      }
    }
  }

 private:
  std::int64_t below(int n) { return static_cast<std::int64_t>(random_() % n); }

  std::vector<std::string> some(const char* one, const char* other) {
    std::vector<std::string> names;
    if (below(2) == 0) names.push_back(one);
    if (below(2) == 0) names.push_back(other);
    return names;
  }

  query some_query() {
    query q(below(3));
    for (item& i : q) {
      i = {.types = below(2) == 0 ? some("S", "T") : std::vector<std::string>{}, .tags = some("a", "b")};
      if (below(4) == 0) i.except = {"S"};
      if (below(4) == 0) i.after = below(4);
    }
    return q;
  }

  look some_look() {
    look l{.wanted = some_query(), .from = std::min<std::int64_t>(below(3), history_.log.size()), .is_head = below(2) == 0};
    for (item& i : l.wanted) i.after.reset();
    for (const auto& [position, event] : history_.log)
      if (position > l.from && matches(l.wanted, event)) l.rows.emplace_back(position, event.id);
    l.complete_to = static_cast<std::int64_t>(history_.log.size());
    if (!l.is_head) l.complete_to = below(static_cast<int>(l.complete_to) + 1);
    return l;
  }

  append some_append() {
    append a{std::vector<command>(1 + below(2)), below(6) == 0 ? fate::rolled_back : below(8) == 0 ? fate::failed : fate::committed};
    auto& log = history_.log;
    const auto before = log;
    for (command& c : a.commands) {
      c.condition = some_query();
      c.after = std::min<std::int64_t>(below(4), log.size());
      for (std::int64_t events = 1 + below(2); events > 0; --events) c.events.push_back({++ids_, below(2) == 0 ? "S" : "T", some("a", "b")});
      for (const auto& [position, event] : log)
        for (const item& i : c.condition)
          if (c.outcome == outcome::appended && position > i.after.value_or(c.after) && matches(i, event)) c.outcome = outcome::refused, c.position = position;
      if (c.outcome == outcome::refused) continue;
      for (const event& e : c.events) log.emplace_back(log.size() + 1, e);
      if (below(4) != 0 || a.fate == fate::rolled_back) c.position = static_cast<std::int64_t>(log.size());
    }
    if (a.fate != fate::committed) log = before;
    return a;
  }

  std::mt19937& random_;
  history history_;
  std::int64_t ids_ = 0;
};

TEST(checker, agrees_with_a_search_through_all_orders) {
  std::mt19937 random(race::seed());
  const int histories = race::rounds(20000);
  int good = 0, spoilt = 0;
  for (int i = 0; i < histories; ++i) {
    history h = author(random).write();
    const auto true_violations = violations(h);
    ASSERT_TRUE(true_violations.empty()) << "history " << i << " is true, but: " << true_violations[0];
    author::spoil(h, random);
    const bool has_order = search(h).finds_an_order();
    (has_order ? good : spoilt) += 1;
    const auto found = violations(h);
    ASSERT_EQ(found.empty(), has_order) << "history " << i << ": " << (found.empty() ? "an order was not found, and nothing reported" : found[0]);
  }
  EXPECT_GT(good, histories / 10);
  EXPECT_GT(spoilt, histories / 10);
}

}  // namespace
