#include <dcb/error.hpp>
#include <dcb/event_log.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace {

using dcb::uuid;

TEST(uuid, text_round_trip) {
  const std::string text = "0123abcd-ef45-6789-abcd-ef0123456789";
  EXPECT_EQ(uuid::from_string(text).to_string(), text);
  EXPECT_EQ(uuid::from_string("0123ABCDEF456789ABCDEF0123456789").to_string(), text);
  EXPECT_EQ(uuid{}.to_string(), "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(uuid::from_string("ffffffff-ffff-ffff-ffff-ffffffffffff").bytes[15], std::byte{0xff});
}

TEST(uuid, refuses_other_texts) {
  for (const char* text : {"", "0123abcd", "0123abcd-ef45-6789-abcd-ef012345678", "0123abcd-ef45-6789-abcd-ef01234567890",
                           "0123abcd-ef45-6789-abcd-ef012345678g", "0123abcdef45-6789-abcd-ef01-23456789", "0123abcd_ef45-6789-abcd-ef0123456789"}) {
    try {
      uuid::from_string(text);
      ADD_FAILURE() << text;
    } catch (const dcb::error& e) {
      EXPECT_EQ(e.sqlstate(), "22P02");
    }
  }
}

TEST(uuid, random_ones_differ_and_are_of_version_4) {
  std::set<uuid> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto made = uuid::random();
    EXPECT_EQ(made.to_string()[14], '4');
    EXPECT_NE(std::string{"89ab"}.find(made.to_string()[19]), std::string::npos);
    seen.insert(made);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(vouched_position, is_the_head_when_everything_was_delivered) {
  EXPECT_EQ(dcb::vouched_position({}, {.head = 9, .delivered = 2, .last_position = 4}), 9);
  EXPECT_EQ(dcb::vouched_position({}, {.head = 9}), 9);
  EXPECT_EQ(dcb::vouched_position({.max_count = 3}, {.head = 9, .delivered = 2, .last_position = 4}), 9);
}

TEST(vouched_position, never_passes_the_bound_of_the_read) {
  EXPECT_EQ(dcb::vouched_position({.upto = 5}, {.head = 9, .delivered = 2, .last_position = 4}), 5);
  EXPECT_EQ(dcb::vouched_position({.upto = 50}, {.head = 9, .delivered = 2, .last_position = 4}), 9);
}

TEST(vouched_position, stays_at_the_last_event_of_a_cut_read) {
  EXPECT_EQ(dcb::vouched_position({.max_count = 2}, {.head = 9, .delivered = 2, .last_position = 4}), 4);
  EXPECT_EQ(dcb::vouched_position({}, {.head = 9, .delivered = 2, .last_position = 4, .stopped = true}), 4);
  EXPECT_EQ(dcb::vouched_position({.after = 3, .max_count = 0}, {.head = 9}), 3);
  EXPECT_EQ(dcb::vouched_position({.after = 30, .max_count = 0}, {.head = 9}), 9);
}

TEST(vouched_position, of_a_backward_read_is_the_head_even_if_it_was_cut) {
  EXPECT_EQ(dcb::vouched_position({.max_count = 1, .backwards = true}, {.head = 9, .delivered = 1, .last_position = 7}), 9);
  EXPECT_EQ(dcb::vouched_position({.upto = 8, .backwards = true}, {.head = 9, .delivered = 1, .last_position = 7, .stopped = true}), 8);
}

}  // namespace
