// What follows from an order by itself.
#pragma once
#include "order.hpp"

struct ReserveItems {
  std::string order_id, item_id;
  int quantity;

  auto states() const { return std::tuple{Order{order_id}, Stock{item_id}}; }
  OrderDecision decide(const Order& order, const Stock& stock) const {
    if (order.stage != Order::Stage::placed) return dcb::nothing;
    if (stock.left < quantity) return ReservationDeclined{order_id};
    return ItemsReserved{order_id, item_id, quantity};
  }
};

struct HoldReservation {
  static constexpr auto name = "hold-reservation";
  std::chrono::milliseconds hold = std::chrono::minutes{15};

  auto when(const OrderPlaced& e) const { return ReserveItems{e.order_id, e.item_id, e.quantity}; }

  auto when(const ItemsReserved& e, const dcb::meta& m) const {
    return dcb::at(m.recorded_at + hold, ReservationExpired{e.order_id, e.item_id, e.quantity})
        .named("hold:" + *e.order_id)
        .unless(dcb::query<OrderConfirmed>(dcb::tag("order_id", *e.order_id)));
  }

  auto when(const OrderConfirmed& e) const { return dcb::cancel("hold:" + *e.order_id); }
};
