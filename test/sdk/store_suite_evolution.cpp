// Events that were stored under other names and in other shapes, on every log: the program of before and the one of now on the same log.
#include "store_suite.hpp"

namespace {

namespace before {
struct Booked {
  dcb::id<> room_id;
  double hours;
};
struct Left {
  dcb::id<> room_id;
};
using Event = std::variant<Booked, Left>;
}  // namespace before

namespace now {
struct Reserved {
  dcb::id<> room_id;
  std::int64_t minutes;
  static constexpr std::string_view event_aliases[] = {"Booked"};
  using event_versions = dcb::versions<before::Booked>;
  static Reserved upcast(const before::Booked& old) { return {old.room_id, static_cast<std::int64_t>(old.hours * 60)}; }
};
struct Left {
  dcb::id<> room_id;
};
using Event = std::variant<Reserved, Left>;

struct Room {
  dcb::id<> room_id;
  std::int64_t minutes = 0;
  bool taken = false;
  void apply(const Reserved& e) { minutes += e.minutes, taken = true; }
  void apply(const Left&) { taken = false; }
};
struct Reserve {
  std::string room_id;
  std::int64_t minutes;
  auto states() const { return Room{room_id}; }
  dcb::decided<Event, std::string> decide(const Room& room) const {
    if (room.taken) return "taken";
    return Reserved{room_id, minutes};
  }
};
}  // namespace now

class evolving : public log_test {
 protected:
  std::int64_t minutes(const std::string& room_id) {
    now::Room room{room_id};
    present.load(room);
    return room.minutes;
  }

  typed_log<before::Event> former{*log};
  typed_log<now::Event> present{*log};
  dcb::decision_maker<now::Event> maker{present, dcb::retry::none()};
};

TEST_P(evolving, states_fold_old_names_and_shapes) {
  former.append(before::Booked{"r1", 1.5}, before::Left{"r1"}, before::Booked{"r2", 1});
  EXPECT_TRUE(maker.make(now::Reserve{"r1", 10}));
  EXPECT_EQ(minutes("r1"), 100);
  const auto refused = maker.make(now::Reserve{"r2", 10});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), "taken");
}

TEST_P(evolving, a_condition_for_the_new_name_guards_the_old_one) {
  former.append(before::Left{"r1"});
  const now::Event reserved[]{now::Reserved{"r1", 1}};
  const auto taken = dcb::query<now::Reserved>(dcb::where<&now::Reserved::room_id>("r1"));
  former.append(before::Booked{"r2", 1});
  EXPECT_EQ(present.append_if(reserved, {taken, 1}), 3) << "another room";
  former.append(before::Booked{"r1", 1});
  EXPECT_THROW(present.append_if(reserved, {taken, 3}), dcb::conflict) << "appended by a program that knows the old name only";

  // A decision, overtaken by the program of before between its read and its append.
  EXPECT_THROW((void)maker.make(now::Room{"r3"},
                                [&](const now::Room& room) -> dcb::decided<now::Event, std::string> {
                                  former.append(before::Booked{"r3", 1});
                                  return now::Reserved{room.room_id, 1};
                                }),
               dcb::conflict);
}

TEST_P(evolving, reads_of_the_new_name_find_the_old_one) {
  former.append(before::Booked{"r1", 2}, before::Left{"r1"});
  present.append(now::Reserved{"r1", 5});
  std::vector<std::int64_t> found;
  for (const auto& recorded : present.read(dcb::query<now::Reserved>())) found.push_back(std::get<now::Reserved>(recorded.event).minutes);
  EXPECT_EQ(found, (std::vector<std::int64_t>{120, 5}));
  int all = 0;
  for ([[maybe_unused]] const auto& recorded : present.read()) ++all;
  EXPECT_EQ(all, 3) << "every type that the variant knows, by every name";
  EXPECT_EQ(present.count(dcb::without<now::Reserved>(dcb::event_query::all())), 1);
}

TEST_P(evolving, the_version_can_be_seen_from_outside) {
  const now::Event reserved[]{now::Reserved{"r1", 5}};
  present.append(reserved, {.metadata = R"({"by":"ann"})", .correlation_id = "c"});
  const auto stored = events().at(0);
  EXPECT_EQ(stored.type, "Reserved");
  EXPECT_EQ(dcb::metadata_member(stored.metadata.value(), "event_version"), "2");
  EXPECT_EQ(dcb::metadata_member(stored.metadata.value(), "by"), "ann");
  EXPECT_EQ(dcb::meta_of(stored).correlation_id, "c");
}

TEST_P(evolving, a_version_of_the_future_is_refused) {
  append({{.type = "Reserved", .data = R"({"room_id":"r1","minutes":1})", .tags = {"room_id:r1"}, .metadata = R"({"event_version":3})"}});
  EXPECT_THROW(minutes("r1"), dcb::decode_error);
}

TEST_P(evolving, unique_by_never) {
  const now::Event reserved[]{now::Reserved{"r1", 5}};
  const auto first_only = dcb::never<now::Reserved>(dcb::where<&now::Reserved::room_id>("r1"));
  former.append(before::Booked{"r1", 2});
  EXPECT_THROW(present.append_if(reserved, {first_only, log->head()}), dcb::conflict);
}

INSTANTIATE_TEST_SUITE_P(store, evolving, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
