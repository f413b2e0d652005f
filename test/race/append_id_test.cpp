// A retried append: two sessions send the same one at once, by every way, under a condition that the first of them breaks. One effect, one answer.

#include "session.hpp"

#include <gtest/gtest.h>

#include <barrier>
#include <mutex>

namespace {

using race::answer;
using race::session;

TEST(append_id, sent_twice_at_once) {
  const race::temporary_store store;
  const int rounds = race::rounds(), senders = 4;
  std::vector<std::vector<answer>> answers(senders, std::vector<answer>(rounds));
  std::barrier start(senders);
  race::in_parallel(senders, [&](session& s, int sender) {
    for (int round = 0; round < rounds; ++round) {
      const std::string number = std::to_string(round);
      const std::string arguments =
          "($1, ARRAY[dcb.event('A', tags => ARRAY['r:' || $2]), dcb.event('B')], dcb.query(tags => ARRAY['r:' || $2]), 0, md5($2)::uuid)";
      start.arrive_and_wait();
      if (sender == 0) s.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
      if (sender == 0) s.run("SELECT dcb.head($1)", {store.name()});
      answers[sender][round] = s.run((sender % 2 == 0 ? "SELECT dcb.append" : "CALL dcb.submit") + arguments, {store.name(), number});
      if (sender == 0) s.run("COMMIT");
    }
  });

  for (int round = 0; round < rounds; ++round)
    for (int sender = 0; sender < senders; ++sender) {
      const answer &got = answers[sender][round], &first = answers[0][round];
      ASSERT_TRUE(got.ok()) << "round " << round << ", sender " << sender << ": " << got.sqlstate << " " << got.message;
      ASSERT_EQ(got.value(), first.value()) << "round " << round << ", sender " << sender;
    }
  const answer stored = session().must("SELECT count(*), max(position), count(DISTINCT tags) FROM dcb.read($1)", {store.name()});
  EXPECT_EQ(stored.number(0), 2 * rounds);
  EXPECT_EQ(stored.number(1), 2 * rounds);
  EXPECT_EQ(stored.number(2), rounds + 1);
}

TEST(append_id, other_content_at_once) {
  const race::temporary_store store;
  const int rounds = race::rounds(100), senders = 4;
  std::vector<int> won(rounds), refused(rounds);
  std::mutex mutex;
  std::barrier start(senders);
  race::in_parallel(senders, [&](session& s, int sender) {
    for (int round = 0; round < rounds; ++round) {
      start.arrive_and_wait();
      const answer got = s.run("SELECT dcb.append($1, ARRAY[dcb.event('A', to_jsonb($3::int))], append_id => md5($2)::uuid)",
                               {store.name(), std::to_string(round), std::to_string(sender)});
      const std::lock_guard<std::mutex> lock(mutex);
      won[round] += got.ok();
      refused[round] += got.sqlstate == "DCB07";
    }
  });
  EXPECT_EQ(won, std::vector<int>(rounds, 1));
  EXPECT_EQ(refused, std::vector<int>(rounds, senders - 1));
}

}  // namespace
