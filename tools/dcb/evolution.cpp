// Tags that are derived from data: for what is appended from now on, and for what is stored.

#include "tool.hpp"

namespace tool {

void add_evolution_commands(CLI::App&, settings&) {}

}  // namespace tool
