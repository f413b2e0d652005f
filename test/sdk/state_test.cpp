#include "shop.hpp"

#include <dcb/state.hpp>

#include <gtest/gtest.h>

namespace {

using namespace shop;
using schema = dcb::state_schema<Event>;

struct Purchases {
  dcb::id<> account_id, shop_id;
  int count = 0;
  void apply(const Opened&) {}
  void apply(const Spent&) { ++count; }
};

struct All {
  int count = 0;
  void apply(const auto&) { ++count; }
};

struct TwoAccounts {
  dcb::id<std::string, "account_id"> one, other;
  void apply(const Spent&) {}
};

struct Renamed {
  dcb::id<> account_id;
  std::int64_t cents;
  static constexpr std::string_view event_aliases[] = {"Paid", "Payed"};
};
struct Sum {
  dcb::id<> account_id;
  std::int64_t cents = 0;
  void apply(const Opened&) {}
  void apply(const Renamed& e) { cents += e.cents; }
};

TEST(state, asks_for_old_names_too) {
  using renamed = dcb::state_schema<std::variant<Opened, Renamed>>;
  EXPECT_EQ(renamed::query(Sum{"a"}), (dcb::event_query{{.types = {"Opened", "Paid", "Payed", "Renamed"}, .tags = {"account_id:a"}}}));
  EXPECT_EQ(renamed::query(dcb::without<Renamed>(Sum{"a"})), (dcb::event_query{{.types = {"Opened"}, .tags = {"account_id:a"}}}));
}

TEST(state, query_has_the_types_that_it_applies) {
  EXPECT_EQ(schema::query(Account{"a"}), (dcb::event_query{{.types = {"Opened", "Paid", "Spent"}, .tags = {"account_id:a"}}}));
}

TEST(state, each_type_is_asked_for_with_the_ids_that_it_has) {
  EXPECT_EQ(schema::query(Purchases{"a", "s"}),
            (dcb::event_query{{.types = {"Opened"}, .tags = {"account_id:a"}}, {.types = {"Spent"}, .tags = {"account_id:a", "shop_id:s"}}}));
}

TEST(state, without_ids_it_sees_the_events_of_all) {
  EXPECT_EQ(schema::query(All{}), (dcb::event_query{{.types = {"Opened", "Paid", "ShopClosed", "Spent"}}}));
}

TEST(state, ids_of_one_key_are_all_wanted) {
  EXPECT_EQ(schema::query(TwoAccounts{"a", "b"}), (dcb::event_query{{.types = {"Spent"}, .tags = {"account_id:a", "account_id:b"}}}));
}

TEST(state, without_leaves_types_out) {
  EXPECT_EQ(schema::query(dcb::without<Paid>(Account{"a"})), (dcb::event_query{{.types = {"Opened", "Spent"}, .tags = {"account_id:a"}}}));
  EXPECT_EQ((schema::query(dcb::without<Spent, ShopClosed>(Shop{"s"}))), dcb::event_query{});
}

TEST(state, folds_only_what_it_wants) {
  std::tuple states{Account{"a"}, Account{"b"}};
  dcb::loading<Event, decltype(states)> loading{states};
  for (const Event& event : {Event{Opened{"a"}}, Event{Paid{"b", 5}}, Event{Paid{"a", 2}}, Event{ShopClosed{"s"}}}) {
    const auto encoded = dcb::event_schema<Event>::encode(event);
    loading.fold({.type = encoded.type, .tags = encoded.tags, .data = encoded.data});
  }
  EXPECT_TRUE(std::get<0>(states).open);
  EXPECT_EQ(std::get<0>(states).cents, 2);
  EXPECT_FALSE(std::get<1>(states).open);
  EXPECT_EQ(std::get<1>(states).cents, 5);
}

}  // namespace
