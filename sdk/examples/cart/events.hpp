#pragma once
#include <dcb/dcb.hpp>

struct UserCreated    { dcb::id<> user_id; std::string name; };
struct ItemAdded      { dcb::id<> user_id, item_id; unsigned quantity; };
struct ItemRemoved    { dcb::id<> user_id, item_id; };
struct ItemUpdated    { dcb::id<> user_id, item_id; unsigned new_quantity; };
struct CartCheckedOut { dcb::id<> user_id; };

using CartEvent = std::variant<UserCreated, ItemAdded, ItemRemoved, ItemUpdated, CartCheckedOut>;
