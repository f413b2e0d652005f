// Subscriptions.

#include "draft.hpp"
#include "operations_of.hpp"

namespace model {
namespace {

std::string any_consumer() { return any_of<std::string>({"c1", "c2", "c3"}); }

// One of the subscriptions that there are, seldom one that there is not.
struct name_draft {
  int which = 0;
  bool unknown = false;
  std::optional<std::string> in(const reference& r) const {
    const auto& all = r.subscriptions();
    if (unknown) return "nobody's";
    if (all.empty()) return std::nullopt;
    return std::next(all.begin(), which % static_cast<int>(all.size()))->first;
  }
};
name_draft any_name() { return {any_below(2), one_in(40)}; }

// A partition with a token as its consumer knows it: the last one that a claim has answered, or an earlier one that may be out of date.
struct hold {
  std::string name;
  int partition, token;
  // "(:'store', name, token", and ", partition => 1)".
  std::string first_arguments() const { return "(:'store', " + literal(name) + ", " + (token == 0 ? "0" : ":t" + number(token)); }
  std::string last_argument() const { return partition == 0 ? ")" : ", partition => " + number(partition) + ")"; }
};
struct hold_draft {
  name_draft name;
  int partition = 0, back = 0;
  bool no_partition = false, no_token = false;
  std::optional<hold> in(const reference& r) const {
    const auto chosen = name.in(r);
    if (!chosen) return std::nullopt;
    const auto found = r.subscriptions().find(*chosen);
    const int count = found == r.subscriptions().end() ? 1 : static_cast<int>(found->second.partitions.size());
    hold own{*chosen, no_partition ? 7 : partition % count, 0};
    const auto known = r.tokens.find({own.name, own.partition});
    if (!no_partition && !no_token && !name.unknown) {
      if (known == r.tokens.end()) return std::nullopt;
      own.token = known->second[known->second.size() - 1 - back % known->second.size()];
    }
    return own;
  }
};
hold_draft any_hold() { return {any_name(), any_below(3), any_of<int>({0, 0, 0, 0, 0, 0, 1, 2}), one_in(60), one_in(60)}; }

// An operation on what there is, if it is there.
operation on(const auto& draft, auto make) {
  return [=](const reference& r) -> std::vector<statement> {
    const auto chosen = draft.in(r);
    if (!chosen) return {};
    return {make(r, *chosen)};
  };
}

}  // namespace

operation create_subscription() {
  const auto name = any_of<std::string>({"x", "y"});
  query_draft asked = any_query();
  if (any_below(2) == 0) asked = {.items = {{}}};
  const auto after = any_place();
  const int partitions = one_in(40) ? 0 : any_of<int>({1, 1, 2, 3});
  const auto by = one_in(40) ? std::string() : any_of<std::string>({"a", "b"});
  const bool if_not_exists = any_below(4) > 0;
  return [=](const reference& r) -> std::vector<statement> {
    const query q = asked.in(r);
    const std::optional<position> from = after.from == place::omitted ? 0 : after.in(r);
    const auto parted_by = partitions > 1 ? by : std::string();
    return {{"SELECT dcb.create_subscription(:'store', " + literal(name) + ", " + asked.text(r) + after.argument("start_after", r) +
                 (partitions == 1 ? "" : ", partitions => " + number(partitions)) + (parted_by.empty() ? "" : ", partition_by => " + literal(by)) +
                 (if_not_exists ? ", if_not_exists => true" : "") + ")",
             [=](reference& m) { return m.create_subscription(name, q, from, partitions, parted_by, if_not_exists), one(""); }}};
  };
}

operation drop_subscription() {
  return on(any_name(), [](const reference&, const std::string& name) {
    return statement{"SELECT dcb.drop_subscription(:'store', " + literal(name) + ")", [=](reference& m) { return one(boolean(m.drop_subscription(name))); }};
  });
}

operation claim() {
  const auto consumer = any_consumer();
  const auto until = any_of<lease>({lease::hour, lease::hour, lease::instant, lease::week});
  return on(any_name(), [=](const reference&, const std::string& name) {
    const std::string text = until == lease::hour ? "1 hour" : until == lease::week ? "1 week" : "1 microsecond";
    return statement{"SELECT partition, token FROM dcb.claim(:'store', " + literal(name) + ", " + literal(consumer) + ", " + literal(text) + ")",
                     [=](reference& m) {
                       rows answer;
                       for (const auto& [partition, token] : m.claim(name, consumer, until)) {
                         answer.push_back({number(partition), ":t" + number(token)});
                         auto& known = m.tokens[{name, partition}];
                         if (known.empty() || known.back() != token) known.push_back(token);
                       }
                       return answer;
                     }};
  });
}

operation release_partitions() {
  const auto consumer = any_consumer();
  return on(any_name(), [=](const reference&, const std::string& name) {
    return statement{"SELECT dcb.release(:'store', " + literal(name) + ", " + literal(consumer) + ")",
                     [=](reference& m) { return m.release(name, consumer), one(""); }};
  });
}

operation poll() {
  const int max_count = one_in(40) ? 0 : any_of<int>({100, 1, 2, 3, 5});
  return on(any_hold(), [=](const reference&, const hold& own) {
    return statement{"SELECT " + std::string(event_columns) + " FROM dcb.poll" + own.first_arguments() +
                         (max_count == 100 ? "" : ", max_count => " + number(max_count)) + own.last_argument(),
                     [=](reference& m) {
                       const auto polled = m.poll(own.name, own.token, own.partition, max_count);
                       rows answer;
                       for (const position p : polled.events) answer.push_back(event_row(p, m.at(p)));
                       if (polled.end > 0) answer.push_back({number(polled.end), "", "", "", "", "", ""});
                       return answer;
                     }};
  });
}

operation checkpoint() {
  const auto to = any_required_place();
  return on(any_hold(), [=](const reference& r, const hold& own) {
    const position p = to.in(r).value_or(0);
    return statement{"SELECT dcb.checkpoint" + own.first_arguments() + ", " + number(p) + own.last_argument(),
                     [=](reference& m) { return m.checkpoint(own.name, own.token, p, own.partition), one(""); }};
  });
}

operation fail() {
  const bool stop = any_below(4) == 3;
  return on(any_hold(), [=](const reference&, const hold& own) {
    return statement{"SELECT dcb.fail" + own.first_arguments() + ", 'broken'" + (stop ? ", stop => true" : "") + own.last_argument(),
                     [=](reference& m) { return m.fail(own.name, own.token, "broken", stop, own.partition), one(""); }};
  });
}

operation pause() {
  return on(any_name(), [](const reference&, const std::string& name) {
    return statement{"SELECT dcb.pause(:'store', " + literal(name) + ", 'maintenance')",
                     [=](reference& m) { return m.set_state(name, "paused", "maintenance"), one(""); }};
  });
}

operation resume() {
  return on(any_name(), [](const reference&, const std::string& name) {
    return statement{"SELECT dcb.resume(:'store', " + literal(name) + ")", [=](reference& m) { return m.set_state(name, "active", ""), one(""); }};
  });
}

operation rewind() {
  const auto to = any_required_place();
  return on(any_name(), [=](const reference& r, const std::string& name) {
    const position p = to.in(r).value_or(0);
    return statement{"SELECT dcb.rewind(:'store', " + literal(name) + ", " + number(p) + ")", [=](reference& m) { return m.rewind(name, p), one(""); }};
  });
}

operation park() {
  const auto at = any_required_place();
  const int attempts = 1 + any_below(2);
  const auto reason = any_of<std::string>({"poison", "too large"});
  return on(any_hold(), [=](const reference& r, const hold& own) {
    const position p = at.in(r).value_or(0);
    return statement{"SELECT dcb.park" + own.first_arguments() + ", " + number(p) + ", " + literal(reason) +
                         (attempts == 1 ? "" : ", attempts => " + number(attempts)) + own.last_argument(),
                     [=](reference& m) { return m.park(own.name, own.token, p, reason, attempts, own.partition), one(""); }};
  });
}

// To replay it or to discard it: the consumer's business.
operation resolve_parked() {
  const auto at = any_required_place();
  return on(any_name(), [=](const reference& r, const std::string& name) {
    const auto& all = r.subscriptions();
    const auto found = all.find(name);
    const bool any = found != all.end() && !found->second.parked.empty() && at.distance % 2 == 0;
    const position p = any ? found->second.parked.begin()->first : at.in(r).value_or(0);
    return statement{"SELECT dcb.resolve_parked(:'store', " + literal(name) + ", " + number(p) + ")",
                     [=](reference& m) { return one(boolean(m.resolve_parked(name, p))); }};
  });
}

operation parked_events() {
  return on(any_name(), [](const reference&, const std::string& name) {
    return statement{"SELECT partition, reason, attempts, " + std::string(event_columns) + " FROM dcb.parked_events(:'store', " + literal(name) + ")",
                     [=](reference& m) {
                       rows answer;
                       for (const auto& [p, parked] : m.parked_events(name)) {
                         row event = event_row(p, m.at(p));
                         event.insert(event.begin(), {number(parked.partition), parked.reason, number(parked.attempts)});
                         answer.push_back(std::move(event));
                       }
                       return answer;
                     }};
  });
}

// As a restore of the events to an earlier time leaves it: a checkpoint of a log that is no more, ahead of the head or not.
operation forge_checkpoint() {
  const bool ahead = any_below(2) == 1;
  const int distance = 1 + any_below(4);
  return on(any_name(), [=](const reference& r, const std::string& name) {
    const position p = ahead ? r.head() + distance : distance;
    return statement{"UPDATE :\"store\".checkpoint SET position = " + number(p) + ", recorded_at = '2000-01-01' WHERE name = " + literal(name),
                     [=](reference& m) { return m.make_checkpoint_foreign(name, p), nothing(); }};
  });
}

statement all_subscriptions() {
  return {"SELECT name, partition, partitions, state, reason, position, head, lag_events, consumer, failures, last_error, parked FROM "
          "dcb.subscriptions(:'store')",
          [](reference& m) {
            rows answer;
            for (const auto& [name, s] : m.subscriptions())
              for (int i = 0; i < static_cast<int>(s.partitions.size()); ++i) {
                const partition& p = s.partitions[i];
                int parked = 0;
                for (const auto& each : s.parked) parked += each.second.partition == i ? 1 : 0;
                const bool foreign = p.at > 0 && !p.of_this_log;
                answer.push_back({name, number(i), number(static_cast<std::int64_t>(s.partitions.size())), s.state,
                                  !s.reason.empty() ? s.reason : foreign ? "the checkpoint is not of this history of the store" : "", number(p.at),
                                  number(m.head()), number(static_cast<position>(m.pending(s, i).size())), p.until >= lease::hour ? p.consumer : "",
                                  number(p.failures), p.last_error, number(parked)});
              }
            return answer;
          }};
}

operation subscriptions() {
  return [](const reference&) { return std::vector{all_subscriptions()}; };
}

}  // namespace model
