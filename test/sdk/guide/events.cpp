// The C++ of docs/guide/events-cpp.md.
#include <dcb/dcb.hpp>
#include <dcb/testing.hpp>

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// A library's types, which nobody here can change.
namespace bank {
class Iban {
 public:
  Iban() = default;
  explicit Iban(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};
struct Payment {
  Payment() = default;
  Payment(Iban f, Iban t, std::int64_t c) : from(std::move(f)), to(std::move(t)), cents(c) {}
  Iban from, to;
  std::int64_t cents = 0;
};
}  // namespace bank

template <>
struct dcb::tags<bank::Iban> {
  static constexpr std::string_view key = "iban";
  static std::string to(const bank::Iban& iban) { return iban.text(); }
};
template <>
struct dcb::json_as<bank::Iban> {
  static std::string to(const bank::Iban& iban) { return iban.text(); }
  static bank::Iban from(std::string text) { return bank::Iban{std::move(text)}; }
};
template <>
struct dcb::members<bank::Payment> : dcb::members_of<&bank::Payment::from, &bank::Payment::to, &bank::Payment::cents> {
  static constexpr auto event_name = "PaymentReceived";
};

namespace first {

struct ItemAdded {
  dcb::id<> user_id, item_id;
  unsigned quantity;
};
struct CartCheckedOut {
  dcb::id<> user_id;
};
using CartEvent = std::variant<ItemAdded, CartCheckedOut>;

}  // namespace first

namespace ids {

struct OrderId : dcb::id<std::int64_t, "order"> {
  using id::id;
};

struct Money {
  std::string currency;
  std::int64_t cents;
};
struct Sku {
  std::string group;
  int number;
};
std::string to_tag(const Sku& sku) { return sku.group + '-' + std::to_string(sku.number); }

struct OrderPlaced {
  OrderId order_id;                                // order:7
  dcb::id<dcb::uuid> user_id;                      // user_id:0198a5b0-…
  dcb::id<std::string, "shop"> sold_by;            // shop:north
  std::optional<dcb::id<>> coupon_id;              // coupon_id:c1, or no tag
  std::vector<dcb::id<Sku, "item">> items;         // a tag for each
  Money total;                                     // no id, no tag
};

}  // namespace ids

namespace later {

struct ItemAddedV1 {
  dcb::id<> user_id;
  std::string item;
};
struct ItemAddedV2 {
  dcb::id<> user_id, item_id;
  static ItemAddedV2 upcast(const ItemAddedV1& old) { return {old.user_id, old.item}; }
};

struct ItemPutIntoCart {
  dcb::id<> user_id, item_id;
  unsigned quantity;

  static constexpr std::string_view event_aliases[] = {"ItemAdded"};
  using event_versions = dcb::versions<ItemAddedV1, ItemAddedV2>;
  static ItemPutIntoCart upcast(const ItemAddedV2& old) { return {old.user_id, old.item_id, 1}; }
};

struct UserRegistered {
  dcb::id<> user_id;
  dcb::id<std::string, "email"> address;
  std::string language = "en";
  std::optional<std::string> nickname;
  bool newsletter = false;
  static constexpr std::string_view defaulted[] = {"newsletter"};
};

using Event = std::variant<ItemPutIntoCart, UserRegistered>;

struct Cart {
  dcb::id<> user_id;
  std::map<std::string, unsigned> items{};
  void apply(const ItemPutIntoCart& e) { items[e.item_id] += e.quantity; }
};

// Refused by the store, not by what was read: the address may not have been registered at all.
struct Register {
  std::string user_id, address;
  auto guard() const { return dcb::never<UserRegistered>(dcb::where<&UserRegistered::address>(address)); }
  dcb::decided<Event, std::string> decide() const { return UserRegistered{user_id, address, "en", {}, false}; }
};

}  // namespace later

namespace {

TEST(guide_events, tags) {
  using namespace ids;
  const auto user = dcb::uuid::random();
  const auto stored = dcb::event_schema<std::variant<OrderPlaced>>::encode(
      OrderPlaced{7, user, "north", dcb::id<>{"c1"}, {Sku{"tea", 1}, Sku{"tea", 2}}, {"EUR", 500}});
  EXPECT_EQ(stored.tags, (std::vector<std::string>{"order:7", "user_id:" + user.to_string(), "shop:north", "coupon_id:c1", "item:tea-1", "item:tea-2"}));
  EXPECT_EQ(stored.type, "OrderPlaced");
}

TEST(guide_events, types_of_others) {
  const auto stored = dcb::event_schema<std::variant<bank::Payment>>::encode(bank::Payment{bank::Iban{"DE1"}, bank::Iban{"DE2"}, 5});
  EXPECT_EQ(stored.type, "PaymentReceived");
  EXPECT_EQ(stored.tags, (std::vector<std::string>{"iban:DE1", "iban:DE2"}));
}

TEST(guide_events, evolution) {
  using namespace later;
  dcb::memory_store<Event> store;
  auto old = [&](const char* data, std::vector<std::string> tags, std::optional<std::string> metadata) {
    const dcb::new_event events[]{{.type = "ItemAdded", .data = data, .tags = std::move(tags), .metadata = std::move(metadata)}};
    store.log().append(events);
  };
  old(R"({"user_id":"ann","item":"tea"})", {"user_id:ann"}, {});
  old(R"({"user_id":"ann","item_id":"tea"})", {"user_id:ann", "item_id:tea"}, R"({"event_version":2})");
  store.append(ItemPutIntoCart{"ann", "mug", 2});
  Cart cart{"ann"};
  store.load(cart);
  EXPECT_EQ(cart.items, (std::map<std::string, unsigned>{{"tea", 2}, {"mug", 2}}));
  const dcb::new_event registered[]{
      {.type = "UserRegistered", .data = R"({"user_id":"ann","address":"ann@example.com"})", .tags = {"email:ann@example.com"}}};
  store.log().append(registered);
  for (const auto& recorded : store.read(dcb::query<UserRegistered>())) EXPECT_EQ(std::get<UserRegistered>(recorded.event).language, "en");
}

TEST(guide_events, queries) {
  using namespace later;
  dcb::memory_store<Event> store;
  store.append(ItemPutIntoCart{"ann", "tea", 1}, ItemPutIntoCart{"bob", "tea", 1}, UserRegistered{"ann", "ann@example.com", "en", {}, false});
  int count = 0;
  std::string printed;
  auto print = [&](std::int64_t position, const ItemPutIntoCart& item) {
    ++count;
    printed += std::to_string(position) + *item.item_id;
  };
  const std::string user = "ann";

  const auto anns = dcb::query<ItemPutIntoCart>(dcb::where<&ItemPutIntoCart::user_id>(user));
  for (const auto& recorded : store.read(anns)) print(recorded.position, std::get<ItemPutIntoCart>(recorded.event));

  EXPECT_EQ(printed, "1tea");
  const auto everything_of_ann = dcb::query<>(dcb::where<&ItemPutIntoCart::user_id>(user));
  EXPECT_EQ(store.count(everything_of_ann), 2);
  const auto either = anns | dcb::query<UserRegistered>().after(2);
  EXPECT_EQ(store.count(either), 2);
  const auto not_carts = dcb::without<ItemPutIntoCart>(everything_of_ann);
  EXPECT_EQ(store.count(not_carts), 1);

  dcb::decision_maker once{store, dcb::retry::none()};
  EXPECT_TRUE(once.make(Register{"bob", "bob@example.com"}));
  EXPECT_THROW((void)once.make(Register{"cem", "bob@example.com"}), dcb::conflict);

  const std::vector<std::string> addresses{"bob@example.com", "dan@example.com"};
  const auto none_registered =
      dcb::any_of(addresses, [](const auto& address) { return dcb::never<UserRegistered>(dcb::where<&UserRegistered::address>(address)); });
  EXPECT_EQ(store.count(none_registered), 1);
}

TEST(guide_events, metadata) {
  using namespace later;
  dcb::memory_store<Event> store;
  const Event added[]{ItemPutIntoCart{"ann", "tea", 1}};

  store.append(added, {.metadata = R"({"by": "ann"})", .correlation_id = "request-7"});
  store.log().read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& stored) {
    const auto cause = dcb::meta_of(stored);                      // position, type, tags, recorded_at, correlation_id, causation_id, …
    if (cause.position == 1) store.append(added, dcb::because_of(cause));
    return true;
  });

  std::vector<dcb::meta> all;
  store.log().read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& stored) { return all.push_back(dcb::meta_of(stored)), true; });
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].correlation_id, "request-7");
  EXPECT_EQ(all[1].causation_id, "1");
}

}  // namespace
