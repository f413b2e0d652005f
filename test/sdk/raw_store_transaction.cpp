// The caller's own transaction: its statements and an append are one.

#include "raw_store_proxy.hpp"

#include <future>

namespace {

using namespace support;
using dcb::event_query;
using dcb::isolation;
using dcb::recorded_event;
using namespace std::string_literals;

class raw_store_transaction : public raw_store_test {
 protected:
  void SetUp() override {
    raw_store_test::SetUp();
    admin->ask("CREATE TABLE " + table() + " (id bigint PRIMARY KEY, text text)");
  }
  void TearDown() override {
    if (admin) admin->ask("DROP TABLE " + table());
    raw_store_test::TearDown();
  }
  std::string table() const { return "own_" + name; }
  std::string count_rows() { return admin->ask("SELECT count(*) FROM " + table()); }
};

TEST_F(raw_store_transaction, commits_rows_and_events_together) {
  auto store = open();
  for (const auto level : {isolation::read_committed, isolation::repeatable_read, isolation::serializable}) {
    auto tx = store.begin(level);
    tx.exec("INSERT INTO " + table() + " VALUES ($1, $2)", static_cast<int>(level), "text");
    tx.append(one_event());
    EXPECT_EQ(count_events(), std::to_string(static_cast<int>(level))) << "seen before the commit";
    tx.commit();
    EXPECT_EQ(count_events(), std::to_string(static_cast<int>(level) + 1));
    EXPECT_EQ(count_rows(), count_events());
  }
}

TEST_F(raw_store_transaction, runs_at_the_isolation_asked_for) {
  auto store = open();
  const auto shown = [&](isolation level) { return store.begin(level).exec("SHOW transaction_isolation").at(0).at(0).value(); };
  EXPECT_EQ(shown(isolation::read_committed), "read committed");
  EXPECT_EQ(shown(isolation::repeatable_read), "repeatable read");
  EXPECT_EQ(shown(isolation::serializable), "serializable");
}

TEST_F(raw_store_transaction, rolls_both_back) {
  auto store = open({.pool = {.max_connections = 1}, .application_name = name});
  const auto begin = [&] {
    auto tx = store.begin();
    tx.exec("INSERT INTO " + table() + " VALUES (1, NULL)");
    EXPECT_EQ(tx.append(one_event()), 1);
    return tx;
  };
  begin();  // by the destructor
  begin().rollback();
  auto assigned = begin();
  assigned.rollback();
  assigned = begin();
  assigned.rollback();
  assigned.rollback();
  EXPECT_THROW(
      {
        auto tx = begin();
        throw std::out_of_range("between");
      },
      std::out_of_range);
  EXPECT_EQ(count_rows(), "0");
  EXPECT_EQ(store.head(), 0);
  EXPECT_EQ(count_backends(), "1") << "the connection was not used again";
}

TEST_F(raw_store_transaction, conflict_undoes_the_rows) {
  auto store = open();
  store.append(one_event());
  auto tx = store.begin();
  tx.exec("INSERT INTO " + table() + " VALUES (1, NULL)");
  EXPECT_THROW(tx.append(one_event(), dcb::append_condition{event_query::all(), 0}), dcb::conflict);
  EXPECT_EQ(sqlstate_of([&] { tx.exec("SELECT 1"); }), "25P02");
  EXPECT_EQ(sqlstate_of([&] { tx.commit(); }), "25P02");
  EXPECT_EQ(count_rows(), "0");
  EXPECT_EQ(store.append(one_event()), 2);
}

TEST_F(raw_store_transaction, appends_at_commit_without_holding_anybody_up) {
  auto store = open();
  auto tx = store.begin();
  tx.exec("INSERT INTO " + table() + " VALUES (1, NULL)");
  tx.append_at_commit(one_event(), dcb::append_condition{event_query::all(), 1});
  EXPECT_EQ(store.append(one_event("B"), {}, {.timeout = std::chrono::seconds{60}}), 1) << "the open transaction kept the append lock";
  tx.commit();
  EXPECT_EQ(count_rows(), "1");
  EXPECT_EQ(store.head(), 2);

  auto refused = store.begin();
  refused.exec("INSERT INTO " + table() + " VALUES (2, NULL)");
  refused.append_at_commit(one_event(), dcb::append_condition{event_query::all(), 0});
  EXPECT_THROW(refused.commit(), dcb::conflict);
  EXPECT_EQ(count_rows(), "1");
  EXPECT_EQ(store.head(), 2);
}

TEST_F(raw_store_transaction, has_an_end) {
  auto store = open();
  auto tx = store.begin();
  tx.commit();
  EXPECT_EQ(sqlstate_of([&] { tx.commit(); }), "25P01");
  EXPECT_EQ(sqlstate_of([&] { tx.exec("SELECT 1"); }), "25P01");
  EXPECT_EQ(sqlstate_of([&] { tx.append(one_event()); }), "25P01");
  tx.rollback();
}

TEST_F(raw_store_transaction, passes_parameters_and_rows) {
  auto store = open();
  auto tx = store.begin();
  const auto id = dcb::uuid::random();
  const auto rows = tx.exec(
      "SELECT $1::text, $2::int, $3::bigint, $4::float8, $5::bool, $6::uuid, $7::text, $8::text, $9::int UNION ALL SELECT 'b', 0, 0, 0, false, NULL, "
      "'', '', 0",
      "a'\\ü", -1, std::int64_t{9223372036854775807}, 0.5, true, id, std::nullopt, std::optional<std::string>{"x"}, std::optional<int>{});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], (dcb::sql_row{"a'\\ü", "-1", "9223372036854775807", "0.5", "t", id.to_string(), std::nullopt, "x", std::nullopt}));
  EXPECT_EQ(rows[1], (dcb::sql_row{"b", "0", "0", "0", "f", std::nullopt, "", "", "0"}));
  EXPECT_TRUE(tx.exec("INSERT INTO " + table() + " VALUES (1, $1)", "x").empty());
  EXPECT_EQ(sqlstate_of([&] { tx.exec("SELECT $1::text", "a\0b"s); }), "22021");
  EXPECT_EQ(sqlstate_of([&] { tx.exec("SELECT 1\0 + 1"s); }), "22021");
  EXPECT_EQ(tx.exec("SELECT 1").size(), 1u) << "what was not sent breaks nothing";
  EXPECT_EQ(sqlstate_of([&] { tx.exec("SELECT nonsense"); }), "42703");
}

TEST_F(raw_store_transaction, refuses_copy) {
  auto store = open();
  auto tx = store.begin();
  EXPECT_EQ(sqlstate_of([&] { tx.exec("COPY " + table() + " FROM STDIN"); }), "0A000");
  tx.rollback();
  EXPECT_EQ(store.head(), 0);
}

TEST_F(raw_store_transaction, reads_its_own_appends_and_ends_a_read_early_without_harm) {
  auto store = open();
  const std::vector<dcb::new_event> events(20'000, dcb::new_event{.type = "A", .data = "\"" + std::string(500, 'x') + "\""});
  auto tx = store.begin();
  tx.append(events);
  std::int64_t count = 0;
  EXPECT_EQ(tx.read(event_query::all(), {}, [&](const recorded_event&) { return ++count < 10; }), 10);
  EXPECT_THROW(tx.read(event_query::all(), {}, [](const recorded_event&) -> bool { throw std::out_of_range("sink"); }), std::out_of_range);
  EXPECT_EQ(tx.read(event_query::all(), {}, [&](const recorded_event&) { return true; }), 20'000);
  EXPECT_EQ(store.head(), 0);
  tx.commit();
  EXPECT_EQ(store.head(), 20'000);
}

TEST_F(raw_store_transaction, position_of_a_read_belongs_to_its_snapshot) {
  auto store = open();
  store.append(one_event());
  auto tx = store.begin(isolation::repeatable_read);
  const auto position = [&] { return tx.read(event_query::all(), {}, [](const recorded_event&) { return true; }); };
  EXPECT_EQ(position(), 1);
  store.append(one_event());
  EXPECT_EQ(position(), 1);
  try {
    tx.append(one_event(), dcb::append_condition{event_query::all(), position()});
    FAIL() << "the event that the snapshot does not show was overlooked";
  } catch (const dcb::conflict& e) {
    EXPECT_EQ(e.position(), 2);
  }
}

TEST_F(raw_store_transaction, outlives_its_store) {
  std::optional<dcb::raw_store> store{open()};
  auto tx = store->begin();
  store.reset();
  tx.append(one_event());
  tx.commit();
  EXPECT_EQ(count_events(), "1");
}

TEST_F(raw_store_transaction, serialisation_failure_is_retryable) {
  auto store = open();
  auto first = store.begin(isolation::serializable), second = store.begin(isolation::serializable);
  for (auto* tx : {&first, &second}) tx->exec("SELECT count(*) FROM " + table());
  first.exec("INSERT INTO " + table() + " VALUES (1)");
  second.exec("INSERT INTO " + table() + " VALUES (2)");
  first.commit();
  try {
    second.commit();
    FAIL();
  } catch (const dcb::error& e) {
    EXPECT_EQ(e.sqlstate(), "40001");
    EXPECT_TRUE(e.retryable());
    EXPECT_FALSE(e.in_doubt());
  }
}

TEST_F(raw_store_transaction, lost_answer_to_commit_is_in_doubt_and_to_others_is_not) {
  proxy between;
  dcb::raw_store store{between.conninfo(), name, {.application_name = name}};
  auto tx = store.begin();
  tx.append(one_event());
  between.next(proxy::fault::lose_answer);
  try {
    tx.commit();
    FAIL();
  } catch (const dcb::connection_error& e) {
    EXPECT_TRUE(e.in_doubt());
  }
  EXPECT_EQ(count_events(), "1");

  auto other = store.begin();
  other.append(one_event());  // the request after this is the append itself
  between.next(proxy::fault::lose_answer);
  try {
    other.append(one_event());
    FAIL();
  } catch (const dcb::connection_error& e) {
    EXPECT_FALSE(e.in_doubt());
    EXPECT_TRUE(e.retryable());
  }
  other.rollback();
  EXPECT_EQ(store.head(), 1);
}

}  // namespace
