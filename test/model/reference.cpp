// Transactions, the log, snapshots and due commands of the reference.

#include "reference.hpp"

#include <algorithm>

namespace model {
namespace {

bool contains_all(const std::set<std::string>& all, const std::set<std::string>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

void check(const query& asked) {
  if (asked.empty()) throw failure{"DCB02"};
  for (const item& i : asked)
    if (i.types.contains("") || i.except.contains("") || i.tags.contains("") || i.after.value_or(0) < 0) throw failure{"DCB02"};
}

void check(const std::vector<event>& events) {
  if (events.empty()) throw failure{"DCB04"};
  for (const event& e : events)
    if (e.type.empty() || e.tags.contains("")) throw failure{"DCB03"};
}

// Errors of the call itself, which does not look at the store for them.
void check(const request& asked) {
  check(asked.events);
  if (asked.after.value_or(0) < 0) throw failure{"22023"};
  if (asked.after.value_or(0) > 0 && !asked.condition) throw failure{"22023"};
}

void check_query_of(const request& asked) {
  if (asked.condition) check(*asked.condition);
}

}  // namespace

bool item::matches(const event& e) const {
  return (types.empty() || types.contains(e.type)) && !except.contains(e.type) && contains_all(e.tags, tags);
}

// Transactions

// What others have committed, unless nobody can have: then it is what this transaction has seen and done.
void reference::look_at_committed() {
  if (now_.holds_lock) return;
  now_.log = committed_->log;
  now_.append_ids = committed_->append_ids;
  if (one_snapshot_ && !snapshot_) snapshot_ = now_.log.size();
}

expectation reference::perform(const statement& s) {
  if (s.is == statement::query && !failed_) look_at_committed();
  const store_state before = now_;
  try {
    if (failed_ && s.is != statement::end) throw failure{"25P02"};
    rows answer = s.effect(*this);
    if (!open_) commit();
    return {"", 0, std::move(answer)};
  } catch (const failure& f) {
    if (open_) {
      now_ = before;
      failed_ = true;
    } else {
      rollback();
    }
    return {f.sqlstate, f.conflict, {}};
  }
}

void reference::begin(bool one_snapshot) {
  open_ = true;
  one_snapshot_ = one_snapshot;
}

void reference::forget_transaction() {
  open_ = failed_ = one_snapshot_ = false;
  snapshot_.reset();
  savepoints_.clear();
}

void reference::commit() {
  if (failed_) return rollback();
  forget_transaction();
  const std::vector<request> deferred = std::exchange(now_.at_commit, {});
  look_at_committed();
  for (const request& asked : deferred) append_unchecked(asked);
  now_.appended = now_.holds_lock = false;
  *committed_ = now_;
}

void reference::rollback() {
  forget_transaction();
  now_ = *committed_;
}

// And the commit of what was prepared.
void reference::prepare() {
  if (failed_ || !refuses_prepare()) return commit();
  rollback();
  throw failure{"DCB08"};
}

void reference::savepoint(const std::string& name) {
  if (!open_) throw failure{"25P01"};
  savepoints_.emplace_back(name, now_);
}

std::size_t reference::find_savepoint(const std::string& name) const {
  if (!open_) throw failure{"25P01"};
  for (std::size_t i = savepoints_.size(); i-- > 0;)
    if (savepoints_[i].first == name) return i;
  throw failure{"3B001"};
}

void reference::rollback_to(const std::string& name) {
  savepoints_.resize(find_savepoint(name) + 1);
  now_ = savepoints_.back().second;
  failed_ = false;
}

void reference::release(const std::string& name) { savepoints_.resize(find_savepoint(name)); }

// The log

position reference::head() const {
  const bool by_snapshot = snapshot_ && !now_.holds_lock;
  return static_cast<position>(by_snapshot ? *snapshot_ : now_.log.size());
}

position reference::append_unchecked(const request& asked) {
  now_.appended = true;
  if (asked.append_id)
    if (const auto used = now_.append_ids.find(*asked.append_id); used != now_.append_ids.end()) {
      if (used->second.first != asked.events) throw failure{"DCB07"};
      return used->second.second;
    }
  if (asked.condition) {
    for (const item& i : *asked.condition)
      if (i.after.value_or(asked.after.value_or(0)) > static_cast<position>(now_.log.size())) throw failure{"DCB09"};
    for (position p = 1; p <= static_cast<position>(now_.log.size()); ++p)
      for (const item& i : *asked.condition)
        if (p > i.after.value_or(asked.after.value_or(0)) && i.matches(at(p))) throw failure{"DCB01", p};
  }
  const auto first = static_cast<position>(now_.log.size()) + 1;
  for (const event& e : asked.events) now_.log.push_back({std::make_shared<const event>(e), first});
  const auto last = static_cast<position>(now_.log.size());
  if (asked.append_id) now_.append_ids[*asked.append_id] = {asked.events, last};
  now_.holds_lock = true;
  return last;
}

position reference::append(const request& asked) {
  check_query_of(asked);
  check(asked);
  return append_unchecked(asked);
}

void reference::append_at_commit(const request& asked) {
  check_query_of(asked);
  check(asked);
  now_.at_commit.push_back(asked);
}

position reference::submit(const request& asked) {
  check_query_of(asked);
  if (open_) throw failure{"25001"};
  return append(asked);
}

std::vector<outcome> reference::submit_many(const std::vector<request>& commands) {
  for (const request& asked : commands) check_query_of(asked);
  if (open_) throw failure{"25001"};
  if (commands.empty()) throw failure{"DCB04"};
  for (const request& asked : commands) check(asked);
  std::vector<outcome> outcomes;
  for (const request& asked : commands) try {
      outcomes.push_back({append_unchecked(asked), "", 0});
    } catch (const failure& f) {
      outcomes.push_back({0, f.sqlstate, f.conflict});
    }
  return outcomes;
}

std::vector<position> reference::read(const query& asked, const range& within) const {
  check(asked);
  if (within.after.value_or(0) < 0 || within.max_count.value_or(0) < 0 || within.upto.value_or(0) < 0) throw failure{"22023"};
  std::vector<position> found;
  for (position p = 1; p <= std::min(head(), within.upto.value_or(head())); ++p)
    if (std::any_of(asked.begin(), asked.end(), [&](const item& i) { return p > i.after.value_or(within.after.value_or(0)) && i.matches(at(p)); }))
      found.push_back(p);
  if (within.backwards) std::reverse(found.begin(), found.end());
  if (within.max_count && *within.max_count < static_cast<position>(found.size())) found.resize(*within.max_count);
  return found;
}

// Snapshots

bool reference::save_snapshot(const std::string& name, const query& asked, position at, const std::string& state, std::int64_t version) {
  check(asked);
  if (at < 1) throw failure{"22023"};
  if (at > head()) throw failure{"DCB09"};
  const auto key = std::tuple(name, asked, version);
  const auto kept = now_.snapshots.find(key);
  if (kept != now_.snapshots.end() && kept->second.at >= at && kept->second.at <= head()) return false;
  now_.snapshots[key] = {at, state, true};
  return true;
}

std::optional<snapshot> reference::load_snapshot(const std::string& name, const query& asked, std::int64_t version) const {
  check(asked);
  const auto kept = now_.snapshots.find(std::tuple(name, asked, version));
  if (kept == now_.snapshots.end() || !kept->second.of_this_log) return std::nullopt;
  return kept->second;
}

std::int64_t reference::drop_snapshots(const std::optional<std::string>& name) {
  return static_cast<std::int64_t>(std::erase_if(now_.snapshots, [&](const auto& each) { return !name || std::get<0>(each.first) == *name; }));
}

void reference::make_snapshots_foreign(position at) {
  for (auto& [key, each] : now_.snapshots) each = {at, each.state, false};
}

// Due commands

namespace {

// Commands are kept as jsonb, in which 1 equals 1.0.
std::vector<event> as_jsonb(std::vector<event> events) {
  for (event& e : events)
    if (e.data == R"({"n": 1.0})") e.data = R"({"n": 1})";
  return events;
}

}  // namespace

void reference::schedule(const std::string& id, std::int64_t due, const request& asked) {
  check_query_of(asked);
  check(asked);
  if (asked.condition)
    for (const item& i : *asked.condition)
      if (i.after.value_or(asked.after.value_or(0)) > static_cast<position>(now_.log.size())) throw failure{"DCB09"};
  for (const event& e : asked.events)
    if (e.data == "null" || e.metadata == "null") throw failure{"DCB03"};
  now_.appended = true;
  const position after = asked.after.value_or(0);
  if (const auto used = now_.due.find(id); used != now_.due.end()) {
    const due_command& first = used->second;
    if (as_jsonb(first.events) != as_jsonb(asked.events) || first.condition != asked.condition || first.after != after) throw failure{"DCB14"};
    return;
  }
  now_.due[id] = {due, next_due_++, asked.events, asked.condition, after, "pending", "", 0};
}

bool reference::cancel(const std::string& id) {
  const auto found = now_.due.find(id);
  if (found == now_.due.end() || found->second.state != "pending") return false;
  found->second.state = "cancelled";
  return true;
}

std::vector<std::pair<std::string, due_command>> reference::due_commands() const {
  std::vector<std::pair<std::string, due_command>> all(now_.due.begin(), now_.due.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return std::pair(a.second.due, a.second.number) < std::pair(b.second.due, b.second.number); });
  return all;
}

int reference::run_due() {
  int executed = 0;  // with the append lock, whatever comes of it
  for (const auto& [id, each] : due_commands()) {
    if (each.state != "pending" || each.due >= 0) continue;
    due_command& command = now_.due[id];
    try {
      command.at = append_unchecked({command.events, command.condition, command.after, std::nullopt});
      command.state = "appended";
    } catch (const failure& f) {
      command.at = f.conflict;
      command.sqlstate = f.sqlstate;
      command.state = f.sqlstate == "DCB01" ? "refused" : "failed";
    }
    ++executed;
  }
  return executed;
}

}  // namespace model
