/*
 * What a worker does when it is awake.
 */
#pragma once

#include "wake.hpp"

namespace dcb {

struct Round
{
	TimestampTz next;    /* when to make the next one; DT_NOEND: there is nothing to wait for */
	TimestampTz look_at; /* when that one has to look again */
	WakeFilter wanted;   /* what else is a reason for the next one */
	bool had_error;      /* which has ended any wait for wake-ups */
};

/*
 * A batch of each projection, in all stores of the database. To look first is to find the stores, to execute what is
 * due, and to see which projections there are; in between those known from before are run.
 */
Round make_round(bool look_first);

} // namespace dcb
