// The process manager and the read model, tested without a database and with a clock that stands still.
#include "order_view.hpp"
#include "reservation.hpp"

#include <dcb/rehearsal.hpp>

#include <gtest/gtest.h>

using namespace std::chrono_literals;

TEST(order, is_confirmed_while_it_is_held) {
  dcb::given(OrderPlaced{"o1", "tea", 1}, ItemsReserved{"o1", "tea", 1}).when(ConfirmOrder{"o1"}).then(OrderConfirmed{"o1"});
  dcb::given(OrderPlaced{"o1", "tea", 1}).when(ConfirmOrder{"o1"}).then_error(OrderError::nothing_reserved);
  dcb::given(ItemsReserved{"o1", "tea", 1}, ReservationExpired{"o1", "tea", 1}).when(ConfirmOrder{"o1"}).then_error(OrderError::too_late);
  dcb::given(ItemsReserved{"o1", "tea", 1}, OrderConfirmed{"o1"}).when(ConfirmOrder{"o1"}).then_nothing();
  dcb::given(OrderPlaced{"o1", "tea", 1}).when(PlaceOrder{"o1", "tea", 1}).then_error(OrderError::order_exists);
  dcb::given().when(PlaceOrder{"o1", "tea", 0}).then_error(OrderError::no_quantity);
}

TEST(hold_reservation, reserves_what_there_is) {
  dcb::rehearsal<OrderEvent> shop;
  shop.add(HoldReservation{}).given(ItemStocked{"tea", 3}, OrderPlaced{"o1", "tea", 2}, OrderPlaced{"o2", "tea", 2});
  shop.then(ItemsReserved{"o1", "tea", 2}, ReservationDeclined{"o2"});
}

TEST(hold_reservation, ends_after_fifteen_minutes) {
  dcb::rehearsal<OrderEvent> shop;
  shop.add(HoldReservation{}).given(ItemStocked{"tea", 1}, OrderPlaced{"o1", "tea", 1}).then(ItemsReserved{"o1", "tea", 1});
  shop.after(14min).then_nothing();
  shop.after(1min).then(ReservationExpired{"o1", "tea", 1});
  shop.given(OrderPlaced{"o2", "tea", 1}).then(ItemsReserved{"o2", "tea", 1});
}

TEST(hold_reservation, does_not_end_once_the_order_is_confirmed) {
  dcb::rehearsal<OrderEvent> shop;
  shop.add(HoldReservation{}).given(ItemStocked{"tea", 1}, OrderPlaced{"o1", "tea", 1});
  shop.after(14min).given(OrderConfirmed{"o1"}).then_nothing();
  shop.after(24h).then_nothing();
}

// Also when the process manager is late and has not heard of the confirmation: the condition says so.
TEST(hold_reservation, does_not_end_if_the_confirmation_was_not_heard_of_in_time) {
  dcb::rehearsal<OrderEvent> shop;
  shop.add(HoldReservation{}).given(ItemStocked{"tea", 1}, OrderPlaced{"o1", "tea", 1});
  shop.store().append(OrderConfirmed{"o1"});
  shop.store().log().set_clock([&] { return shop.now() + 1h; });
  EXPECT_EQ(shop.store().log().reactions().run_due(), 1);
  EXPECT_EQ(shop.store().log().reactions().due().at(0).state, dcb::due_state::refused);
  EXPECT_EQ(shop.store().count(dcb::query<ReservationExpired>()), 0);
}

TEST(order_view, shows_the_stage) {
  dcb::rehearsal<OrderEvent> shop;
  shop.add(OrderView{}).given(OrderPlaced{"o1", "tea", 1}, OrderConfirmed{"o1"});
  shop.then_sql(dcb::statement_of(OrderView::upsert, "o1", "placed"), dcb::statement_of(OrderView::upsert, "o1", "confirmed"));
}
