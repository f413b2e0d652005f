// Appends, reads and transactions; and the table of all operations.

#include "operations.hpp"

#include "draft.hpp"
#include "operations_of.hpp"

#include <algorithm>

namespace model {

std::string number(std::int64_t n) { return std::to_string(n); }
std::string boolean(bool b) { return b ? "t" : "f"; }
rows nothing() { return {}; }
rows one(const std::string& value) { return {{value}}; }

namespace {

// Transactions

operation begin() {
  const int isolation = any_below(4);
  return [=](const reference& r) -> std::vector<statement> {
    if (r.in_transaction()) return {};
    static const char* const texts[] = {"BEGIN", "BEGIN ISOLATION LEVEL READ COMMITTED", "BEGIN ISOLATION LEVEL REPEATABLE READ",
                                        "BEGIN ISOLATION LEVEL SERIALIZABLE"};
    return {{texts[isolation], [=](reference& m) { return m.begin(isolation >= 2), nothing(); }, statement::control}};
  };
}

operation begin_side_by_side() {
  const bool repeatable = any_below(2) == 1;
  return [=](const reference& r) -> std::vector<statement> {
    if (r.in_transaction()) return {};
    return {{repeatable ? "BEGIN ISOLATION LEVEL REPEATABLE READ" : "BEGIN", [=](reference& m) { return m.begin(repeatable), nothing(); },
             statement::control}};
  };
}

operation end() {
  const bool commits = any_below(3) < 2;
  return [=](const reference& r) -> std::vector<statement> {
    if (!r.in_transaction()) return {};
    if (!commits) return {{"ROLLBACK", [](reference& m) { return m.rollback(), nothing(); }, statement::end}};
    return {{"COMMIT", [](reference& m) { return m.commit(), nothing(); }, statement::end, r.appends_at_commit() && !r.failed()}};
  };
}

operation prepare() {
  return [](const reference& r) -> std::vector<statement> {
    if (!r.in_transaction()) return {};
    const bool succeeds = !r.refuses_prepare() && !r.failed();
    std::vector<statement> statements{{"PREPARE TRANSACTION :'store'", [](reference& m) { return m.prepare(), nothing(); }, statement::end}};
    if (succeeds) statements.push_back({"COMMIT PREPARED :'store'", [](reference&) { return nothing(); }, statement::control});
    return statements;
  };
}

operation savepoint() {
  const std::string name = any_of<std::string>({"s", "t"});
  const int what = any_below(5);
  return [=](const reference& r) -> std::vector<statement> {
    if (!r.in_transaction() && what > 0) return {};
    if (what < 2) return {{"SAVEPOINT " + name, [=](reference& m) { return m.savepoint(name), nothing(); }, statement::control}};
    if (what < 4) return {{"ROLLBACK TO " + name, [=](reference& m) { return m.rollback_to(name), nothing(); }, statement::end}};
    return {{"RELEASE " + name, [=](reference& m) { return m.release(name), nothing(); }, statement::control}};
  };
}

// Appends

operation append() {
  const request_draft draft = any_request();
  return [=](const reference& r) -> std::vector<statement> {
    const request asked = draft.in(r);
    return {{"SELECT dcb.append(:'store', " + draft.text(r) + ")", [=](reference& m) { return one(number(m.append(asked))); }, statement::query, true}};
  };
}

operation append_at_commit() {
  const request_draft draft = any_request();
  return [=](const reference& r) -> std::vector<statement> {
    const request asked = draft.in(r);
    return {{"SELECT dcb.append_at_commit(:'store', " + draft.text(r) + ")", [=](reference& m) { return m.append_at_commit(asked), one(""); },
             statement::query, !r.in_transaction()}};
  };
}

// An append that is rolled back at once: by chance alone it hardly ever comes between a savepoint and the way back to it.
operation undone() {
  const operation undo = any_below(2) == 0 ? append() : append_at_commit();
  return [=](const reference& r) -> std::vector<statement> {
    if (!r.in_transaction() || r.failed()) return {};
    std::vector<statement> statements{{"SAVEPOINT u", [](reference& m) { return m.savepoint("u"), nothing(); }, statement::control}};
    for (auto& each : undo(r)) statements.push_back(std::move(each));
    statements.push_back({"ROLLBACK TO u", [](reference& m) { return m.rollback_to("u"), nothing(); }, statement::end});
    return statements;
  };
}

operation submit() {
  const request_draft draft = any_request();
  return [=](const reference& r) -> std::vector<statement> {
    const request asked = draft.in(r);
    return {{"CALL dcb.submit(:'store', " + draft.text(r) + ")", [=](reference& m) { return one(number(m.submit(asked))); }, statement::query, true}};
  };
}

std::string text_of(const std::vector<outcome>& outcomes) {
  std::vector<std::string> texts;
  for (const outcome& o : outcomes)
    texts.push_back(o.error.empty() ? "(" + number(o.last) + ",,)" : "(," + o.error + "," + (o.conflict > 0 ? number(o.conflict) : "") + ")");
  return array_out(texts);
}

operation submit_many() {
  auto drafts = any_list(4, any_request);
  if (drafts.empty() && !one_in(10)) drafts.emplace_back().events.emplace_back().type = "A";
  for (request_draft& draft : drafts) draft.as_json = false;
  return [=](const reference& r) -> std::vector<statement> {
    std::vector<request> commands;
    std::string texts;
    for (const request_draft& draft : drafts) {
      commands.push_back(draft.in(r));
      texts += (texts.empty() ? "" : ", ") + ("dcb.command(" + draft.text(r) + ")");
    }
    return {{"CALL dcb.submit_many(:'store', ARRAY[" + texts + "]::dcb.command[])", [=](reference& m) { return one(text_of(m.submit_many(commands))); },
             statement::query, true}};
  };
}

// Reads

rows events_of(const reference& r, const std::vector<position>& positions) {
  rows out;
  for (const position p : positions) out.push_back(event_row(p, r.at(p)));
  return out;
}

operation read() {
  const query_draft asked = any_query();
  const bool every = any_below(4) == 3, backwards = any_below(2) == 1;
  const place after = any_place(), upto = any_place(), max_count = any_below(2) == 0 ? place{} : any_place();
  const int form = any_below(6), limit = 1 + any_below(4);
  return [=](const reference& r) -> std::vector<statement> {
    const query q = every ? query{item{}} : asked.in(r);
    const range within{after.in(r), max_count.in(r), upto.in(r), backwards};
    const std::string call = "dcb.read(:'store'" + (every ? "" : ", " + asked.text(r)) + after.argument("after", r) + max_count.argument("max_count", r) +
                             (backwards ? ", backwards => true" : "") + upto.argument("upto", r) + ")";
    const std::string columns = event_columns;
    static const char called[] = "SELECT (r).position, (r).type, (r).tags, (r).data, (r).payload, (r).metadata, (r).id FROM (SELECT ";
    switch (form) {
      case 0: return {{"SELECT " + columns + " FROM " + call, [=](reference& m) { return events_of(m, m.read(q, within)); }}};
      case 1: return {{called + call + " AS r OFFSET 0) AS x", [=](reference& m) { return events_of(m, m.read(q, within)); }}};
      case 2:
        return {{"SELECT " + columns + " FROM " + call + " LIMIT " + number(limit), [=](reference& m) {
                   auto found = m.read(q, within);
                   found.resize(std::min<std::size_t>(found.size(), limit));
                   return events_of(m, found);
                 }}};
      case 3:
        return {{"SELECT " + columns + " FROM " + call + " ORDER BY position DESC LIMIT " + number(limit), [=](reference& m) {
                   auto found = m.read(q, within);
                   std::sort(found.rbegin(), found.rend());
                   found.resize(std::min<std::size_t>(found.size(), limit));
                   return events_of(m, found);
                 }}};
      case 4:
        return {{"SELECT " + columns + " FROM " + call + " WHERE type = 'A'", [=](reference& m) {
                   auto found = m.read(q, within);
                   std::erase_if(found, [&](position p) { return m.at(p).type != "A"; });
                   return events_of(m, found);
                 }}};
      default:
        return {{"SELECT count(*), coalesce(max(position), 0) FROM " + call, [=](reference& m) {
                   const auto found = m.read(q, within);
                   const auto last = std::max_element(found.begin(), found.end());
                   return rows{{number(static_cast<position>(found.size())), number(last == found.end() ? 0 : *last)}};
                 }}};
    }
  };
}

operation look() {
  const query_draft asked = any_query();
  const place after = any_place();
  const int what = any_below(4);
  return [=](const reference& r) -> std::vector<statement> {
    const query q = asked.in(r);
    const range within{.after = after.in(r)};
    const std::string arguments = "(:'store', " + asked.text(r) + (what < 2 ? after.argument("after", r) : "") + ")";
    switch (what) {
      case 0: return {{"SELECT dcb.exists" + arguments, [=](reference& m) { return one(boolean(!m.read(q, within).empty())); }}};
      case 1: return {{"SELECT dcb.count" + arguments, [=](reference& m) { return one(number(static_cast<position>(m.read(q, within).size()))); }}};
      case 2:
        return {{"SELECT dcb.last" + arguments, [=](reference& m) {
                   const auto found = m.read(q, {});
                   return one(found.empty() ? "" : number(found.back()));
                 }}};
      default: return {{"SELECT dcb.head(:'store'), dcb.watermark(:'store')", [](reference& m) { return rows{{number(m.head()), number(m.head())}}; }}};
    }
  };
}

operation matches() {
  const query_draft asked = any_query();
  event_draft e = any_event();
  if (e.as(false).type.empty() || std::count(e.tags.begin(), e.tags.end(), "") > 0) e = {};
  return [=](const reference& r) -> std::vector<statement> {
    const query q = asked.in(r);
    event given = e.as(false);
    if (given.type.empty()) given.type = "A";
    return {{"SELECT dcb.matches(" + asked.text(r) + ", " + literal(given.type) + ", " + text_array(e.tags) + ")", [=](reference& m) {
               m.read(q, {});  // refuses what is no query
               return one(boolean(std::any_of(q.begin(), q.end(), [&](const item& i) { return i.matches(given); })));
             }}};
  };
}

// Times. The model has no clock: the table itself says when its events were recorded.
operation position_at() {
  const place at = any_required_place();
  const int shift = any_below(3) - 1;
  return [=](const reference& r) -> std::vector<statement> {
    const position p = at.in(r).value_or(0);
    return {{"SELECT dcb.position_at(:'store', t.time) = (SELECT coalesce(max(position), 0) FROM dcb.read(:'store') WHERE recorded_at <= t.time) FROM "
             "(SELECT coalesce(dcb.recorded_at(:'store', " +
                 number(p) + "), 'infinity') + " + number(shift) + " * interval '1 microsecond' AS time) AS t",
             [=](reference&) {
               if (p < 0) throw failure{"22023"};
               return one("t");
             }}};
  };
}

operation recorded_at() {
  const place at = any_required_place();
  return [=](const reference& r) -> std::vector<statement> {
    const position p = at.in(r).value_or(0);
    return {{"SELECT dcb.recorded_at(:'store', " + number(p) + ") IS NULL", [=](reference& m) {
               if (p < 0) throw failure{"22023"};
               return one(boolean(p == 0 || p > m.head()));
             }}};
  };
}

// Refusals

operation change_events() {
  const auto sql = any_of<std::string>({"UPDATE :\"store\".event SET type = 'B'", "DELETE FROM :\"store\".event", "TRUNCATE :\"store\".event",
                                        "INSERT INTO :\"store\".event VALUES (1, 'A', '{}', '{}', NULL, NULL, NULL, now())",
                                        "DELETE FROM :\"store\".append_id"});
  return [=](const reference&) -> std::vector<statement> { return {{sql, [](reference&) -> rows { throw failure{"DCB10"}; }}}; };
}

operation unknown_store() {
  const auto sql = any_of<std::string>({"SELECT dcb.head('nowhere')", "SELECT position FROM dcb.read('nowhere')",
                                        "SELECT dcb.append('nowhere', ARRAY[dcb.event('A')])", "SELECT dcb.append_at_commit('nowhere', ARRAY[dcb.event('A')])",
                                        "SELECT position FROM dcb.load_snapshot('nowhere', 'x', dcb.all())", "SELECT dcb.create_subscription('nowhere', 'x')",
                                        "SELECT position FROM dcb.poll('nowhere', 'x', 1)", "SELECT dcb.schedule('nowhere', now(), ARRAY[dcb.event('A')])",
                                        "CALL dcb.run_due('nowhere')", "SELECT problem FROM dcb.verify('nowhere')"});
  return [=](const reference&) -> std::vector<statement> { return {{sql, [](reference&) -> rows { throw failure{"DCB05"}; }}}; };
}

statement verify() {
  return {"SELECT problem, position, detail FROM dcb.verify(:'store')", [](reference&) { return nothing(); }};
}

// Events of one append share their time, and times do not go back.
statement times(const reference& r) {
  std::string firsts;
  for (position p = 1; p <= r.head(); ++p) firsts += (p == 1 ? "" : ", ") + number(r.first_of_append(p));
  return {"SELECT count(*) FROM unnest(ARRAY[" + firsts + "]::bigint[]) WITH ORDINALITY AS a (first, position) JOIN :\"store\".event AS e USING (position)"
          " JOIN :\"store\".event AS f ON f.position = a.first WHERE e.recorded_at = f.recorded_at",
          [](reference& m) { return one(number(m.head())); }};
}

using maker = operation (*)();

rc::Gen<operation> weighted(const std::vector<std::pair<int, maker>>& table) {
  std::vector<rc::Gen<operation>> makers;
  for (const auto& [weight, make] : table)
    for (int i = 0; i < weight; ++i) makers.push_back(rc::gen::exec(make));
  return rc::gen::mapcat(rc::gen::noShrink(rc::gen::elementOf(makers)), [](const rc::Gen<operation>& chosen) { return chosen; });
}

}  // namespace

rc::Gen<operation> any_operation() {
  return weighted({{14, append},
                   {5, append_at_commit},
                   {8, submit},
                   {5, submit_many},
                   {12, begin},
                   {12, end},
                   {10, savepoint},
                   {4, undone},
                   {3, prepare},
                   {22, read},
                   {10, look},
                   {2, matches},
                   {3, position_at},
                   {1, recorded_at},
                   {1, change_events},
                   {1, unknown_store},
                   {1, [] { return operation([](const reference&) { return std::vector{verify()}; }); }},
                   {8, save_snapshot},
                   {6, load_snapshot},
                   {6, load},
                   {1, drop_snapshots},
                   {3, forge_snapshots},
                   {6, schedule},
                   {2, cancel},
                   {4, run_due},
                   {1, due_commands},
                   {6, create_subscription},
                   {1, drop_subscription},
                   {10, claim},
                   {3, release_partitions},
                   {14, poll},
                   {9, checkpoint},
                   {3, fail},
                   {2, pause},
                   {4, resume},
                   {3, rewind},
                   {6, park},
                   {3, resolve_parked},
                   {1, parked_events},
                   {2, subscriptions},
                   {2, forge_checkpoint}});
}

rc::Gen<operation> any_log_operation() {
  return weighted({{14, append}, {6, append_at_commit}, {8, submit}, {4, submit_many}, {10, begin_side_by_side}, {14, end}, {8, savepoint}, {16, read}, {8, look}});
}

std::vector<statement> look_at_log(const reference& r) {
  std::vector<statement> out;
  if (r.in_transaction()) out.push_back({"ROLLBACK", [](reference& m) { return m.rollback(), nothing(); }, statement::end});
  const std::string columns = event_columns;
  out.push_back({"SELECT " + columns + " FROM dcb.read(:'store')", [](reference& m) { return events_of(m, m.read({item{}}, {})); }});
  out.push_back({"SELECT " + columns + " FROM :\"store\".event ORDER BY position", out.back().effect});
  return out;
}

std::vector<statement> look_at_everything(const reference& r) { return {times(r), verify(), all_due_commands(), all_subscriptions()}; }

}  // namespace model
