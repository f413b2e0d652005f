#include <dcb/error.hpp>
#include <dcb/event_schema.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

// A library's types, which nobody here can change.
namespace lib {
struct Iban {
  std::string text;
  auto operator<=>(const Iban&) const = default;
};
class Ship {
 public:
  Ship() = default;
  Ship(std::string n, Iban a) : name(std::move(n)), account(std::move(a)) {}
  std::string name{};
  Iban account{};
  std::set<Iban> payers{};
};
struct Base {
  dcb::id<> harbour;
};
struct Berthed : Base {
  int days = 0;
};
}  // namespace lib

template <>
struct dcb::tags<lib::Iban> {
  static constexpr std::string_view key = "iban";
  static std::string to(const lib::Iban& iban) { return iban.text; }
};
template <>
struct dcb::json_as<lib::Iban> {
  static std::string to(const lib::Iban& iban) { return iban.text; }
  static lib::Iban from(std::string text) { return {std::move(text)}; }
};
template <>
struct dcb::members<lib::Ship> : dcb::members_of<&lib::Ship::name, &lib::Ship::account, &lib::Ship::payers> {
  static constexpr auto event_name = "ShipLanded";
  static constexpr std::string_view event_aliases[] = {"ShipArrived"};
};
template <>
struct dcb::members<lib::Berthed> : dcb::members_of<&lib::Berthed::harbour, &lib::Berthed::days> {
  static constexpr std::string_view defaulted[] = {"days"};
};

namespace {

struct Opened {
  dcb::id<std::int64_t> account_id;
  std::string owner;
};
struct Transferred {
  static constexpr auto event_name = "MoneyTransferred";
  dcb::id<std::int64_t, "account_id"> from, to;
  std::int64_t cents;
};
struct Invited {
  std::optional<dcb::id<>> host_id;
  std::vector<dcb::id<std::string, "guest">> guests;
};
struct Ticked {};
using Event = std::variant<Opened, Transferred, Invited, Ticked>;
using schema = dcb::event_schema<Event>;
using strings = std::vector<std::string>;

dcb::recorded_event stored(std::string type, std::string data) { return {.position = 9, .type = std::move(type), .data = std::move(data)}; }

TEST(event_schema, names) {
  EXPECT_EQ(dcb::event_name<Opened>(), "Opened");
  EXPECT_EQ(dcb::event_name<Transferred>(), "MoneyTransferred");
}

TEST(event_schema, encodes_type_tags_and_data) {
  const auto opened = schema::encode(Opened{7, "Ann"});
  EXPECT_EQ(opened.type, "Opened");
  EXPECT_EQ(opened.tags, strings{"account_id:7"});
  EXPECT_EQ(opened.data, R"({"account_id":7,"owner":"Ann"})");
  const auto transferred = schema::encode(Transferred{1, 2, 300});
  EXPECT_EQ(transferred.type, "MoneyTransferred");
  EXPECT_EQ(transferred.tags, (strings{"account_id:1", "account_id:2"}));
  EXPECT_EQ(schema::encode(Ticked{}).data, "{}");
}

TEST(event_schema, optional_and_many_ids) {
  EXPECT_EQ(schema::encode(Invited{"h", {"a", "b"}}).tags, (strings{"host_id:h", "guest:a", "guest:b"}));
  EXPECT_EQ(schema::encode(Invited{{}, {}}).tags, strings{});
}

TEST(event_schema, decodes_by_name) {
  const auto event = schema::decode(stored("MoneyTransferred", R"({"to": 2, "from": 1, "cents": 300, "new": true})"));
  EXPECT_EQ(std::get<Transferred>(event).to.value, 2);
  EXPECT_TRUE(std::holds_alternative<Ticked>(schema::decode(stored("Ticked", "{}"))));
  EXPECT_THROW(schema::decode(stored("Unknown", "{}")), dcb::decode_error);
  EXPECT_THROW(schema::decode(stored("Opened", "{}")), dcb::decode_error);
}

TEST(event_schema, events_joins_variants) {
  using Joined = dcb::events<std::variant<Opened, Ticked>, Ticked, Invited, std::variant<Invited, Transferred>>;
  static_assert(std::same_as<Joined, std::variant<Opened, Ticked, Invited, Transferred>>);
}

// An event that had other names and other shapes.
struct PaidV1 {
  dcb::id<> account_id;
  double amount;
};
struct PaidV2 {
  dcb::id<> account_id;
  std::int64_t cents;
  static PaidV2 upcast(const PaidV1& old) { return {old.account_id, static_cast<std::int64_t>(old.amount * 100 + 0.5)}; }
};
struct Paid {
  dcb::id<> account_id;
  std::int64_t cents;
  std::string currency;
  using event_versions = dcb::versions<PaidV1, PaidV2>;
  static constexpr std::string_view event_aliases[] = {"Payed", "MoneyIn"};
  static Paid upcast(PaidV2 old) { return {old.account_id, old.cents, "EUR"}; }
};
using ledger = dcb::event_schema<std::variant<Ticked, Paid>>;

dcb::recorded_event versioned(std::string type, std::string data, std::optional<std::string> metadata) {
  auto event = stored(std::move(type), std::move(data));
  event.metadata = std::move(metadata);
  return event;
}

std::string failure_of(const dcb::recorded_event& event) {
  try {
    ledger::decode(event);
  } catch (const dcb::decode_error& failure) {
    return failure.what();
  }
  return "decoded";
}

TEST(event_aliases, decoded_under_every_name) {
  for (const auto* name : {"Paid", "Payed", "MoneyIn"}) {
    const auto event = ledger::decode(versioned(name, R"({"account_id":"a","cents":5,"currency":"CHF"})", R"({"event_version":3})"));
    EXPECT_EQ(std::get<Paid>(event).currency, "CHF") << name;
  }
  EXPECT_EQ(ledger::encode(Paid{"a", 1, "EUR"}).type, "Paid");
}

TEST(event_versions, the_present_one_stands_in_the_metadata) {
  EXPECT_EQ(ledger::encode(Paid{"a", 1, "EUR"}).metadata, R"({"event_version":3})");
  EXPECT_EQ(schema::encode(Opened{7, "Ann"}).metadata, std::nullopt) << "a type that never changed needs none";
}

TEST(event_versions, old_shapes_are_cast_up_step_by_step) {
  const auto first = std::get<Paid>(ledger::decode(versioned("Paid", R"({"account_id":"a","amount":1.5})", {})));
  EXPECT_EQ(first.cents, 150);
  EXPECT_EQ(first.currency, "EUR");
  EXPECT_EQ(std::get<Paid>(ledger::decode(versioned("MoneyIn", R"({"account_id":"a","amount":2})", R"({"by":"event_version"})"))).cents, 200);
  EXPECT_EQ(std::get<Paid>(ledger::decode(versioned("Payed", R"({"account_id":"a","cents":7})", R"({"event_version": 2})"))).cents, 7);
  EXPECT_EQ(std::get<Paid>(ledger::decode(versioned("Paid", R"({"account_id":"a","cents":7})", R"({"event_version": "2"})"))).cents, 7);
}

TEST(event_versions, errors_name_the_shape_and_the_version) {
  EXPECT_EQ(failure_of(versioned("Paid", R"({"account_id":"a"})", {})), "PaidV1.amount: missing");
  EXPECT_EQ(failure_of(versioned("Paid", "{}", R"({"event_version":4})")),
            "event 9 of type \"Paid\" has version 4, of which this program knows nothing");
  EXPECT_EQ(failure_of(versioned("Ticked", "{}", R"({"event_version":2})")),
            "event 9 of type \"Ticked\" has version 2, of which this program knows nothing");
  for (const auto* wrong : {"0", "-1", "1.5", "true", "\"new\"", "99999999999999999999"})
    EXPECT_NE(failure_of(versioned("Paid", "{}", R"({"event_version":)" + std::string{wrong} + '}')).find(" has no version"), std::string::npos)
        << wrong;
}

TEST(members, describe_types_that_cannot_be_changed) {
  using harbour = dcb::event_schema<std::variant<lib::Ship, lib::Berthed>>;
  lib::Ship ship{"Ann", {"DE1"}};
  ship.payers = {{"DE2"}, {"DE3"}};
  const auto landed = harbour::encode(ship);
  EXPECT_EQ(landed.type, "ShipLanded");
  EXPECT_EQ(landed.data, R"({"name":"Ann","account":"DE1","payers":["DE2","DE3"]})");
  EXPECT_EQ(landed.tags, (strings{"iban:DE1", "iban:DE2", "iban:DE3"}));
  EXPECT_EQ(std::get<lib::Ship>(harbour::decode(stored("ShipArrived", landed.data))).payers, ship.payers);
  const auto berthed = harbour::encode(lib::Berthed{{"Kiel"}, 3});
  EXPECT_EQ(berthed.tags, strings{"harbour:Kiel"}) << "a member of the base";
  EXPECT_EQ(berthed.data, R"({"harbour":"Kiel","days":3})");
  EXPECT_EQ(std::get<lib::Berthed>(harbour::decode(stored("Berthed", R"({"harbour":"Kiel"})"))).days, 0);
}

}  // namespace
