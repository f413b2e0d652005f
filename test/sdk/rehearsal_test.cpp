#include "shop.hpp"

#include <dcb/rehearsal.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using namespace shop;
using namespace std::chrono_literals;

struct Balance {
  static constexpr auto name = "balance";
  void handle(dcb::transaction& in, const Paid& e) const {
    if (e.cents < 0) throw std::invalid_argument{"a negative payment"};
    in.exec("UPDATE balance SET cents = cents + $2 WHERE account_id = $1", e.account_id, e.cents);
  }
  void handle(dcb::transaction& in, const ShopClosed& e) const {
    for (const auto& row : in.exec("SELECT account_id FROM debts WHERE shop_id = $1", e.shop_id)) in.exec("DELETE FROM debts WHERE account_id = $1", row[0]);
  }
};

struct Welcome {
  static constexpr auto name = "welcome";
  auto when(const Opened& e, const dcb::meta& m) const {
    return std::tuple{Paid{e.account_id, 1}, dcb::at(m.recorded_at + 1h, Paid{e.account_id, 2}).unless(dcb::query<Spent>(dcb::tag("account_id", *e.account_id)))};
  }
};

template <class Expectation>
std::string complaint(Expectation&& expectation) {
  try {
    expectation();
  } catch (const dcb::expectation_failed& failure) {
    return failure.what();
  }
  return "held";
}

TEST(rehearsal, shows_a_projections_statements) {
  dcb::rehearsal<Event> on_stage;
  on_stage.add(Balance{}).given(Opened{"a"}, Paid{"a", 5}, Paid{"b", 1});
  on_stage.then_sql(dcb::statement_of("UPDATE balance SET cents = cents + $2 WHERE account_id = $1", "a", 5),
                    dcb::statement_of("UPDATE balance SET cents = cents + $2 WHERE account_id = $1", "b", 1));
  on_stage.answering([](std::string_view, auto) { return std::vector<dcb::sql_row>{{"a"}}; });
  on_stage.given(ShopClosed{"s"}).then_sql(dcb::statement_of("SELECT account_id FROM debts WHERE shop_id = $1", "s"),
                                           dcb::statement_of("DELETE FROM debts WHERE account_id = $1", "a"));
  on_stage.given().then_sql();
}

TEST(rehearsal, moves_time_for_process_managers) {
  dcb::rehearsal<Event> on_stage;
  on_stage.add(Welcome{}).given(Opened{"a"}, Opened{"b"}).then(Paid{"a", 1}, Paid{"b", 1});
  on_stage.given(Spent{"a", "s", 1}).then_nothing();
  on_stage.after(59min).then_nothing();
  on_stage.after(1min).then(Paid{"b", 2});
  on_stage.after(24h).then_nothing();
}

TEST(rehearsal, carries_out_at_the_time_it_is_due) {
  dcb::rehearsal<Event> on_stage;
  const auto begin = on_stage.now();
  on_stage.add(Welcome{}).given(Opened{"a"}).after(10h).then(Paid{"a", 2});
  dcb::timestamp paid{};
  for (const auto& recorded : on_stage.store().read(dcb::query<Paid>())) paid = recorded.recorded_at;
  EXPECT_EQ(paid, begin + 1h);
  EXPECT_EQ(on_stage.now(), begin + 10h);
}

TEST(rehearsal, complains_readably) {
  dcb::rehearsal<Event> on_stage;
  on_stage.add(Balance{}).add(Welcome{});
  EXPECT_EQ(complaint([&] { on_stage.given(Opened{"a"}).then_nothing(); }),
            "\n  expected: nothing\n  got:      Paid {\"account_id\":\"a\",\"cents\":1}");
  EXPECT_EQ(complaint([&] { on_stage.then_sql(); }),
            "\n  expected: no statement\n  got:      UPDATE balance SET cents = cents + $2 WHERE account_id = $1 | a | 1");
  EXPECT_EQ(complaint([&] { on_stage.given(Paid{"a", -1}); }), "\n  a failure of balance at position 3: a negative payment");
}

}  // namespace
