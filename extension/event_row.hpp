/*
 * Rows of the event table.
 */
#pragma once

#include "store.hpp"

namespace dcb {

/* Columns of a row of the event table. */
int64 event_position(TupleTableSlot *row);
TimestampTz event_recorded_at(TupleTableSlot *row);
String event_type(TupleTableSlot *row);
StringSet event_tags(TupleTableSlot *row);

/* The last event that the snapshot sees. */
struct Head
{
	int64 position; /* 0: the store is empty */
	TimestampTz recorded_at;
};

/*
 * A guess: a position shortly before the head. A scan backwards from the end copies the last leaf page down to its lower
 * bound, so a bound near the end saves most of that; who finds nothing above it looks again without.
 */
int64 near_head();
void remember_head(int64 position);

Head read_head(const Store &store, Snapshot snapshot);

} // namespace dcb
