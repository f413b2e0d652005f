#pragma once
#include <dcb/dcb.hpp>

struct ItemStocked         { dcb::id<> item_id; int quantity; };
struct OrderPlaced         { dcb::id<> order_id, item_id; int quantity; };
struct ItemsReserved       { dcb::id<> order_id, item_id; int quantity; };
struct ReservationDeclined { dcb::id<> order_id; };
struct ReservationExpired  { dcb::id<> order_id, item_id; int quantity; };
struct OrderConfirmed      { dcb::id<> order_id; };

using OrderEvent = std::variant<ItemStocked, OrderPlaced, ItemsReserved, ReservationDeclined, ReservationExpired, OrderConfirmed>;
