// Random sequences of operations, against the reference. A disagreement is shrunk to a few statements and printed as a script for psql.
//
//   MODEL_SEED       the seed that a run has printed, to repeat it
//   MODEL_SEQUENCES  how many sequences each test plays (150)

#include "player.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <sstream>

namespace model {
namespace {

std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* given = std::getenv("MODEL_SEED");
    const std::uint64_t own = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::cout << "MODEL_SEED=" << own << '\n';
    return own;
  }();
  return chosen;
}

int sequences() {
  const char* wanted = std::getenv("MODEL_SEQUENCES");
  return wanted == nullptr ? 150 : std::atoi(wanted);
}

// The partitions of values of tags, which the reference takes from the server: any function will do, if it stays the same.
void ask_for_partitions() {
  race::session s;
  for (const std::string value : {"", "1", "2"})
    for (const int partitions : {2, 3})
      partition_of_value[{value, partitions}] =
          static_cast<int>(s.must("SELECT dcb.partition_of(ARRAY['a:' || $1], 'a', $2)", {value, std::to_string(partitions)}).number());
}

// Sequences grow up to 200 steps.
void play_random_sequences(int sessions, const rc::Gen<operation>& operations) {
  ask_for_partitions();
  player own(sessions);
  const auto below = [](int count) { return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, count)); };
  const auto any_step = rc::gen::construct<step>(below(sessions), rc::gen::map(below(6), [](int n) { return n == 5; }), operations);
  const auto any_steps = rc::gen::scale(2, rc::gen::container<std::vector<step>>(any_step));

  std::vector<step> last;
  std::string found;
  const auto fails = [&](const std::vector<step>& steps) {
    try {
      own.play(steps);
      return false;
    } catch (const disagreement& text) {
      own.need_new_store();
      last = steps;
      found = text.what();
      return true;
    }
  };

  rc::detail::TestParams parameters;
  parameters.seed = seed();
  parameters.maxSuccess = sequences();
  const auto result = rc::detail::checkTestable([&] { RC_ASSERT_FALSE(fails(*any_steps)); }, rc::detail::TestMetadata{}, parameters);
  if (result.template is<rc::detail::SuccessResult>()) return;
  if (found.empty()) {
    std::ostringstream text;
    rc::detail::printResultMessage(result, text);
    ADD_FAILURE() << text.str();
    return;
  }
  own.need_new_store();
  const std::string shrunk = found;
  const bool again = fails(last);
  ADD_FAILURE() << "MODEL_SEED=" << seed() << (again ? "" : "; not so on a new store") << "\n" << shrunk;
}

TEST(model, one_session) { play_random_sequences(1, any_operation()); }

TEST(model, sessions_side_by_side) { play_random_sequences(3, any_log_operation()); }

class tell : public testing::Environment {
 public:
  void TearDown() override { played.print(); }
};
const auto* const told = testing::AddGlobalTestEnvironment(new tell);

}  // namespace
}  // namespace model
