#include "event_row.hpp"

namespace dcb {

static Datum
column(TupleTableSlot *row, EventColumn number)
{
	bool isnull;
	Datum value = slot_getattr(row, number + 1, &isnull);

	if (isnull)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("event row has a null in column %d", number + 1)));
	return value;
}

int64
event_position(TupleTableSlot *row)
{
	return DatumGetInt64(column(row, COLUMN_POSITION));
}

TimestampTz
event_recorded_at(TupleTableSlot *row)
{
	return DatumGetTimestampTz(column(row, COLUMN_RECORDED_AT));
}

String
event_type(TupleTableSlot *row)
{
	return to_string(column(row, COLUMN_TYPE));
}

StringSet
event_tags(TupleTableSlot *row)
{
	return to_strings(DatumGetArrayTypeP(column(row, COLUMN_TAGS)));
}

/* Near the end of whatever store was looked at last. */
static int64 seen_head = 0;

int64
near_head()
{
	return std::max(seen_head - 8, int64{0});
}

void
remember_head(int64 position)
{
	seen_head = position;
}

Head
read_head(const Store &store, Snapshot snapshot)
{
	IndexScanDesc scan = begin_index_scan(store.events, store.positions, snapshot, 1);
	TupleTableSlot *row = table_slot_create(store.events, nullptr);
	Head head{};

	for (int64 after : {near_head(), int64{0}})
	{
		ScanKeyData key;

		ScanKeyInit(&key, 1, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(after));
		index_rescan(scan, &key, 1, nullptr, 0);
		if (index_getnext_slot(scan, BackwardScanDirection, row))
		{
			head = {event_position(row), event_recorded_at(row)};
			break;
		}
	}
	remember_head(head.position);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(row);
	return head;
}

} // namespace dcb
