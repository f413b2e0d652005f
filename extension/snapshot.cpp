/*
 * dcb.load_snapshot: a saved state, found through the index alone, as every decision with snapshots begins here. Saving
 * and dropping are plain SQL (sql/70_snapshot.sql).
 *
 * A snapshot is of use only to the log that it was taken of. The event at its position has to be there, recorded at the
 * time that was noted beside the state: a log that was restored to an earlier point has no such event, or another one.
 * Nor may earlier events have got a tag since that the query asks for: the state was folded without them.
 */
#include "read.hpp"
#include "retag_log.hpp"
#include "side_table.hpp"

namespace dcb {
namespace {

/* Columns of the table snapshot, 0-based; the first three are its key. */
enum SnapshotColumn
{
	SNAPSHOT_COLUMN_NAME,
	SNAPSHOT_COLUMN_QUERY_HASH,
	SNAPSHOT_COLUMN_VERSION,
	SNAPSHOT_COLUMN_QUERY,
	SNAPSHOT_COLUMN_POSITION,
	SNAPSHOT_COLUMN_RECORDED_AT,
	SNAPSHOT_COLUMN_STATE,
	SNAPSHOT_COLUMNS
};

constexpr Oid SNAPSHOT_COLUMN_TYPES[SNAPSHOT_COLUMNS] = {TEXTOID, BYTEAOID,       INT8OID, TEXTOID,
                                                         INT8OID, TIMESTAMPTZOID, BYTEAOID};

constexpr SideTableShape SNAPSHOTS = {
	.name = "snapshot", .contents = "snapshots", .types = SNAPSHOT_COLUMN_TYPES, .columns = SNAPSHOT_COLUMNS, .key_columns = 3,
	.hint = "Loading needs SELECT, saving needs SELECT, INSERT and UPDATE."};

/* Is the event at that position the one that was recorded at that time? */
bool
is_of_this_log(const Reading &reading, int64 position, TimestampTz recorded_at)
{
	TimestampTz found;

	return find_recorded_at(reading, position, &found) && found == recorded_at;
}

} // namespace

/*
 * dcb.load_snapshot(store, name, query, version) → position and state, no row when there is none.
 * Errors: those of open_store; 22004; 55000 without the table.
 */
DCB_FUNCTION(dcb_load_snapshot)
{
	if (PG_ARGISNULL(1))
		null_argument("name");
	if (PG_ARGISNULL(2))
		null_argument("query");
	if (PG_ARGISNULL(3))
		null_argument("version");

	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	Reading reading = begin_reading(fcinfo->args[ARGUMENT_STORE], GetActiveSnapshot());
	SideTable snapshots = open_side_table(reading.store, SNAPSHOTS);
	IndexScanDesc scan = begin_index_scan(snapshots.table, snapshots.key, reading.snapshot, 3);
	TupleTableSlot *row = table_slot_create(snapshots.table, nullptr);

	StringInfoData query;
	initStringInfo(&query);
	Query asked = decode(PG_GETARG_DATUM(2));
	print_query(&query, asked);
	Datum hash = DirectFunctionCall1(sha256_bytea, PointerGetDatum(cstring_to_text_with_len(query.data, query.len)));

	/* The keys compare by the collation "C". */
	ScanKeyData keys[3];
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_TEXTEQ, PG_GETARG_DATUM(1));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_BYTEAEQ, hash);
	ScanKeyInit(&keys[2], 3, BTEqualStrategyNumber, F_INT8EQ, PG_GETARG_DATUM(3));
	index_rescan(scan, keys, 3, nullptr, 0);
	if (index_getnext_slot(scan, ForwardScanDirection, row))
	{
		slot_getallattrs(row);
		Datum *columns = row->tts_values;

		int64 position = DatumGetInt64(columns[SNAPSHOT_COLUMN_POSITION]);
		if (is_of_this_log(reading, position, DatumGetTimestampTz(columns[SNAPSHOT_COLUMN_RECORDED_AT])) &&
		    !gained_tags_since(reading.store, reading.snapshot, asked, position))
		{
			Datum values[2] = {columns[SNAPSHOT_COLUMN_POSITION], columns[SNAPSHOT_COLUMN_STATE]};
			bool nulls[2] = {false, false};
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	ExecDropSingleTupleTableSlot(row);
	index_endscan(scan);
	close_side_table(snapshots);
	end_reading(reading);
	return Datum{0};
}

} // namespace dcb
