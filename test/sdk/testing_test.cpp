#include "shop.hpp"

#include <dcb/testing.hpp>

#include <gtest/gtest.h>

namespace {

using namespace shop;

template <class Expectation>
std::string complaint(Expectation&& expectation) {
  try {
    expectation();
  } catch (const dcb::expectation_failed& failure) {
    return failure.what();
  }
  return "held";
}

struct Shout {
  dcb::decided<Event, std::string> decide() const { return "too loud"; }
};

TEST(given_when_then, holds) {
  dcb::given(Opened{"a"}, Paid{"a", 5}).when(Spend{"a", "s", 5}).then(Spent{"a", "s", 5});
  dcb::given(Opened{"a"}, Paid{"b", 5}).when(Spend{"a", "s", 5}).then_error(Refusal::too_poor);
  dcb::given(Opened{"a"}).when(Pay{"a", 0}).then_nothing();
  dcb::given().when(Open{"a"}).then(Opened{"a"});
  dcb::given().when(Shout{}).then_error("too loud");
  int checked = 0;
  dcb::given(Opened{"a"}).when(Pay{"a", 1}).then_check([&](const std::vector<Event>& events) { checked = static_cast<int>(events.size()); });
  EXPECT_EQ(checked, 1);
}

TEST(given_when_then, complains_readably) {
  const auto paid = dcb::given(Opened{"a"}).when(Pay{"a", 1});
  EXPECT_EQ(complaint([&] {
              paid.then(Paid{"a", 2});
            }),
            "\n  expected: Paid {\"account_id\":\"a\",\"cents\":2}\n  got:      Paid {\"account_id\":\"a\",\"cents\":1}");
  EXPECT_EQ(complaint([&] { paid.then(); }), "\n  expected: nothing\n  got:      Paid {\"account_id\":\"a\",\"cents\":1}");
  EXPECT_EQ(complaint([&] { paid.then_nothing(); }), "\n  expected: nothing\n  got:      Paid {\"account_id\":\"a\",\"cents\":1}");
  EXPECT_EQ(complaint([&] { paid.then_error(Refusal::too_poor); }),
            "\n  expected: the error too_poor\n  got:      Paid {\"account_id\":\"a\",\"cents\":1}");

  const auto refused = dcb::given().when(Pay{"a", 1});
  EXPECT_EQ(complaint([&] {
              refused.then(Paid{"a", 1});
            }),
            "\n  expected: Paid {\"account_id\":\"a\",\"cents\":1}\n  got:      the error no_account");
  EXPECT_EQ(complaint([&] { refused.then_nothing(); }), "\n  expected: nothing\n  got:      the error no_account");
  EXPECT_EQ(complaint([&] { refused.then_error(Refusal::too_poor); }), "\n  expected: the error too_poor\n  got:      the error no_account");
  EXPECT_EQ(complaint([&] { refused.then_check([](const auto&) {}); }), "\n  expected: events\n  got:      the error no_account");
}

}  // namespace
