#include "player.hpp"

#include <algorithm>
#include <cctype>
#include <iostream>

namespace model {

tally played;

namespace {

// ":t5" outside of quotes is the token number 5.
bool is_token(const std::string& cell) { return cell.starts_with(":t"); }
std::size_t token_number(const std::string& cell) { return std::stoul(cell.substr(2)); }

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size()) text.replace(at, what.size(), by);
}

std::string text_of(const rows& answer) {
  std::string out = answer.empty() ? "    no rows\n" : "";
  for (const row& r : answer) {
    out += "   ";
    for (const std::string& cell : r) out += " " + (cell.empty() ? "-" : cell) + " |";
    out.back() = '\n';
  }
  return out;
}

// "dcb.append" or the first word.
std::string name_of(const std::string& sql) {
  const auto at = sql.starts_with("SELECT") || sql.starts_with("CALL") ? sql.find("dcb.") : sql.npos;
  if (at == sql.npos) return sql.substr(0, sql.find(' '));
  return sql.substr(at, sql.find('(', at) - at);
}

}  // namespace

void tally::print() const {
  std::cout << "model: " << statements << " operations in " << sequences << " sequences\n";
  for (const auto& [name, times] : outcomes) std::cout << "  " << name << ": " << times << '\n';
}

player::player(int sessions) : sessions_(sessions) {}

// A server that fell over comes back; the next sequence is not to blame.
race::session& player::connection(int session) {
  auto& own = sessions_[session];
  for (int attempt = 0; own == nullptr || own->lost(); ++attempt) try {
      own = std::make_unique<race::session>("options='-c statement_timeout=20s -c lock_timeout=5s'");
    } catch (const race::unexpected&) {
      if (attempt == 200) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  return *own;
}

std::string player::with_values(const std::string& sql) const {
  std::string out = sql;
  replace_all(out, ":'store'", "'" + store_->name() + "'");
  replace_all(out, ":\"store\"", store_->name());
  for (std::size_t at = 0; (at = out.find(":t", at)) != out.npos;) {
    std::size_t end = at + 2;
    while (end < out.size() && std::isdigit(static_cast<unsigned char>(out[end]))) ++end;
    if (end == at + 2) {
      at = end;
      continue;
    }
    out.replace(at, end - at, tokens_.at(token_number(out.substr(at, end - at))));
  }
  return out;
}

// What a claim answers is kept in variables.
std::string player::for_psql(const statement& s, const expectation& expected) const {
  const std::string head = "SELECT partition, token FROM ";
  if (!s.sql.starts_with(head) || expected.answer.empty()) return s.sql + ";\n";
  std::string columns;
  for (const row& r : expected.answer)
    columns += (columns.empty() ? "" : ", ") + ("max(token) FILTER (WHERE partition = " + r[0] + ") AS " + r[1].substr(1));
  return "SELECT " + columns + " FROM " + s.sql.substr(head.size()) + " \\gset\n";
}

void player::compare(const statement& s, const expectation& expected, const race::answer& got) {
  ++played.statements;
  ++played.outcomes[name_of(s.sql) + (expected.sqlstate.empty() ? "" : " " + expected.sqlstate)];
  bool same = got.sqlstate == expected.sqlstate && got.rows.size() == expected.answer.size();
  if (same && expected.conflict > 0) same = got.detail.starts_with("Event " + std::to_string(expected.conflict) + " ");
  for (std::size_t i = 0; same && i < expected.answer.size(); ++i) {
    same = got.rows[i].size() == expected.answer[i].size();
    for (std::size_t j = 0; same && j < expected.answer[i].size(); ++j) {
      const std::string &cell = got.rows[i][j], &wanted = expected.answer[i][j];
      if (!is_token(wanted)) {
        same = cell == wanted;
        continue;
      }
      tokens_.resize(std::max(tokens_.size(), token_number(wanted) + 1));
      std::string& known = tokens_[token_number(wanted)];
      same = known.empty() ? std::find(tokens_.begin(), tokens_.end(), cell) == tokens_.end() : cell == known;
      known = cell;
    }
  }
  if (same) return;
  std::string text = script_ + "-- expected: " + (expected.sqlstate.empty() ? "\n" + text_of(expected.answer) : expected.sqlstate);
  if (expected.conflict > 0) text += " naming event " + std::to_string(expected.conflict);
  if (!text.ends_with('\n')) text += '\n';
  text += "-- answered: " + (got.ok() ? "\n" + text_of(got.rows) : got.sqlstate + " " + got.message + (got.detail.empty() ? "" : " (" + got.detail + ")") + "\n");
  throw disagreement(text);
}

void player::perform(int session, const statement& s) {
  if (sessions_.size() > 1 && session != last_session_) script_ += "-- session " + std::to_string(session + 1) + "\n";
  last_session_ = session;
  const std::string sql = with_values(s.sql);
  const expectation expected = references_[session].perform(s);
  script_ += for_psql(s, expected);
  compare(s, expected, connection(session).run(sql));
}

// Another session keeps the append lock.
bool player::would_wait(int session, const statement& s) const {
  if (!s.appends) return false;
  for (std::size_t i = 0; i < references_.size(); ++i)
    if (static_cast<int>(i) != session && references_[i].holds_lock()) return true;
  return false;
}

void player::take_store() {
  if (store_ != nullptr && ++uses_of_store_ < 50) {
    std::string deletes;
    for (const char* table : {"event", "append_id", "snapshot", "due", "parked", "subscription_member", "checkpoint", "subscription"})
      deletes += "DELETE FROM " + store_->name() + "." + table + ";";
    connection(0).must("DO $$ BEGIN SET LOCAL session_replication_role = replica; " + deletes + " END $$");
    return;
  }
  store_.reset();
  store_ = std::make_unique<race::temporary_store>();
  uses_of_store_ = 0;
}

void player::play(const std::vector<step>& steps) {
  take_store();
  tokens_.clear();
  script_ = "\\set store model\nSELECT dcb.create_store(:'store');\n";
  last_session_ = -1;
  const auto committed = std::make_shared<store_state>();
  references_.assign(sessions_.size(), reference(committed));
  ++played.sequences;

  // Before the store can be emptied or dropped, also after a disagreement.
  struct leave {
    player& own;
    ~leave() {
      for (auto& each : own.sessions_)
        if (each != nullptr && !each->lost() && each->in_transaction()) each->run("ROLLBACK");
    }
  } leaving{*this};

  for (const step& each : steps) {
    const reference& r = references_[each.session];
    for (const statement& s : each.what(r))
      if (!would_wait(each.session, s) && (!r.failed() || s.is == statement::end || each.insists)) perform(each.session, s);
  }
  for (std::size_t i = 0; i < sessions_.size(); ++i)
    for (const statement& s : look_at_log(references_[i])) perform(static_cast<int>(i), s);
  for (const statement& s : look_at_everything(references_[0])) perform(0, s);
}

}  // namespace model
