#include "shop.hpp"

#include <dcb/error.hpp>
#include <dcb/typed_query.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace shop;

struct Registered {
  dcb::id<std::string, "email"> address;
  std::vector<dcb::id<std::int64_t>> team_ids;
  std::optional<dcb::id<dcb::uuid>> device;
  static constexpr std::string_view event_aliases[] = {"SignedUp"};
};
struct Departed : Registered {};

TEST(typed_query, types_and_tags) {
  EXPECT_EQ((dcb::query<Paid, Opened>(dcb::tag("account_id", "a"))), (dcb::event_query{{.types = {"Opened", "Paid"}, .tags = {"account_id:a"}}}));
  EXPECT_EQ(dcb::query<>(), dcb::event_query::all());
  EXPECT_EQ((dcb::query<Paid>() | dcb::query<>("x")), (dcb::event_query{{.types = {"Paid"}}, {.tags = {"x"}}}));
}

TEST(typed_query, asks_for_old_names_too) { EXPECT_EQ(dcb::query<Registered>(), (dcb::event_query{{.types = {"Registered", "SignedUp"}}})); }

TEST(typed_query, where_takes_key_and_text_from_the_member) {
  EXPECT_EQ((dcb::query<Spent>(dcb::where<&Spent::account_id>("a"), dcb::where<&Spent::shop_id>(std::string{"s"}))),
            (dcb::event_query{{.types = {"Spent"}, .tags = {"account_id:a", "shop_id:s"}}}));
  EXPECT_EQ((dcb::query<Spent, Paid>(dcb::where<&Paid::account_id>("a"))), (dcb::event_query{{.types = {"Paid", "Spent"}, .tags = {"account_id:a"}}}));
  EXPECT_EQ((dcb::query<>(dcb::where<&Registered::address>("x@y"))), (dcb::event_query{{.tags = {"email:x@y"}}})) << "the id's own key";
  EXPECT_EQ((dcb::query<>(dcb::where<&Registered::team_ids>(7))), (dcb::event_query{{.tags = {"team_ids:7"}}})) << "one of several";
  const auto device = dcb::uuid::random();
  EXPECT_EQ((dcb::query<>(dcb::where<&Registered::device>(device))), (dcb::event_query{{.tags = {"device:" + device.to_string()}}}));
  EXPECT_EQ((dcb::query<>(dcb::where<&Departed::address>("x"))), (dcb::event_query{{.tags = {"email:x"}}})) << "a member of the base";
  const Paid paid{"a", 5};
  EXPECT_EQ((dcb::query<>(dcb::where<&Paid::account_id>(paid.account_id))), (dcb::event_query{{.tags = {"account_id:a"}}}));
}

TEST(typed_query, after_binds_each_item) {
  EXPECT_EQ((dcb::query<Paid>() | dcb::query<Opened>().after(7)), (dcb::event_query{{.types = {"Paid"}}, {.types = {"Opened"}, .after = 7}}));
  EXPECT_EQ(dcb::never<Opened>(dcb::where<&Opened::account_id>("a")),
            (dcb::event_query{{.types = {"Opened"}, .tags = {"account_id:a"}, .after = 0}}));
}

TEST(typed_query, any_of_a_list) {
  const std::vector<std::string> names{"a", "b"};
  EXPECT_EQ(dcb::any_of(names, [](const auto& name) { return dcb::never<Opened>(dcb::where<&Opened::account_id>(name)); }),
            (dcb::event_query{{.types = {"Opened"}, .tags = {"account_id:a"}, .after = 0}, {.types = {"Opened"}, .tags = {"account_id:b"}, .after = 0}}));
  EXPECT_TRUE(dcb::any_of(std::vector<int>{}, [](int) { return dcb::query<>(); }).empty());
}

TEST(typed_query, without_types) {
  EXPECT_EQ(dcb::without<Registered>(dcb::query<>("x")), (dcb::event_query{{.except_types = {"Registered", "SignedUp"}, .tags = {"x"}}}));
  EXPECT_EQ((dcb::without<Registered>(dcb::query<Registered, Paid>() | dcb::query<Registered>("x"))), (dcb::event_query{{.types = {"Paid"}}}));
}

TEST(typed_query, never_refuses_what_is_there_already) {
  const dcb::memory_store<Event> store;
  const auto unique = [](const char* account) { return dcb::never<Opened>(dcb::where<&Opened::account_id>(account)); };
  const Event opened[]{Opened{"a"}};
  store.append_if(opened, {unique("a")});
  EXPECT_THROW(store.append_if(opened, {unique("a"), store.head()}), dcb::conflict) << "however much was read";
  store.append_if(opened, {unique("b"), store.head()});
}

}  // namespace
