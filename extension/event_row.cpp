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

Head
read_head(const Store &store, Snapshot snapshot)
{
	IndexScanDesc scan = begin_index_scan(store.events, store.positions, snapshot, 0);
	TupleTableSlot *row = table_slot_create(store.events, nullptr);
	Head head{};

	index_rescan(scan, nullptr, 0, nullptr, 0);
	if (index_getnext_slot(scan, BackwardScanDirection, row))
		head = {event_position(row), event_recorded_at(row)};
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(row);
	return head;
}

} // namespace dcb
