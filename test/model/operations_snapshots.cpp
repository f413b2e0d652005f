// Snapshots and due commands.

#include "draft.hpp"
#include "operations_of.hpp"

namespace model {
namespace {

// Few, so that they meet; of other wordings of the same query as well.
query_draft any_snapshot_query() {
  query_draft asked;
  asked.items.push_back({});
  const int which = any_of<int>({0, 0, 0, 1, 1, 2, 3, 4});
  if (which == 1) asked.items[0].tags = {"a:1"};
  if (which == 2) asked.items[0].tags = {"a:1", "a:1"};
  if (which == 3) asked.items = {{.types = {"A"}}, {.tags = {"b:1"}}};
  if (which == 4) asked.items = {{.tags = {"b:1"}}, {.types = {"A"}}};
  asked.as_json = any_below(2) == 1;
  if (one_in(12)) asked = any_query();
  return asked;
}

std::string any_snapshot_name() { return any_of<std::string>({"cart", "cart", "cart", "course"}); }

std::string id_of_due(int n) { return "00000000-0000-0000-0000-0000000000d" + std::to_string(n); }

}  // namespace

operation save_snapshot() {
  const auto name = any_snapshot_name();
  const auto asked = any_snapshot_query();
  const auto at = any_required_place();
  const auto state = any_of<std::string>({"\\x", "\\x01", "\\x0203"});
  const int version = any_of<int>({0, 0, 0, 0, 1, 2});
  return [=](const reference& r) -> std::vector<statement> {
    const position p = at.in(r).value_or(0);
    const query q = asked.in(r);
    return {{"SELECT dcb.save_snapshot(:'store', " + literal(name) + ", " + asked.text(r) + ", " + number(p) + ", " + literal(state) +
                 (version > 0 ? ", version => " + number(version) : "") + ")",
             [=](reference& m) { return one(boolean(m.save_snapshot(name, q, p, state, version))); }}};
  };
}

operation load_snapshot() {
  const auto name = any_snapshot_name();
  const auto asked = any_snapshot_query();
  const int version = any_of<int>({0, 0, 0, 0, 1, 2});
  return [=](const reference& r) -> std::vector<statement> {
    const query q = asked.in(r);
    return {{"SELECT position, state FROM dcb.load_snapshot(:'store', " + literal(name) + ", " + asked.text(r) + ", " + number(version) + ")",
             [=](reference& m) {
               const auto kept = m.load_snapshot(name, q, version);
               return kept ? rows{{number(kept->at), kept->state}} : nothing();
             }}};
  };
}

operation load() {
  const auto name = any_snapshot_name();
  const auto asked = any_snapshot_query();
  const int version = any_of<int>({0, 0, 0, 0, 1, 2});
  return [=](const reference& r) -> std::vector<statement> {
    const query q = asked.in(r);
    return {{"SELECT watermark, state, position, type, tags, data, payload, metadata, id FROM dcb.load(:'store', " + asked.text(r) + ", " + literal(name) +
                 ", " + number(version) + ")",
             [=](reference& m) {
               const auto kept = m.load_snapshot(name, q, version);
               const position from = kept ? kept->at : 0;
               rows answer{{number(m.head()), kept ? kept->state : "", number(from), "", "", "", "", "", ""}};
               for (const position p : m.read(q, {.after = from})) {
                 if (p <= from) continue;  // an item may have a position of its own
                 row event = event_row(p, m.at(p));
                 event.insert(event.begin(), {"", ""});
                 answer.push_back(std::move(event));
               }
               return answer;
             }}};
  };
}

operation drop_snapshots() {
  const auto name = any_of<std::optional<std::string>>({"cart", "course", std::nullopt});
  return [=](const reference&) -> std::vector<statement> {
    return {{"SELECT dcb.drop_snapshots(:'store'" + (name ? ", " + literal(*name) : "") + ")", [=](reference& m) { return one(number(m.drop_snapshots(name))); }}};
  };
}

// As a restore of the events to an earlier time leaves them: states of a log that is no more, ahead of the head or not.
operation forge_snapshots() {
  const bool ahead = any_below(3) > 0;
  const int distance = 1 + any_below(4);
  return [=](const reference& r) -> std::vector<statement> {
    const position p = ahead ? r.head() + distance : distance;
    return {{"UPDATE :\"store\".snapshot SET position = " + number(p) + ", recorded_at = '2000-01-01'",
             [=](reference& m) { return m.make_snapshots_foreign(p), nothing(); }}};
  };
}

// Due commands

operation schedule() {
  const int id = any_below(4), minute = any_below(4);
  const bool is_due = any_below(4) > 0;
  request_draft draft = any_request();
  draft.append_id.reset();
  if (any_below(2) == 0) {
    draft = {};
    draft.events.emplace_back().type = "A";
  }
  return [=](const reference& r) -> std::vector<statement> {
    const request asked = draft.in(r);
    const std::string time = (is_due ? "2000" : "2100") + ("-01-01 00:0" + number(minute) + ":00+00");
    return {{"SELECT dcb.schedule(:'store', " + literal(time) + ", " + draft.text(r) + ", id => " + literal(id_of_due(id)) + ")",
             [=](reference& m) { return m.schedule(id_of_due(id), is_due ? minute - 10 : minute, asked), one(id_of_due(id)); }}};
  };
}

operation cancel() {
  const auto id = id_of_due(any_below(5));
  return [=](const reference&) -> std::vector<statement> {
    return {{"SELECT dcb.cancel(:'store', " + literal(id) + ")", [=](reference& m) { return one(boolean(m.cancel(id))); }}};
  };
}

operation run_due() {
  return [](const reference&) -> std::vector<statement> {
    return {{"CALL dcb.run_due(:'store')", [](reference& m) { return one(number(m.run_due())); }}};
  };
}

statement all_due_commands() {
  return {"SELECT id, state, position, sqlstate FROM dcb.due_commands(:'store')", [](reference& m) {
            rows answer;
            for (const auto& [id, each] : m.due_commands()) answer.push_back({id, each.state, each.at > 0 ? number(each.at) : "", each.sqlstate});
            return answer;
          }};
}

operation due_commands() {
  return [](const reference&) { return std::vector{all_due_commands()}; };
}

}  // namespace model
