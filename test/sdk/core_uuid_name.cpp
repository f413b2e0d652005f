// Name-based uuids, against what other implementations of version 5 answer.

#include "uuid_name.hpp"

#include <dcb/meta.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace {

TEST(uuid_name, is_that_of_version_5) {
  EXPECT_EQ(dcb::uuid_of_name("").to_string(), "d104b6bf-a465-5697-96e1-367e2d4b0c7a");
  EXPECT_EQ(dcb::uuid_of_name("carts:17").to_string(), "3459388d-1dd7-5109-92f7-defead131ca0");
  for (const auto& [length, expected] : {std::pair{39, "cdad2f56-dad7-5926-ae89-75906ce85827"}, std::pair{40, "800c24d6-7b83-5329-94b6-71e31bff2248"},
                                         std::pair{48, "8c76cf85-7807-59f2-ad64-acb73ee33ef0"}, std::pair{500, "57fd78ca-1bb6-58e7-a4c0-b50d593f01bb"}})
    EXPECT_EQ(dcb::uuid_of_name(std::string(static_cast<std::size_t>(length), 'x')).to_string(), expected) << length;
}

TEST(uuid_name, makes_keys_of_subscription_position_and_part) {
  const dcb::meta about{.position = 17, .subscription = "carts"};
  EXPECT_EQ(about.dedup_key().to_string(), "3459388d-1dd7-5109-92f7-defead131ca0");
  EXPECT_EQ(about.dedup_key("mail").to_string(), "b6b357f8-4661-5e36-9c6d-a46617a529f8");
}

}  // namespace
