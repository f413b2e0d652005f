#include "server_error.hpp"

#include <dcb/error.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using dcb::server_error;
using dcb::throw_server_error;

TEST(error, keeps_what_the_server_said) {
  try {
    throw_server_error({.sqlstate = "DCB05", .message = "no such store", .detail = "It is not there.", .hint = "Create it."});
  } catch (const dcb::error& e) {
    EXPECT_STREQ(e.what(), "no such store");
    EXPECT_EQ(e.sqlstate(), "DCB05");
    EXPECT_EQ(e.detail(), "It is not there.");
    EXPECT_EQ(e.hint(), "Create it.");
    EXPECT_FALSE(e.retryable());
    EXPECT_FALSE(e.in_doubt());
  }
}

TEST(error, conflict_knows_its_position) {
  const auto position_in = [](std::string detail) -> std::optional<std::int64_t> {
    try {
      throw_server_error({.sqlstate = "DCB01", .message = "append condition failed", .detail = std::move(detail)});
    } catch (const dcb::conflict& e) {
      EXPECT_TRUE(e.retryable());
      return e.position();
    }
  };
  EXPECT_EQ(position_in("Event 42 of type \"A7\" with tags {x:1} matches the condition and was appended after position 41."), 42);
  EXPECT_EQ(position_in("Ereignis 9223372036854775807 passt."), 9223372036854775807);
  EXPECT_EQ(position_in("Event 9223372036854775808"), std::nullopt);
  EXPECT_EQ(position_in(""), std::nullopt);
}

TEST(error, transient_ones_are_retryable) {
  for (const char* state : {"DCB09", "40001", "40P01"}) {
    try {
      throw_server_error({.sqlstate = state});
    } catch (const dcb::error& e) {
      EXPECT_TRUE(e.retryable()) << state;
    }
  }
  for (const char* state : {"DCB02", "DCB03", "DCB07", "42501", "22023", "XX000"}) {
    try {
      throw_server_error({.sqlstate = state});
    } catch (const dcb::error& e) {
      EXPECT_FALSE(e.retryable()) << state;
    }
  }
}

TEST(error, classes_follow_what_callers_catch) {
  EXPECT_THROW(throw_server_error({.sqlstate = "57014"}), dcb::cancelled);
  EXPECT_THROW(throw_server_error({.sqlstate = "55P03"}), dcb::timeout);
  EXPECT_THROW(throw_server_error({.sqlstate = "57P01"}), dcb::connection_error);
  EXPECT_THROW(throw_server_error({.sqlstate = "53300"}), dcb::connection_error);
  EXPECT_THROW(throw_server_error({.sqlstate = "08006"}), dcb::connection_error);
}

TEST(error, a_database_without_the_extension_gets_a_hint) {
  try {
    throw_server_error({.sqlstate = "3F000", .message = "schema \"dcb\" does not exist"});
  } catch (const dcb::error& e) {
    EXPECT_EQ(e.hint(), "Run CREATE EXTENSION pg_dcb in this database.");
  }
}

}  // namespace
