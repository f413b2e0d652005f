// A read model: every order's stage, in a table.
#pragma once
#include "events.hpp"

struct OrderView {
  static constexpr auto name = "order-view";

  void handle(dcb::transaction& tx, const OrderPlaced& e) const         { set(tx, e.order_id, "placed"); }
  void handle(dcb::transaction& tx, const ItemsReserved& e) const       { set(tx, e.order_id, "reserved"); }
  void handle(dcb::transaction& tx, const ReservationDeclined& e) const { set(tx, e.order_id, "declined"); }
  void handle(dcb::transaction& tx, const ReservationExpired& e) const  { set(tx, e.order_id, "expired"); }
  void handle(dcb::transaction& tx, const OrderConfirmed& e) const      { set(tx, e.order_id, "confirmed"); }

  static constexpr auto upsert =
      "INSERT INTO order_view (order_id, stage) VALUES ($1, $2) ON CONFLICT (order_id) DO UPDATE SET stage = excluded.stage";
  static void set(dcb::transaction& tx, const std::string& order_id, const char* stage) { tx.exec(upsert, order_id, stage); }
};
