/*
 * What the processes of the background worker have in common.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/* At most, in ms: the clock may be set, and a wake-up is only help. */
constexpr int WORKER_SLEEP = 5000;

/* The setting dcb.workers. */
bool workers_are_wanted();

/* After SIGHUP. */
void reload_settings();

/* Or until the latch is set, or for WORKER_SLEEP. */
void sleep_until(TimestampTz time);

} // namespace dcb
