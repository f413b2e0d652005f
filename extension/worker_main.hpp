/*
 * What the processes of the background worker have in common.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/* The setting dcb.workers. */
bool workers_are_wanted();

/* After SIGHUP. */
void reload_settings();

/* Or until the latch is set, or for some seconds, in case the clock is set. */
void sleep_until(TimestampTz time);

} // namespace dcb
