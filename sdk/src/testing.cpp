#include <dcb/testing.hpp>

namespace dcb::inline v0 {

expectation_failed::expectation_failed(const expectation_failed&) = default;
expectation_failed& expectation_failed::operator=(const expectation_failed&) = default;
expectation_failed::~expectation_failed() = default;

std::string listed(std::span<const new_event> events) {
  if (events.empty()) return "nothing";
  std::string text;
  for (const auto& event : events) {
    if (!text.empty()) text += "\n            ";
    (text += event.type) += ' ';
    text += readable_data({.type = event.type, .data = event.data, .payload = event.payload, .metadata = event.metadata});
  }
  return text;
}

void fail_expectation(const std::string& expected, const std::string& got) {
  throw expectation_failed{"\n  expected: " + expected + "\n  got:      " + got};
}

}  // namespace dcb::inline v0
