/*
 * Finding the events that match a query, in position order, each once, through the indexes alone.
 */
#pragma once

#include "event_row.hpp"
#include "query.hpp"
#include "store.hpp"

namespace dcb {

/* Which events, and in which order; `after` gives way to an item's own. */
struct Range
{
	int64 after = 0;               /* exclusive lower bound */
	int64 upto = PG_INT64_MAX;     /* inclusive upper bound */
	bool backwards = false;
};

struct EventScan;

EventScan *begin_event_scan(const Store &store, const Query &query, Snapshot snapshot, Range range);

/*
 * The next matching event, or null at the end. The slot holds the row of the event table and belongs to the scan; it is
 * valid until the next call.
 */
TupleTableSlot *next_event(EventScan *scan);
void end_event_scan(EventScan *scan);

/* What a scan has cost so far. */
struct ScanWork
{
	int64 seeks;   /* descents into an index */
	int64 entries; /* index entries stepped over */
	int64 rows;    /* rows looked at */
};

ScanWork work_of(const EventScan *scan);

/* How the scan finds the events of an item, in a few words for EXPLAIN. */
const char *describe_access(const QueryItem &item);

} // namespace dcb
