// Writers on boundaries that have nothing in common never fail, however the boundaries differ. Each appends on the condition that nothing of its
// own came after its own last event, and in its transaction reads what it must have seen: all of its own events.
//
// SERIALIZABLE is left out: there the server itself may find conflicts between reads and writes of disjoint boundaries.

#include "session.hpp"

#include <gtest/gtest.h>

namespace {

using race::session;

// Own boundaries of writer W, and the type and tags of the events in them.
struct boundaries {
  const char* name;
  const char* query;
  const char* type;
  const char* tags;
};

constexpr boundaries by_tag{"by_tag", R"({"items":[{"tags":["cart:W"]}]})", "Added", "{cart:W,shop:1}"};
constexpr boundaries by_type{"by_type", R"({"items":[{"types":["AddedW"],"tags":["shop:1"]}]})", "AddedW", "{shop:1}"};
constexpr boundaries by_two_tags{"by_two_tags", R"({"items":[{"tags":["cart:W","shop:1"]}]})", "Added", "{cart:W,shop:1}"};
constexpr boundaries by_type_alone{"by_type_alone", R"({"items":[{"types":["AddedW","RemovedW"]}]})", "AddedW", "{}"};

std::string of_writer(std::string text, int writer) {
  for (auto at = text.find('W'); at != std::string::npos; at = text.find('W', at)) text.replace(at, 1, std::to_string(writer));
  return text;
}

const char* const ways[] = {"append", "submit", "read_committed", "repeatable_read"};

class disjoint : public testing::TestWithParam<std::tuple<boundaries, int>> {};

TEST_P(disjoint, no_conflict) {
  const auto [b, way] = GetParam();
  const race::temporary_store store;
  const int rounds = race::rounds(100), writers = 8;
  race::in_parallel(writers, [&, b = b, way = way](session& s, int writer) {
    std::int64_t last = 0;
    const std::string query = of_writer(b.query, writer), type = of_writer(b.type, writer), tags = of_writer(b.tags, writer);
    for (int round = 0; round < rounds; ++round) {
      if (way >= 2) s.must(way == 2 ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ");
      const auto seen = s.must("SELECT count(*), max(position) FROM dcb.read($1, $2::dcb.query)", {store.name(), query});
      ASSERT_EQ(seen.number(), round);
      const std::vector<std::string> arguments{store.name(), type, tags, query, std::to_string(last)};
      last = s.must(way == 1 ? "CALL dcb.submit($1, ARRAY[dcb.event($2, tags => $3::text[])], $4, $5)"
                             : "SELECT dcb.append($1, ARRAY[dcb.event($2, tags => $3::text[])], $4::dcb.query, $5)",
                    arguments)
                 .number();
      if (way >= 2) s.must("COMMIT");
    }
  });
  EXPECT_EQ(session().must("SELECT dcb.head($1)", {store.name()}).number(), rounds * writers);
}

INSTANTIATE_TEST_SUITE_P(race, disjoint, testing::Combine(testing::Values(by_tag, by_type, by_two_tags, by_type_alone), testing::Range(0, 4)),
                         [](const auto& info) { return std::string(std::get<0>(info.param).name) + "_" + ways[std::get<1>(info.param)]; });

}  // namespace
