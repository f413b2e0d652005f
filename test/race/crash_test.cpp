// kill -9 of a server process under load (test/crash/load.hpp says what has to hold). The server drops its shared memory, ends all its sessions and recovers
// from the log; commits that were not flushed are gone. test/crash has the other ways to go down.
//
// Only against a throw-away cluster as scripts/with-cluster makes it, known by its data folder beside the socket.

#include "../crash/load.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>

namespace {

TEST(crash, acknowledged_or_shown_is_stored) {
  const char* host = std::getenv("PGHOST");
  if (host == nullptr) FAIL() << "PGHOST is not set: run this under scripts/with-cluster";
  if (!std::filesystem::exists(std::filesystem::path(host) / "data" / "postmaster.pid")) GTEST_SKIP() << "this server is not a throw-away one";

  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  crash::load load(seed);
  load.start();
  for (int kill_round = 0; kill_round < 3; ++kill_round) {
    load.advance(200);
    race::session victim;
    ASSERT_EQ(kill(victim.backend(), SIGKILL), 0) << "may not kill the server's processes";
    while (victim.run("SELECT 1").ok()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  load.advance(100);
  load.stop();
  for (const auto& problem : load.check()) ADD_FAILURE() << problem;
  EXPECT_EQ(load.errors(), "");
  RecordProperty("account", load.account());
}

}  // namespace
