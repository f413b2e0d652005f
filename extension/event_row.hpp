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

Head read_head(const Store &store, Snapshot snapshot);

} // namespace dcb
