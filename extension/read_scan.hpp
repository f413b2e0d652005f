/*
 * dcb.read in FROM as a plan node of its own.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

void install_read_scan();

} // namespace dcb
