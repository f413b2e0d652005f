// try_ twins: the error becomes part of the answer, as what it was.

#include "shop.hpp"

#include <dcb/dcb.hpp>

#include <gtest/gtest.h>

#include <span>
#include <stdexcept>
#include <string>

namespace {

dcb::result<std::string> failing() {
  return dcb::try_call([]() -> std::string { throw dcb::conflict("too late", {.sqlstate = "DCB01", .retryable = true}, 7); });
}

TEST(result, holds_the_value) {
  const auto answer = dcb::try_call([] { return std::string{"here"}; });
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, "here");
  EXPECT_EQ(answer->size(), 4u);
  EXPECT_EQ(answer.value(), "here");
  EXPECT_EQ(answer.error_as<dcb::error>(), nullptr);
}

TEST(result, holds_the_error_as_what_it_was) {
  const auto answer = failing();
  ASSERT_FALSE(answer);
  EXPECT_STREQ(answer.error().what(), "too late");
  EXPECT_TRUE(answer.error().retryable());
  ASSERT_NE(answer.error_as<dcb::conflict>(), nullptr);
  EXPECT_EQ(answer.error_as<dcb::conflict>()->position(), 7);
  EXPECT_EQ(answer.error_as<dcb::timeout>(), nullptr);
  EXPECT_THROW(answer.value(), dcb::conflict);
}

TEST(result, copies_keep_the_error_alive) {
  std::optional<dcb::result<std::string>> kept;
  {
    const auto answer = failing();
    kept = answer;
  }
  EXPECT_EQ(kept->error().sqlstate(), "DCB01");
}

TEST(result, other_exceptions_pass) {
  EXPECT_THROW((void)dcb::try_call([]() -> int { throw std::out_of_range("no error of the SDK"); }), std::out_of_range);
}

TEST(result, twins_of_a_log) {
  dcb::raw_memory_store log;
  const std::vector<dcb::new_event> events{{.type = "A", .tags = {"x:1"}}};
  EXPECT_EQ(*log.try_append(events), 1);
  const auto all = dcb::event_query::all();
  const auto refused = log.try_append(events, dcb::append_condition{all, 0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error_as<dcb::conflict>()->position(), 1);
  EXPECT_EQ(log.try_append({}).error().sqlstate(), "DCB04");
  EXPECT_EQ(*log.try_head(), 1);
  EXPECT_TRUE(*log.try_exists(all));
  EXPECT_EQ(*log.try_count(all), 1);
  EXPECT_EQ(*log.try_last(all), 1);
  EXPECT_EQ(*log.try_position_at(dcb::timestamp{}), 0);
  int seen = 0;
  EXPECT_EQ(*log.try_read(all, {}, [&](const auto&) { return ++seen > 0; }), 1);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(log.try_count(dcb::event_query{}).error().sqlstate(), "DCB02");
}

TEST(result, twins_of_a_typed_store) {
  dcb::memory_store<shop::Event> store;
  EXPECT_EQ(*store.try_append(shop::Opened{"ann"}), 1);
  const shop::Event paid[]{shop::Paid{"ann", 5}};
  const auto refused = store.try_append_if(paid, {dcb::event_query::all(), 0});
  ASSERT_NE(refused.error_as<dcb::conflict>(), nullptr);
  EXPECT_EQ(*store.try_append(paid), 2);
  shop::Account account{"ann"};
  EXPECT_EQ(*store.try_load(account), 2);
  EXPECT_EQ(account.cents, 5);
  shop::Account before{"ann"};
  EXPECT_EQ(*store.try_load_as_of(before, 1), 1);
  EXPECT_EQ(before.cents, 0);
  int seen = 0;
  EXPECT_EQ(*store.try_read(dcb::event_query::all(), {}, [&](const auto&) { ++seen; }), 2);
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(*store.try_head(), 2);
  EXPECT_EQ(*store.try_last(), 2);
}

}  // namespace
