// What customers and the shop decide.
#pragma once
#include "events.hpp"

struct Stock {
  dcb::id<> item_id;
  int left = 0;

  void apply(const ItemStocked& e)        { left += e.quantity; }
  void apply(const ItemsReserved& e)      { left -= e.quantity; }
  void apply(const ReservationExpired& e) { left += e.quantity; }
};

struct Order {
  dcb::id<> order_id;
  enum class Stage { none, placed, reserved, declined, expired, confirmed } stage = Stage::none;

  void apply(const OrderPlaced&)         { stage = Stage::placed; }
  void apply(const ItemsReserved&)       { stage = Stage::reserved; }
  void apply(const ReservationDeclined&) { stage = Stage::declined; }
  void apply(const ReservationExpired&)  { stage = Stage::expired; }
  void apply(const OrderConfirmed&)      { stage = Stage::confirmed; }
};

enum class OrderError { no_quantity, order_exists, nothing_reserved, too_late };
using OrderDecision = dcb::decided<OrderEvent, OrderError>;

struct StockItem {
  std::string item_id;
  int quantity;

  OrderDecision decide() const { return ItemStocked{item_id, quantity}; }
};

struct PlaceOrder {
  std::string order_id, item_id;
  int quantity;

  auto states() const { return Order{order_id}; }
  OrderDecision decide(const Order& order) const {
    if (quantity <= 0) return OrderError::no_quantity;
    if (order.stage != Order::Stage::none) return OrderError::order_exists;
    return OrderPlaced{order_id, item_id, quantity};
  }
};

struct ConfirmOrder {
  std::string order_id;

  auto states() const { return Order{order_id}; }
  OrderDecision decide(const Order& order) const {
    if (order.stage == Order::Stage::confirmed) return dcb::nothing;
    if (order.stage == Order::Stage::expired) return OrderError::too_late;
    if (order.stage != Order::Stage::reserved) return OrderError::nothing_reserved;
    return OrderConfirmed{order_id};
  }
};
