// The load as a program of its own, for scripts that do something to the server meanwhile. It takes one command a line and answers each by one line:
//
//   advance N   when N more appends were acknowledged, and reader and consumer went on: "advanced"
//   refused N   when N more appends failed while their session went on: what with
//   check       the load stops, the account is made up, and the load goes on: "good: FIGURES", or "bad: PROBLEMS"
//
// CRASH_SEED takes back a seed, which a bad account names.

#include "load.hpp"

#include <cstdlib>
#include <iostream>

int main() try {
  const char* given = std::getenv("CRASH_SEED");
  const std::uint32_t seed = given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
  crash::load load(seed);
  load.start();
  std::string command;
  int count = 0;
  while (std::cin >> command) {
    if (command == "advance" && std::cin >> count) {
      load.advance(count);
      std::cout << "advanced" << std::endl;
    } else if (command == "refused" && std::cin >> count) {
      load.be_refused(count);
      std::cout << load.errors() << std::endl;
    } else if (command == "check") {
      load.stop();
      const auto problems = load.check();
      std::cout << (problems.empty() ? "good: " : "bad, with CRASH_SEED=" + std::to_string(seed) + ": ") << load.account();
      for (const auto& problem : problems) std::cout << "; " << problem;
      std::cout << std::endl;
      load.start();
    } else {
      std::cout << "unknown command " << command << std::endl;
    }
  }
} catch (const std::exception& e) {
  std::cout << "broken: " << e.what() << std::endl;
  return 1;
}
