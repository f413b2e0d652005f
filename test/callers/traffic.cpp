#include "traffic.hpp"

#include <gtest/gtest.h>

namespace callers {
namespace {

using race::answer;
using race::session;
using namespace std::chrono_literals;

constexpr int events_before = 4000;

}  // namespace

traffic::traffic() {
  session s;
  s.must("CREATE TABLE \"" + store() + "\".own (event text)");
  s.must("CREATE TABLE \"" + store() + "\".effect (position bigint)");
  s.must("SELECT dcb.create_subscription($1, 's', dcb.query(tags => '{consumed}'))", {store()});
  std::string events;
  for (int i = 1; i <= events_before; ++i) {
    const std::string event = ledger_.fresh();
    answer told;
    ledger_.told(told, event, i);
    events += (i > 1 ? "," : "") + event;
  }
  s.must("SELECT dcb.append($1, array_agg(dcb.event(e, tags => '{old,consumed}') ORDER BY n)) FROM unnest(string_to_array($2, ',')) WITH ORDINALITY AS x (e, n)", {store(), events});
  using work = void (traffic::*)(session&);
  for (const work each : {&traffic::race_for, &traffic::race_for, &traffic::read, &traffic::consume, &traffic::wait})
    threads_.emplace_back([this, each] {
      try {
        for (session s; !done_;) (this->*each)(s);
      } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
      }
    });
  for (int writer = 0; writer < 4; ++writer)
    threads_.emplace_back([this, writer] {
      try {
        session s;
        write(s, writer);
      } catch (const std::exception& e) {
        ADD_FAILURE() << "writer " << writer << ": " << e.what();
      }
    });
}

traffic::~traffic() {
  done_ = true;
  for (auto& thread : threads_) thread.join();
}

void traffic::pass(int appends) {
  const auto until = [](const auto& count, int goal, const char* who) {
    for (const auto deadline = std::chrono::steady_clock::now() + 120s; count() < goal; std::this_thread::sleep_for(1ms))
      if (std::chrono::steady_clock::now() > deadline) throw race::unexpected(std::string(who) + " do not go on: at " + std::to_string(count()) + ", not at " + std::to_string(goal));
  };
  const int goal = ledger_.acknowledged() + appends;  // as positions are 1, 2, 3 ..., one that is reached by then
  const int woken = awaited_;
  until([&] { return ledger_.acknowledged(); }, goal, "appends");
  until([&] { return read_.load(); }, goal, "readers");
  until([&] { return consumed_.load(); }, goal, "consumers");
  until([&] { return awaited_.load(); }, woken + 1, "waiters");
}

// Appends under a condition that only an event of one's own could break.
void traffic::write(session& s, int writer) {
  std::mt19937 random(seed() + writer);
  const std::string tag = "w:" + std::to_string(writer);
  std::int64_t last = 0;
  while (!done_) {
    const std::string event = ledger_.fresh();
    const std::string arguments = "($1, ARRAY[dcb.event($2, tags => ARRAY[$3, 'consumed'])], dcb.query(tags => ARRAY[$3]), $4, md5($2)::uuid)";
    const std::vector<std::string> parameters{store(), event, tag, std::to_string(last)};
    answer got;
    bool positioned = true;
    switch (random() % 5) {
      case 0: got = s.run("SELECT dcb.append" + arguments, parameters); break;
      case 1:
        positioned = false;
        s.must("BEGIN");
        s.must("INSERT INTO \"" + store() + "\".own VALUES ($1)", {event});
        got = s.run((random() % 2 == 0 ? "SELECT dcb.append_at_commit" : "SELECT dcb.append") + arguments, parameters);
        if (got.ok()) got = s.run("COMMIT");
        if (s.in_transaction()) s.must("ROLLBACK");
        break;
      case 2:
        positioned = false;
        got = s.run("CALL dcb.submit_many($1, ARRAY[dcb.command(ARRAY[dcb.event($2, tags => ARRAY[$3, 'consumed'])], dcb.query(tags => ARRAY[$3]), $4)])", parameters);
        break;
      default: got = s.run("CALL dcb.submit" + arguments, parameters);
    }
    EXPECT_TRUE(got.ok()) << got.sqlstate << " " << got.message;
    ledger_.told(got, event, got.ok() && positioned ? got.number() : 0);
    if (got.ok()) last = positioned ? got.number() : s.must("SELECT dcb.last($1, dcb.query(tags => ARRAY[$2]))", {store(), tag}).number();
    if (got.ok() && positioned) {
      EXPECT_EQ(s.must("CALL dcb.submit" + arguments, parameters).number(), last) << "it was appended before, by its append id";
    }
    if (random() % 8 == 0) race::pause(random, 2000);
  }
}

// Counts on one boundary: each decision says how many it has found there.
void traffic::race_for(session& s) {
  const std::string event = ledger_.fresh();
  const auto seen = s.must("SELECT dcb.count($1, dcb.query(tags => '{hot}')), coalesce(dcb.last($1, dcb.query(tags => '{hot}')), 0)", {store()}).rows[0];
  const answer got = s.run("CALL dcb.submit($1, ARRAY[dcb.event($2, to_jsonb($3::int), '{hot}')], dcb.query(tags => '{hot}'), $4)", {store(), event, seen[0], seen[1]});
  EXPECT_TRUE(got.ok() || got.sqlstate == "DCB01") << got.sqlstate << " " << got.message;
  ledger_.told(got, event, got.ok() ? got.number() : 0);
  won_ += got.ok();
}

// Goes on from the last position that it has seen; nothing may be missing in between.
void traffic::read(session& s) {
  const int last = read_;
  const auto page = s.must("SELECT position FROM dcb.read($1, after => $2, max_count => 500)", {store(), std::to_string(last)});
  for (const auto& row : page.rows)
    if (std::stoi(row[0]) != ++read_) throw race::unexpected("a reader saw " + row[0] + " after " + std::to_string(read_ - 1));
  if (page.rows.empty()) std::this_thread::sleep_for(1ms);
}

void traffic::consume(session& s) {
  s.must("SELECT dcb.claim($1, 's', 'me', '1 day')", {store()});
  const std::string token = "(SELECT token FROM \"" + store() + "\".checkpoint)";
  s.must("BEGIN");
  const auto moved = s.must("WITH batch AS MATERIALIZED (SELECT position, type FROM dcb.poll($1, 's', " + token + ", max_count => 200)), effect AS (INSERT INTO \"" + store() +
                                "\".effect SELECT position FROM batch WHERE type IS NOT NULL) SELECT max(position), dcb.checkpoint($1, 's', " + token + ", max(position)) FROM batch HAVING count(*) > 0",
                            {store()});
  s.must("COMMIT");
  if (moved.rows.empty())
    std::this_thread::sleep_for(2ms);
  else
    consumed_ = static_cast<int>(moved.number());
}

void traffic::wait(session& s) {
  const std::string head = s.must("SELECT dcb.head($1)", {store()}).value();
  awaited_ += s.must("CALL dcb.wait_for_query($1, dcb.query(tags => '{consumed}'), $2, '2 s')", {store(), head}).value() == "t";
}

void traffic::finish() {
  done_ = true;
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  ledger_.check(store());
  session s;
  const auto asks = [&](const std::string& question) { return s.must(question, {store()}).number(); };
  EXPECT_EQ(asks("SELECT count(*) FROM (SELECT data::int - row_number() OVER (ORDER BY position) AS n FROM dcb.read($1, dcb.query(tags => '{hot}'))) AS x WHERE n <> -1"), 0)
      << "a decision was made on a count that was not so any more";
  EXPECT_EQ(asks("SELECT dcb.count($1, dcb.query(tags => '{hot}'))"), won_);
  EXPECT_EQ(asks("SELECT count(*) FROM \"" + store() + "\".event WHERE 'consumed' = ANY (tags) AND $1 <> ''"), asks("SELECT dcb.count($1, dcb.query(tags => '{consumed}'))"))
      << "the tag index finds something else than the table holds";
  EXPECT_EQ(s.must("SELECT count(*) FROM \"" + store() + "\".own WHERE event NOT IN (SELECT type FROM \"" + store() + "\".event)").number(), 0) << "a row without its event";
  while (read_ < asks("SELECT dcb.head($1)")) read(s);
  const auto done = [&] { return asks("SELECT count(*) FROM dcb.read($1, dcb.query(tags => '{consumed}'), after => (SELECT position FROM \"" + store() + "\".checkpoint))") == 0; };
  while (!done()) consume(s);
  EXPECT_EQ(s.must("SELECT count(*) FROM \"" + store() + "\".effect").number(), asks("SELECT dcb.count($1, dcb.query(tags => '{consumed}'))")) << "each event has its effect once";
  EXPECT_EQ(s.must("SELECT count(DISTINCT position) - count(*) FROM \"" + store() + "\".effect").number(), 0);
  EXPECT_GT(awaited_, 0) << "nobody was woken";
}

}  // namespace callers
