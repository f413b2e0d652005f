/*
 * PREPARE TRANSACTION after an append is refused.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/* To be called by every append; undone by a rollback to a savepoint before it. */
void forbid_prepare();

void install_prepare_guard();

} // namespace dcb
