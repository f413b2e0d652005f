// When an append's commit is durable, and what others see until then. A synchronous standby that never comes makes every commit that waits for one wait
// until it is told not to: what is visible meanwhile, and which locks are held, can then be looked at. Settings of the server are changed and set back.

#include "session.hpp"

#include <gtest/gtest.h>

#include <future>
#include <utility>
#include <vector>

namespace {

using race::answer;
using race::session;
using namespace std::chrono_literals;

constexpr auto patience = 60s;

class durability : public testing::Test {
 protected:
  void SetUp() override {
    observer_.must("SET synchronous_commit = local");
    observer_.must("CREATE TABLE \"" + table_ + "\" (n int)");
    observer_.must("INSERT INTO \"" + table_ + "\" VALUES (0)");
    observer_.must("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    observer_.must("SELECT pg_reload_conf()");
    // The setting counts from the moment on in which an ordinary commit waits.
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (bool waits = false; !waits;) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "commits do not wait for a standby";
      session probe;
      auto commit = start(probe, insert());
      waits = is_waiting(probe, commit);
      observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(probe.backend())});
      EXPECT_TRUE(commit.get().ok());
    }
  }

  void TearDown() override {
    release_all();
    observer_.run("DROP TABLE IF EXISTS \"" + table_ + "\"");
  }

  void release_all() {
    observer_.run("ALTER SYSTEM RESET synchronous_standby_names");
    observer_.run("SELECT pg_reload_conf()");
  }

  static std::future<answer> start(session& s, const std::string& sql) {
    return std::async(std::launch::async, [&s, sql] { return s.run(sql); });
  }

  // Does it wait for the standby (true), or end before that (false)?
  bool is_waiting(session& s, std::future<answer>& statement) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (statement.wait_for(1ms) == std::future_status::ready) return false;
      const auto seen = observer_.must("SELECT wait_event FROM pg_stat_activity WHERE pid = $1", {std::to_string(s.backend())});
      if (!seen.rows.empty() && seen.value() == "SyncRep") return true;
    }
    throw race::unexpected("it neither waits for the standby nor ends");
  }

  std::string insert() const { return "INSERT INTO \"" + table_ + "\" VALUES (1)"; }
  std::string append(const std::string& type) const { return "SELECT dcb.append('" + store_.name() + "', ARRAY[dcb.event('" + type + "')])"; }
  std::string submit(const std::string& type) const { return "CALL dcb.submit('" + store_.name() + "', ARRAY[dcb.event('" + type + "')])"; }
  bool is_visible(const std::string& type) {
    return observer_.must("SELECT count(*) FROM \"" + store_.name() + "\".event WHERE type = $1", {type}).number() == 1;
  }

  race::temporary_store store_;
  session observer_;
  const std::string table_ = store_.name() + "_own";
};

// The commit is waited for without the lock: others see the event, and append behind it, before its client has an answer.
TEST_F(durability, is_waited_for_outside_the_lock) {
  session writer;
  observer_.must("SET lock_timeout = '10s'");
  for (const auto& [type, statement] : {std::pair{"Function", append("Function")}, std::pair{"Procedure", submit("Procedure")}}) {
    auto appended = start(writer, statement);
    ASSERT_TRUE(is_waiting(writer, appended)) << "acknowledged before the standby has it";
    const bool outside = is_visible(type);
    EXPECT_TRUE(outside);
    if (outside) observer_.must(append("Behind"));
    observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(writer.backend())});
    ASSERT_TRUE(appended.get().ok());
  }
  EXPECT_EQ(observer_.must("SELECT count(*) FROM dcb.read($1) WHERE type = 'Behind' AND position > 1", {store_.name()}).number(), 2);
}

// What a reader writes is nothing that others could see: here it prunes a page of the user's, otherwise one of the catalogue.
TEST_F(durability, is_waited_for_outside_the_lock_by_who_has_read) {
  session writer;
  observer_.must("INSERT INTO \"" + table_ + "\" SELECT 1 FROM generate_series(1, 1000)");
  const auto end_of_log = [&] { return writer.must("SELECT pg_current_wal_insert_lsn()").value(); };
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (bool pruned = false; !pruned;) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "reading prunes nothing";
    if (writer.in_transaction()) writer.must("ROLLBACK");
    observer_.must("UPDATE \"" + table_ + "\" SET n = n + 1");
    writer.must("BEGIN");
    const std::string before = end_of_log();
    writer.must("SELECT count(*) FROM \"" + table_ + "\"");
    pruned = end_of_log() != before;
  }
  writer.must(append("A"));
  auto committed = start(writer, "COMMIT");
  ASSERT_TRUE(is_waiting(writer, committed));
  EXPECT_TRUE(is_visible("A"));
  observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(writer.backend())});
  EXPECT_TRUE(committed.get().ok());
}

// With the user's own writes in the transaction the commit is an ordinary one: nothing is seen of it, and the lock held, until it is durable.
TEST_F(durability, of_the_users_writes_comes_before_others_see_them) {
  session writer;
  writer.must("BEGIN");
  writer.must("UPDATE \"" + table_ + "\" SET n = 7 WHERE n = 0");
  writer.must(append("Together"));
  auto committed = start(writer, "COMMIT");
  ASSERT_TRUE(is_waiting(writer, committed));
  EXPECT_FALSE(is_visible("Together"));
  EXPECT_EQ(observer_.must("SELECT count(*) FROM \"" + table_ + "\" WHERE n = 7").number(), 0);
  observer_.must("SET lock_timeout = '50ms'");
  EXPECT_EQ(observer_.run(append("Behind")).sqlstate, "55P03");
  release_all();
  EXPECT_TRUE(committed.get().ok());
  EXPECT_TRUE(is_visible("Together"));
  EXPECT_EQ(observer_.must("SELECT count(*) FROM \"" + table_ + "\" WHERE n = 7").number(), 1);
}

// A session that waits until standbys show its commit has it shown nowhere before.
TEST_F(durability, by_remote_apply_comes_before_others_see_it) {
  for (const auto& [type, statement] : {std::pair{"Function", append("Function")}, std::pair{"Procedure", submit("Procedure")}}) {
    session writer;
    writer.must("SET synchronous_commit = remote_apply");
    auto appended = start(writer, statement);
    ASSERT_TRUE(is_waiting(writer, appended));
    EXPECT_FALSE(is_visible(type));
    observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(writer.backend())});
    EXPECT_TRUE(appended.get().ok());
    EXPECT_TRUE(is_visible(type));
  }
}

// What others are told of an append that standbys do not have is told when they have it: a fail-over could give its position to another one.
TEST_F(durability, of_what_is_read_is_waited_for) {
  session writer, reader;
  const std::string quoted = "'" + store_.name() + "'";
  observer_.must("SELECT dcb.create_subscription($1, 's')", {store_.name()});
  const std::string token = observer_.must("SELECT token FROM dcb.claim($1, 's', 'me')", {store_.name()}).value();
  auto appended = start(writer, append("A"));
  ASSERT_TRUE(is_waiting(writer, appended));
  EXPECT_TRUE(is_visible("A"));
  EXPECT_EQ(reader.must("SELECT dcb.watermark(" + quoted + ")").number(), 0);
  for (const auto& question : {"SELECT * FROM dcb.read(" + quoted + ")", "SELECT dcb.head(" + quoted + ")", "SELECT dcb.exists(" + quoted + ", dcb.all())",
                               "SELECT * FROM dcb.poll(" + quoted + ", 's', " + token + ")"}) {
    auto asked = start(reader, question);
    EXPECT_TRUE(is_waiting(reader, asked)) << question;
    observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(reader.backend())});
    EXPECT_EQ(asked.get().sqlstate, "57014") << question;
  }
  reader.must("SET synchronous_commit = local");
  EXPECT_EQ(reader.must("SELECT dcb.head(" + quoted + ")").number(), 1) << "as asked for";
  observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(writer.backend())});
  ASSERT_TRUE(appended.get().ok());
}

// What is committed together, where sessions do that, is waited for by each of them; one that is cancelled goes, with a warning.
TEST_F(durability, of_a_group_is_waited_for_by_each_member) {
  session holder;
  std::vector<session> members(3);
  std::vector<std::future<answer>> submitted;
  holder.must("BEGIN");
  holder.must(append("InFront"));
  for (session& member : members) {
    submitted.push_back(start(member, submit("Together")));
    const auto deadline = std::chrono::steady_clock::now() + patience;
    const auto is_in_line = [&] {
      return observer_.must("SELECT wait_event_type IN ('Lock', 'Extension') FROM pg_stat_activity WHERE pid = $1", {std::to_string(member.backend())})
                 .value() == "t";
    };
    while (!is_in_line()) ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it waits for nobody";
  }
  holder.must("ROLLBACK");
  for (std::size_t i = 0; i < members.size(); ++i) EXPECT_TRUE(is_waiting(members[i], submitted[i])) << i;
  const bool in_groups = observer_.must("SHOW shared_preload_libraries").value() == "pg_dcb";
  const auto transactions = observer_.must("SELECT count(DISTINCT xmin::text), count(*) FROM \"" + store_.name() + "\".event");
  EXPECT_EQ(transactions.number(0), in_groups ? 1 : 3);
  EXPECT_EQ(transactions.number(1), 3);
  observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(members[1].backend())});
  EXPECT_TRUE(submitted[1].get().ok());
  EXPECT_TRUE(is_waiting(members[2], submitted[2]));
  release_all();
  EXPECT_TRUE(submitted[0].get().ok());
  EXPECT_TRUE(submitted[2].get().ok());
}

// An append that is sent again is acknowledged when the standby has it, whatever has become of the first one: here its session has ended.
TEST_F(durability, of_a_repeated_append_is_waited_for) {
  const std::string id = ", append_id => '11111111-1111-1111-1111-111111111111')", events = "ARRAY[dcb.event('Once')]", quoted = "'" + store_.name() + "'";
  {
    session first;
    auto appended = start(first, "CALL dcb.submit(" + quoted + ", " + events + id);
    ASSERT_TRUE(is_waiting(first, appended));
    observer_.must("SELECT pg_terminate_backend($1)", {std::to_string(first.backend())});
    appended.get();
  }
  session again;
  for (const auto& repeated : {"CALL dcb.submit(" + quoted + ", " + events + id, "SELECT dcb.append(" + quoted + ", " + events + id,
                               "CALL dcb.submit_many(" + quoted + ", ARRAY[dcb.command(" + events + id + "])"}) {
    auto answered = start(again, repeated);
    EXPECT_TRUE(is_waiting(again, answered)) << repeated;
    observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(again.backend())});
    EXPECT_EQ(answered.get().sqlstate, "57014") << repeated;
  }
  auto answered = start(again, "CALL dcb.submit(" + quoted + ", " + events + id);
  EXPECT_TRUE(is_waiting(again, answered));
  release_all();
  EXPECT_EQ(answered.get().number(), 1);
}

// What the user has set is respected and still set afterwards, whether the append commits or not.
TEST_F(durability, is_the_users_choice) {
  for (const char* level : {"off", "local"}) {
    session writer;
    writer.must(std::string("SET synchronous_commit = ") + level);
    for (const auto& statement : {append("A"), submit("A")}) {
      auto appended = start(writer, statement);
      EXPECT_FALSE(is_waiting(writer, appended)) << level;
      EXPECT_TRUE(appended.get().ok());
    }
    EXPECT_EQ(writer.must("SHOW synchronous_commit").value(), level);
  }

  // With off nothing is flushed by the append. A server process may do it at any moment, but not at most of them.
  session writer;
  writer.must("SET synchronous_commit = off");
  int left_to_the_server = 0;
  for (int n = 0; n < 100; ++n) {
    writer.must(n % 2 == 0 ? append("A") : submit("A"));
    left_to_the_server += writer.must("SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()").value() == "t";
  }
  EXPECT_GT(left_to_the_server, 50);
}

TEST_F(durability, of_later_commits_is_as_before) {
  session writer;
  const auto commits_durably = [&](const char* after) {
    auto inserted = start(writer, insert());
    EXPECT_TRUE(is_waiting(writer, inserted)) << "an ordinary commit does not wait any more after " << after;
    observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(writer.backend())});
    EXPECT_TRUE(inserted.get().ok());
  };

  for (const auto& statement : {append("A"), submit("A")}) {
    auto appended = start(writer, statement);
    ASSERT_TRUE(is_waiting(writer, appended));
    observer_.must("SELECT pg_cancel_backend($1)", {std::to_string(writer.backend())});
    EXPECT_TRUE(appended.get().ok());
    commits_durably("a commit");
  }

  // The last check of a commit, after everything that an extension is asked: the writer is the pivot of two conflicts.
  writer.must("BEGIN ISOLATION LEVEL SERIALIZABLE");
  writer.must("SELECT n FROM \"" + table_ + "\" WHERE n = 0");
  writer.must(append("InVain"));
  observer_.must("BEGIN ISOLATION LEVEL SERIALIZABLE");
  observer_.must("SELECT dcb.count($1)", {store_.name()});
  observer_.must("UPDATE \"" + table_ + "\" SET n = 9 WHERE n = 0");
  observer_.must("COMMIT");
  EXPECT_EQ(writer.run("COMMIT").sqlstate, "40001");
  commits_durably("an abort at the commit");
}

// From the commit on nothing may fail: an error then would take the server down.
TEST_F(durability, survives_the_end_of_who_waits_for_it) {
  for (const auto& statement : {append("Kept"), submit("Kept")}) {
    session writer;
    auto appended = start(writer, statement);
    ASSERT_TRUE(is_waiting(writer, appended));
    observer_.must("SELECT pg_terminate_backend($1)", {std::to_string(writer.backend())});
    appended.get();
    EXPECT_TRUE(writer.lost());
  }
  EXPECT_EQ(observer_.must("SELECT dcb.count($1)", {store_.name()}).number(), 2) << "or the server has been restarted";
}

}  // namespace
