#include "load.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <regex>
#include <sstream>
#include <utility>

namespace crash {

using race::answer;
using race::session;

namespace {

constexpr int writers = 8;
constexpr const char* never = "dcb.query(tags => ARRAY['never'])";

std::string event(const char* type, const char* number) {
  return std::string("dcb.event('") + type + "', to_jsonb(" + number + "::int), ARRAY['w:' || " + number + "::int % 16])";
}

void rest(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

}  // namespace

load::load(std::uint32_t seed) : seed_(seed) {
  session s;
  s.must("SET synchronous_commit = on");
  store_ = "crash_" + std::to_string(s.backend());
  s.must("SELECT dcb.create_store($1)", {store_});
  s.must("SELECT dcb.create_subscription($1, 's')", {store_});
  s.must("CREATE TABLE " + table("own") + " (number int)");
  s.must("CREATE TABLE " + table("effect") + " (position bigint, number int)");
  s.must("CREATE TABLE " + table("projected") + " (position bigint, number int)");
  preloaded_ = s.must("SELECT current_setting('shared_preload_libraries') LIKE '%pg_dcb%'").value() == "t";
  if (!preloaded_) return;
  s.must("CREATE FUNCTION " + table("project") + "(e dcb.stored_event) RETURNS void LANGUAGE sql AS 'INSERT INTO " + table("projected") +
         " VALUES (e.position, (e.data#>>''{}'')::int)'");
  s.must("SELECT dcb.create_projection($1, 'p', dcb.all(), $2::regprocedure)", {store_, table("project") + "(dcb.stored_event)"});
}

load::~load() {
  if (!threads_.empty()) stop();
}

// A session as soon as the server takes one again.
std::unique_ptr<session> load::connect(bool durable) const {
  for (int tries = 0;; ++tries) try {
      auto s = std::make_unique<session>("connect_timeout=10 application_name=load");
      s->run(durable ? "SET synchronous_commit = on" : "SET synchronous_commit = off");
      if (!s->lost()) return s;
    } catch (const race::unexpected&) {
      if (tries > 30000) throw;
      rest(10);
    }
}

void load::run(std::function<void(std::mt19937&)> work) {
  threads_.emplace_back([this, work = std::move(work), random = std::mt19937(seed_ + ++started_)]() mutable {
    try {
      work(random);
    } catch (const std::exception& e) {
      problem(e.what());
    }
  });
}

void load::start() {
  done_ = false;
  for (int writer = 0; writer < writers; ++writer) run([this, writer](std::mt19937& random) { write(random, writer); });
  run([this](std::mt19937& random) { read(random); });
  run([this](std::mt19937& random) { consume(random); });
  run([this](std::mt19937& random) { rest_at_times(random); });
}

void load::stop() {
  done_ = true;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void load::advance(int more) {
  const int acknowledged = acknowledgements_, reads = reads_, batches = batches_;
  while (!troubled_ && (acknowledgements_ < acknowledged + more || reads_ == reads || batches_ == batches)) rest(1);
}

void load::be_refused(int more) {
  const int refused = refusals_;
  while (refusals_ < refused + more) rest(1);
}

void load::problem(const std::string& what) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (problems_.size() < 20) problems_.push_back(what);
  troubled_ = true;
}

// Writing

int load::attempt() {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.emplace_back();
  return static_cast<int>(entries_.size()) - 1;
}

void load::settle(const std::vector<int>& numbers, fate known, const std::vector<std::int64_t>& positions) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (std::size_t i = 0; i < numbers.size(); ++i) entries_[numbers[i]] = {known, i < positions.size() ? positions[i] : 0};
  if (known == fate::acknowledged) acknowledgements_ += static_cast<int>(numbers.size());
}

// An error with which a session goes on says that nothing was stored; one that ends it leaves that open.
void load::refuse(const std::vector<int>& numbers, const answer& why) {
  settle(numbers, fate::refused);
  const std::lock_guard<std::mutex> lock(mutex_);
  // Which file or page it was does not matter.
  ++errors_[why.sqlstate + " " + std::regex_replace(why.message, std::regex("\"[^\"]*\"|[0-9]+"), "…")];
  ++refusals_;
}

void load::write(std::mt19937& random, int writer) {
  const bool durable = writer % 2 == 0;
  auto s = connect(durable);
  while (!done_) {
    if (durable && !may_go_on(writer == 0 ? lull::writer_alone : lull::none)) {
      rest(1);
      continue;
    }
    switch (lull_ == lull::writer_alone ? 7 : random() % 8) {
      case 0: append_many(*s, durable); break;
      case 1: append_with_row(*s, random, durable); break;
      case 2: schedule(*s, random, durable); break;
      case 3:
        if (durable) append_with_id(s, random);
        break;
      default: append(*s, random, durable);
    }
    if (s->in_transaction()) s->run("ROLLBACK");
    if (s->lost()) s = connect(durable);
    race::pause(random, lull_ == lull::writer_alone ? 100 : 2000);  // the closer, the larger the groups
  }
}

void load::append(session& s, std::mt19937& random, bool durable) {
  const int number = attempt();
  // One writer alone is a matter of groups: nobody else's flush is to help him.
  const char* const call = lull_ != lull::writer_alone && random() % 2 == 0 ? "SELECT dcb.append" : "CALL dcb.submit";
  const answer got = s.run(std::string(call) + "($1, ARRAY[" + event("A", "$2") + "], " + never + ")", {store_, std::to_string(number)});
  if (got.ok() && durable) settle({number}, fate::acknowledged, {got.number()});
  if (!got.ok() && !s.lost()) refuse({number}, got);
}

// Sent again, with its id, until there is an answer.
void load::append_with_id(std::unique_ptr<session>& s, std::mt19937& random) {
  const int number = attempt();
  const std::string id = "md5('" + std::to_string(seed_) + " " + std::to_string(number) + "')::uuid";
  const char* const call = random() % 2 == 0 ? "SELECT dcb.append" : "CALL dcb.submit";
  while (true) {
    const answer got =
        s->run(std::string(call) + "($1, jsonb_build_array(jsonb_build_object('type', 'Id', 'data', $2::int)), append_id => " + id + ")", {store_, std::to_string(number)});
    if (got.ok()) return settle({number}, fate::acknowledged, {got.number()});
    if (!s->lost()) return refuse({number}, got);
    s = connect();
  }
}

void load::append_many(session& s, bool durable) {
  const std::vector<int> numbers{attempt(), attempt(), attempt()};
  const auto command = [](const char* number) { return "dcb.command(ARRAY[" + event("Many", number) + "])"; };
  const answer got = s.run("CALL dcb.submit_many($1, ARRAY[" + command("$2") + ", " + command("$3") + ", " + command("$4") + "])",
                           {store_, std::to_string(numbers[0]), std::to_string(numbers[1]), std::to_string(numbers[2])});
  if (!got.ok()) {
    if (!s.lost()) refuse(numbers, got);
    return;
  }
  static const std::regex outcome(R"re(\(([0-9]*),([^,]*),)re");
  std::size_t n = 0;
  for (std::sregex_iterator each(got.value().begin(), got.value().end(), outcome), end; each != end; ++each, ++n) {
    if ((*each)[1].length() == 0)
      refuse({numbers.at(n)}, {.rows = {}, .sqlstate = (*each)[2], .message = "of a command"});
    else if (durable)
      settle({numbers.at(n)}, fate::acknowledged, {std::stoll((*each)[1])});
  }
  if (n != numbers.size()) problem("submit_many answered " + got.value());
}

// A transaction with a row of the caller's own; the end of it, or all of it, may be rolled back.
void load::append_with_row(session& s, std::mt19937& random, bool durable) {
  const bool at_commit = random() % 2 == 0;
  const char* const call = at_commit ? "SELECT dcb.append_at_commit" : "SELECT dcb.append";
  const int number = attempt(), undone = attempt();
  const auto step = [&](const std::string& sql, const std::vector<std::string>& parameters = {}) {
    const answer got = s.run(sql, parameters);
    if (!got.ok() && !s.lost()) refuse({number, undone}, got);
    return got.ok();
  };
  const auto both = [&](int which) {
    return step("INSERT INTO " + table("own") + " VALUES ($1)", {std::to_string(which)}) &&
           step(std::string(call) + "($1, ARRAY[" + event("Own", "$2") + "])", {store_, std::to_string(which)});
  };
  if (!step("BEGIN") || !both(number)) return;
  if (random() % 2 == 0 && !(step("SAVEPOINT a") && both(undone) && step("ROLLBACK TO a"))) return;
  settle({undone}, fate::refused);
  race::pause(random, 1000);
  if (random() % 4 == 0) {
    settle({number}, fate::refused);
    s.run("ROLLBACK");
  } else if (step("COMMIT") && durable) {
    settle({number}, fate::acknowledged);
  }
}

void load::schedule(session& s, std::mt19937& random, bool durable) {
  const int number = attempt();
  const answer got = s.run("SELECT dcb.schedule($1, now() + $3::int * interval '1 ms', ARRAY[" + event("Due", "$2") + "])",
                           {store_, std::to_string(number), std::to_string(random() % 2000)});
  if (got.ok() && durable) settle({number}, fate::acknowledged);
  if (!got.ok() && !s.lost()) refuse({number}, got);
}

// Reading

void load::show(positions& where, const answer& page) {
  for (const auto& row : page.rows) {
    const auto [seen, first] = where.emplace(std::stoll(row[0]), std::stoi(row[1]));
    if (seen->second != std::stoi(row[1])) problem("position " + row[0] + " was shown as " + std::to_string(seen->second) + ", and then as " + row[1]);
  }
}

void load::rest_at_times(std::mt19937& random) {
  while (!done_) {
    race::pause(random, 100000);
    lull_ = std::array{lull::reader_alone, lull::consumer_alone, lull::writer_alone}[random() % 3];
    race::pause(random, 500000);
    lull_ = lull::none;
  }
}

// What dcb.read answers is durable, and so is what lies at or below dcb.watermark.
void load::read(std::mt19937& random) {
  const std::string statements[] = {
      "SELECT position, data#>>'{}' FROM dcb.read($1, after => $2, max_count => 10000)",
      "SELECT position, data#>>'{}' FROM " + table("event") + " WHERE position > $2 AND position <= dcb.watermark($1) ORDER BY position LIMIT 10000"};
  auto s = connect();
  while (!done_) {
    if (!may_go_on(lull::reader_alone)) {
      rest(1);
      continue;
    }
    const std::int64_t last = shown_.empty() ? 0 : shown_.rbegin()->first;
    const answer page = s->run(statements[random() % 2], {store_, std::to_string(random() % 20 == 0 ? last - last / 10 : last)});
    if (s->lost()) s = connect();
    show(shown_, page);
    if (page.rows.empty())
      race::pause(random, 5000);
    else
      ++reads_;
  }
}

// What is done with events happens once, though some of it is lost, with the checkpoint.
bool load::consume_batch(session& s, std::mt19937& random) {
  s.run(lull_ != lull::none || random() % 2 == 0 ? "SET synchronous_commit = off" : "SET synchronous_commit = on");
  if (const answer held = s.run("SELECT dcb.claim($1, 's', 'me', '1 day')", {store_}); held.sqlstate.starts_with("DCB"))
    problem("no more to consume: " + held.sqlstate + " " + held.message);  // as when its checkpoint is ahead of the log
  const std::string token = "(SELECT token FROM " + table("checkpoint") + " WHERE name = 's')";
  const answer batch = s.run("SELECT position, data#>>'{}' FROM dcb.poll($1, 's', " + token + ", max_count => 1000) WHERE type IS NOT NULL", {store_});
  show(handed_, batch);
  if (batch.rows.empty()) return false;
  if (lull_ == lull::consumer_alone) race::pause(random, 100000);  // dcb.checkpoint makes durable, too
  std::string values;
  for (const auto& row : batch.rows) values += (values.empty() ? "(" : ", (") + row[0] + ", " + row[1] + ")";
  if (s.run("BEGIN").ok() && s.run("INSERT INTO " + table("effect") + " VALUES " + values).ok() &&
      s.run("SELECT dcb.checkpoint($1, 's', " + token + ", $2)", {store_, batch.rows.back()[0]}).ok())
    s.run("COMMIT");
  else
    s.run("ROLLBACK");
  return true;
}

void load::consume(std::mt19937& random) {
  auto s = connect();
  while (!done_) {
    if (!may_go_on(lull::consumer_alone))
      rest(1);
    else if (consume_batch(*s, random))
      ++batches_;
    else if (!s->lost())
      s->run("CALL dcb.wait_for_events($1, 's', '100 ms')", {store_});
    if (s->lost()) s = connect();
  }
}

// The account

std::vector<std::string> load::check() {
  auto s = connect();
  while (s->must("SELECT count(*) FROM " + table("due") + " WHERE state = 'pending'").number() > 0) {
    s->must("CALL dcb.run_due($1)", {store_});
    rest(10);
  }
  check_stored(*s);
  if (problems_.empty()) check_effects(*s);
  for (const auto& row : s->must("SELECT v::text FROM dcb.verify($1) AS v LIMIT 5", {store_}).rows) problem("dcb.verify: " + row[0]);
  return std::exchange(problems_, {});
}

void load::check_stored(session& s) {
  std::vector<std::int64_t> where(entries_.size(), 0);  // where a number is stored
  positions stored;
  while (true) {
    const answer page =
        s.must("SELECT position, data#>>'{}' FROM dcb.read($1, after => $2, max_count => 50000)", {store_, std::to_string(stored.size())});
    if (page.rows.empty()) break;
    for (const auto& row : page.rows) {
      const std::int64_t position = std::stoll(row[0]);
      const int number = std::stoi(row[1]);
      if (position != static_cast<std::int64_t>(stored.size()) + 1) return problem("a gap before position " + row[0]);
      stored.emplace(position, number);
      if (number < 0 || number >= static_cast<int>(entries_.size())) return problem("never sent: " + row[1]);
      if (where[number] != 0) problem("stored twice: " + row[1]);
      where[number] = position;
    }
  }
  stored_ = static_cast<std::int64_t>(stored.size());
  for (std::size_t number = 0; number < entries_.size(); ++number) {
    const auto& [known, position] = entries_[number];
    if (known == fate::acknowledged && (where[number] == 0 || (position != 0 && where[number] != position)))
      problem("acknowledged: " + std::to_string(number) + " at " + std::to_string(position) + ", stored at " + std::to_string(where[number]));
    if (known == fate::refused && where[number] != 0) problem("refused or rolled back, and stored: " + std::to_string(number));
  }
  for (const auto* shown : {&shown_, &handed_})
    for (const auto& [position, number] : *shown) {
      const auto found = stored.find(position);
      if (found == stored.end() || found->second != number)
        problem(std::string(shown == &shown_ ? "shown to a reader" : "handed to a consumer") + " at " + std::to_string(position) + ", and vanished: " + std::to_string(number));
    }
}

void load::check_effects(session& s) {
  std::mt19937 random(seed_);
  while (consume_batch(s, random)) continue;
  const std::string events = "(SELECT position, (data#>>'{}')::int AS number, type FROM " + table("event") + ")";
  const auto same = [&](const char* what, const std::string& found, const std::string& wanted) {
    const answer differences =
        s.must("SELECT count(*), min(d.n) FROM ((" + found + " EXCEPT ALL " + wanted + ") UNION ALL (" + wanted + " EXCEPT ALL " + found + ")) AS d (n)");
    if (differences.number() != 0) problem(std::string(what) + ": " + differences.value() + " differences, the first at " + differences.rows[0][1]);
  };
  const std::string all = "SELECT (position, number)::text FROM " + events + " AS e";
  same("not each its effect, once", "SELECT (position, number)::text FROM " + table("effect"), all);
  same("an event without its row, or a row without its event", "SELECT number::text FROM " + table("own"), "SELECT number::text FROM " + events + " AS e WHERE type = 'Own'");
  if (preloaded_) {
    for (int tries = 0; s.must("SELECT lag_events FROM dcb.projections($1)", {store_}).number() > 0; ++tries) {
      if (tries > 12000) return problem("the projection does not catch up: " + s.must("SELECT p::text FROM dcb.projections($1) AS p", {store_}).value());
      rest(10);
    }
    same("not each projected, once", "SELECT (position, number)::text FROM " + table("projected"), all);
  }
  same("the tag index finds something else than the table holds",
       "SELECT (w, dcb.count('" + store_ + "', dcb.query(tags => ARRAY['w:' || w])))::text FROM generate_series(0, 15) AS w",
       "SELECT (w, (SELECT count(*) FROM " + table("event") + " WHERE 'w:' || w = ANY (tags)))::text FROM generate_series(0, 15) AS w");
}

std::string load::account() const {
  std::ostringstream line;
  line << entries_.size() << " attempted, " << acknowledgements_ << " acknowledged, " << refusals_ << " refused, " << stored_ << " stored, " << shown_.size()
       << " shown, " << handed_.size() << " handed out";
  return line.str();
}

std::string load::errors() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::string line;
  for (const auto& [error, count] : errors_) line += (line.empty() ? "" : "; ") + error;
  return line;
}

}  // namespace crash
