/*
 * Subscriptions as they stand in a store's tables, and the events that wait for their consumers. What changes them is SQL
 * (sql/75_subscription.sql); see there for who may consume, and for how long.
 */
#pragma once

#include "read.hpp"

namespace dcb {

/* Which of the matching events a partition is given; see partition_of(). */
struct Share
{
	int partition;
	int partitions;
	String by; /* name of the tag whose value decides */
};

/* One partition of a subscription, as the reading's snapshot sees it. */
struct Subscription
{
	const char *name;
	Query query; /* its items start after the checkpoint at least */
	Share share;
	bool active; /* neither paused nor stopped */
	int64 position; /* the checkpoint: every event up to here is dealt with */
	NullableDatum recorded_at; /* of the event at the checkpoint; null at 0 */
	int64 token;
	const char *consumer; /* null: nobody holds it */
};

/* Errors: UNKNOWN_SUBSCRIPTION; 22004; 22023 for a partition that it does not have; those of open_side_table(). */
Subscription load_subscription(const Reading &reading, NullableDatum name, NullableDatum partition);

/* Error: SUBSCRIPTION_TAKEN_OVER unless the partition is held by the one with this token. */
void check_token(const Subscription &subscription, int64 token);

/* Error: OTHER_HISTORY unless the event at the position is the one that was recorded then. Position 0 is in every history. */
void check_history(const Reading &reading, int64 position, NullableDatum recorded_at);

/*
 * The partition of events with these tags: by the value of the first of their tags called `by`, in byte order; 0 without one.
 * It must never change: checkpoints rely on it, also those of a dump that is restored elsewhere.
 */
int partition_of(StringSet tags, String by, int partitions);

/* The events that a subscription has not dealt with: after its checkpoint, its partition's, and not parked. In order. */
struct PendingScan;

PendingScan *begin_pending_scan(const Reading &reading, const Subscription &subscription, int64 upto);
TupleTableSlot *next_pending(PendingScan *scan);
void end_pending_scan(PendingScan *scan);

} // namespace dcb
