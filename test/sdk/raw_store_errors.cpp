// Every error of the contract arrives with its SQLSTATE and leaves the store usable and unchanged.

#include "raw_store_support.hpp"

namespace {

using namespace support;
using dcb::event_query;
using dcb::new_event;
using dcb::query_item;
using namespace std::string_literals;

class raw_store_errors : public raw_store_test {
 protected:
  /// Also looks that nothing was written and that the store goes on.
  std::string refused(const std::function<void(dcb::raw_store&)>& action) {
    auto store = open({.pool = {.max_connections = 1}, .application_name = name});
    const auto before = store.append(one_event());
    const auto state = sqlstate_of([&] { action(store); });
    EXPECT_EQ(store.head(), before) << "something was written";
    return state;
  }
  std::string refused_append(new_event event) {
    return refused([&](dcb::raw_store& store) { store.append(std::vector<new_event>{new_event{.type = "A"}, event}); });
  }
};

TEST_F(raw_store_errors, condition_failed) {
  EXPECT_EQ(refused([](auto& store) { store.append(one_event(), dcb::append_condition{event_query::all(), 0}); }), "DCB01");
}

TEST_F(raw_store_errors, invalid_query) {
  EXPECT_EQ(refused([](auto& store) {
              store.head();
              store.count(event_query{});
            }),
            "DCB02");
  EXPECT_EQ(refused([](auto& store) { store.append(one_event(), dcb::append_condition{event_query{}, 0}); }), "DCB02");
  EXPECT_EQ(refused([](auto& store) { store.read(tagged({""}), {}, [](const auto&) { return true; }); }), "DCB02");
}

TEST_F(raw_store_errors, invalid_event) {
  EXPECT_EQ(refused_append({.type = ""}), "DCB03");
  EXPECT_EQ(refused_append({.type = "A", .tags = {""}}), "DCB03");
}

TEST_F(raw_store_errors, data_that_is_no_json) {
  EXPECT_EQ(refused_append({.type = "A", .data = "{"}), "22P02");
  EXPECT_EQ(refused_append({.type = "A", .data = ""}), "22P02");
  EXPECT_EQ(refused_append({.type = "A", .metadata = "x"}), "22P02");
  EXPECT_EQ(refused_append({.type = "A", .data = R"("\u0000")"}), "22P05");
}

TEST_F(raw_store_errors, texts_that_are_no_text) {
  EXPECT_EQ(refused_append({.type = "a\0b"s}), "22021");
  EXPECT_EQ(refused_append({.type = "A", .tags = {"a\0b"s}}), "22021");
  EXPECT_EQ(refused_append({.type = "A", .tags = {"\xff"}}), "22021");
  EXPECT_EQ(refused([](auto& store) { store.count(tagged({"a\0b"s})); }), "22021");
  EXPECT_EQ(refused([](auto& store) { store.count(tagged({"\xff"})); }), "22021");
  EXPECT_EQ(sqlstate_of([] { dcb::raw_store("", "a\0b"s); }), "22021");
}

TEST_F(raw_store_errors, empty_append) {
  EXPECT_EQ(refused([](auto& store) { store.append({}); }), "DCB04");
}

TEST_F(raw_store_errors, unknown_store) {
  dcb::raw_store nowhere{"", "no_such_store"};
  EXPECT_EQ(sqlstate_of([&] { nowhere.append(one_event()); }), "DCB05");
  EXPECT_EQ(sqlstate_of([&] { nowhere.head(); }), "DCB05");
  EXPECT_EQ(sqlstate_of([&] { positions(nowhere); }), "DCB05");
  dcb::raw_store awkward{"", "'; DROP SCHEMA dcb; -- \""};
  EXPECT_EQ(sqlstate_of([&] { awkward.head(); }), "DCB05");
}

TEST_F(raw_store_errors, limit_exceeded) {
  EXPECT_EQ(refused_append({.type = std::string(257, 'x')}), "DCB06");
  EXPECT_EQ(refused_append({.type = "A", .tags = {std::string(1025, 'x')}}), "DCB06");
  std::vector<std::string> tags;
  for (int i = 0; i < 1025; ++i) tags.push_back("x:" + std::to_string(i));
  EXPECT_EQ(refused_append({.type = "A", .tags = tags}), "DCB06");
  EXPECT_EQ(refused([](auto& store) { store.append(std::vector<new_event>(65'537, new_event{.type = "A"})); }), "DCB06");
  EXPECT_EQ(refused([&](auto& store) { store.count(tagged(tags)); }), "DCB06");
}

TEST_F(raw_store_errors, append_id_used_for_other_content) {
  const auto id = dcb::uuid::random();
  auto store = open();
  store.append(one_event("A"), {}, {.append_id = id});
  EXPECT_EQ(sqlstate_of([&] { store.append(one_event("B"), {}, {.append_id = id}); }), "DCB07");
  EXPECT_EQ(store.head(), 1);
}

TEST_F(raw_store_errors, position_beyond_the_head_is_retryable) {
  auto store = open();
  try {
    store.append(one_event(), dcb::append_condition{event_query::all(), 1});
    FAIL();
  } catch (const dcb::error& e) {
    EXPECT_EQ(e.sqlstate(), "DCB09");
    EXPECT_TRUE(e.retryable());
  }
  EXPECT_EQ(store.head(), 0);
}

TEST_F(raw_store_errors, senseless_arguments) {
  EXPECT_EQ(refused([](auto& store) { store.append(one_event(), dcb::append_condition{event_query::all(), -1}); }), "22023");
  EXPECT_EQ(refused([](auto& store) { store.exists(event_query::all(), -1); }), "22023");
  EXPECT_EQ(refused([](auto& store) { positions(store, event_query::all(), {.after = -1}); }), "22023");
  EXPECT_EQ(refused([](auto& store) { positions(store, event_query::all(), {.max_count = -1}); }), "22023");
}

TEST_F(raw_store_errors, no_right) {
  const auto role = name + "_reader";
  admin->ask("CREATE ROLE \"" + role + "\" LOGIN");
  admin->ask("GRANT USAGE ON SCHEMA " + name + " TO \"" + role + "\"");
  admin->ask("GRANT SELECT ON " + name + ".event TO \"" + role + "\"");
  {
    dcb::raw_store reader{"user='" + role + "'", name};
    EXPECT_EQ(reader.head(), 0);
    EXPECT_EQ(sqlstate_of([&] { reader.append(one_event()); }), "42501");
    EXPECT_EQ(reader.head(), 0);
  }
  admin->ask("DROP OWNED BY \"" + role + "\"");
  admin->ask("DROP ROLE \"" + role + "\"");
}

TEST_F(raw_store_errors, no_server) {
  dcb::raw_store nowhere{"host=/nonexistent", name};
  try {
    nowhere.append(one_event());
    FAIL();
  } catch (const dcb::connection_error& e) {
    EXPECT_TRUE(e.retryable());
    EXPECT_FALSE(e.in_doubt());
    EXPECT_NE(std::string{e.what()}.find("/nonexistent"), std::string::npos) << e.what();
  }
}

TEST_F(raw_store_errors, database_without_the_extension) {
  dcb::raw_store elsewhere{"dbname=postgres", name};
  try {
    elsewhere.head();
    FAIL();
  } catch (const dcb::error& e) {
    EXPECT_EQ(e.sqlstate(), "3F000");
    EXPECT_EQ(e.hint(), "Run CREATE EXTENSION pg_dcb in this database.");
  }
  EXPECT_EQ(sqlstate_of([&] { elsewhere.append(one_event()); }), "3F000");
}

}  // namespace
