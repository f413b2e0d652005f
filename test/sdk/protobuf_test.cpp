#include "shop.pb.h"

#include <dcb/dcb.hpp>
#include <dcb/protobuf.hpp>
#include <dcb/testing.hpp>

#include <gtest/gtest.h>

#include <map>

template <>
struct dcb::protobuf_ids<shop::ItemAdded> : dcb::fields<"user_id", "item_id"> {};
template <>
struct dcb::protobuf_ids<shop::OrderPacked> : dcb::fields<"order", "item_id", "courier"> {};
template <>
struct dcb::protobuf_ids<shop::Broken> : dcb::fields<"weight"> {};

namespace protobuf_tests {

struct ItemRemoved {
  dcb::id<> user_id, item_id;
};
using Event = std::variant<shop::ItemAdded, ItemRemoved, shop::OrderPacked>;

shop::ItemAdded item_added(const std::string& user, const std::string& item, unsigned quantity) {
  shop::ItemAdded event;
  event.set_user_id(user);
  event.set_item_id(item);
  event.set_quantity(quantity);
  return event;
}

struct Cart {
  dcb::id<> user_id;
  std::map<std::string, unsigned> items{};
  void apply(const shop::ItemAdded& e) { items[e.item_id()] += e.quantity(); }
  void apply(const ItemRemoved& e) { items.erase(e.item_id); }
};
struct AddItem {
  std::string user_id, item_id;
  auto states() const { return Cart{user_id}; }
  dcb::decided<Event, std::string> decide(const Cart& cart) const {
    if (cart.items.count(item_id)) return std::string{"there already"};
    return item_added(user_id, item_id, 1);
  }
};

TEST(protobuf, is_payload_with_content_type_and_tags) {
  const auto event = dcb::event_schema<Event>::encode(item_added("ann", "tea", 2));
  EXPECT_EQ(event.type, "ItemAdded");
  EXPECT_EQ(event.tags, (std::vector<std::string>{"user_id:ann", "item_id:tea"}));
  EXPECT_EQ(event.data, "{}");
  EXPECT_EQ(event.metadata, R"({"content_type":"application/protobuf"})");
}

TEST(protobuf, repeated_and_optional_ids) {
  shop::OrderPacked event;
  event.set_order(7);
  event.add_item_id("tea");
  event.add_item_id("mug");
  EXPECT_EQ(dcb::event_schema<Event>::encode(event).tags, (std::vector<std::string>{"order:7", "item_id:tea", "item_id:mug"}));
  event.set_courier("carl");
  EXPECT_EQ(dcb::event_schema<Event>::encode(event).tags.back(), "courier:carl");
}

TEST(protobuf, comes_back_beside_plain_structs) {
  const dcb::memory_store<Event> store;
  store.append(item_added("ann", "tea", 2), ItemRemoved{"ann", "tea"}, item_added("ann", "mug", 3), item_added("bob", "tea", 1));
  Cart cart{"ann"};
  store.load(cart);
  EXPECT_EQ(cart.items, (std::map<std::string, unsigned>{{"mug", 3}}));
}

TEST(protobuf, decisions) {
  dcb::given(item_added("ann", "tea", 2)).when(AddItem{"ann", "mug"}).then(item_added("ann", "mug", 1));
  dcb::given(item_added("ann", "tea", 2)).when(AddItem{"ann", "tea"}).then_error(std::string{"there already"});
  EXPECT_THROW(dcb::given().when(AddItem{"ann", "mug"}).then(item_added("ann", "mug", 2)), dcb::expectation_failed);
}

TEST(protobuf, events_stored_as_json_are_read) {
  const auto event = dcb::event_schema<Event>::decode(
      {.position = 1, .type = "ItemAdded", .data = R"({"user_id": "ann", "item_id": "tea", "quantity": 2, "unknown": [1]})"});
  EXPECT_EQ(std::get<shop::ItemAdded>(event).quantity(), 2u);
}

TEST(protobuf, what_cannot_be_read_is_refused) {
  const auto decode = [](const dcb::recorded_event& event) { dcb::event_schema<Event>::decode(event); };
  const std::string content_type = R"({"content_type": "application/protobuf"})";
  EXPECT_THROW(decode({.type = "ItemAdded", .data = "{}", .payload = std::vector{std::byte{0x0a}, std::byte{9}}, .metadata = content_type}),
               dcb::decode_error);
  EXPECT_THROW(decode({.type = "ItemAdded", .data = "{}", .metadata = content_type}), dcb::decode_error);
  EXPECT_THROW(decode({.type = "ItemAdded", .data = R"({"quantity": "many"})"}), dcb::decode_error);
  EXPECT_THROW(decode({.type = "ItemAdded", .data = "{}", .metadata = R"({"content_type": "application/msgpack"})"}), dcb::decode_error);
  EXPECT_THROW(decode({.type = "ItemRemoved", .data = "{}", .metadata = content_type}), dcb::decode_error);
}

TEST(protobuf, numbers_with_fractions_are_no_ids) { EXPECT_THROW(dcb::event_schema<std::variant<shop::Broken>>::encode(shop::Broken{}), dcb::error); }

}  // namespace protobuf_tests
