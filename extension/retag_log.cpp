/*
 * Rows are only added, with the retag lock held until the transaction ends: so numbers of batches follow the commits. The
 * column `head` is that of the log when events were last changed, by this batch or an earlier one, and never decreases.
 *
 * The table is part of the store's truth about snapshots: one that was taken while the head was smaller, or just as great,
 * may have been read before the change.
 */
#include "retag_log.hpp"
#include "table_writer.hpp"

namespace dcb {
namespace {

/* Columns, 0-based; the first one is the key. */
enum RetagLogColumn
{
	RETAG_COLUMN_BATCH,
	RETAG_COLUMN_RUN,
	RETAG_COLUMN_QUERY,
	RETAG_COLUMN_NAME,
	RETAG_COLUMN_EXPRESSION,
	RETAG_COLUMN_GOAL,
	RETAG_COLUMN_UPTO,
	RETAG_COLUMN_CHANGED,
	RETAG_COLUMN_HEAD,
	RETAG_COLUMN_ROLE,
	RETAG_COLUMN_AT,
	RETAG_COLUMNS
};

constexpr Oid RETAG_COLUMN_TYPES[RETAG_COLUMNS] = {INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID,       INT8OID,
                                                   INT8OID, INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID};

Relation
open_log(const Store &store, LOCKMODE lock)
{
	Oid relid = get_relname_relid("retag_log", RelationGetNamespace(store.events));
	Relation table = OidIsValid(relid) ? table_open(relid, lock) : nullptr;

	if (table == nullptr || !has_columns(table, RETAG_COLUMN_TYPES, RETAG_COLUMNS) || !OidIsValid(primary_key_index(table)))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("\"%s\" is not a complete store", store.name),
		                errdetail("Its table \"retag_log\" is missing, or has other columns or no key."),
		                errhint("Restore it from a backup; without it nobody knows which snapshots are outdated.")));
	return table;
}

struct Row
{
	Datum *columns;

	int64 number(RetagLogColumn column) const { return DatumGetInt64(columns[column]); }
	String text(RetagLogColumn column) const { return to_string(columns[column]); }
};

/* Visits the rows from the last one on, until visit(row) answers false. */
template <class Visit>
void
for_each_batch_backwards(Relation table, Snapshot snapshot, Visit visit)
{
	Relation index = index_open(primary_key_index(table), AccessShareLock);
	IndexScanDesc scan = begin_index_scan(table, index, snapshot, 0);
	TupleTableSlot *slot = table_slot_create(table, nullptr);
	bool more = true;

	index_rescan(scan, nullptr, 0, nullptr, 0);
	while (more && index_getnext_slot(scan, BackwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		more = visit(Row{slot->tts_values});
	}
	ExecDropSingleTupleTableSlot(slot);
	index_endscan(scan);
	index_close(index, NoLock);
}

/* May an item of the query ask for a tag of this name? */
bool
asks_for(const Query &query, String name)
{
	for (const QueryItem *item = query.items; item != query.items + query.count; ++item)
		for (String tag : item->tags)
			if (tag.length > name.length && tag.data[name.length] == ':' && String{tag.data, name.length} == name)
				return true;
	return false;
}

} // namespace

void
find_unfinished(const Store &store, const RetagTask &task, RetagBatch *batch)
{
	Relation table = open_log(store, AccessShareLock);

	for_each_batch_backwards(table, SnapshotSelf, [&](Row row) {
		if (!(row.text(RETAG_COLUMN_NAME) == task.name && row.text(RETAG_COLUMN_EXPRESSION) == task.expression &&
		      row.text(RETAG_COLUMN_QUERY) == task.query))
			return true;
		if (row.number(RETAG_COLUMN_UPTO) < row.number(RETAG_COLUMN_GOAL))
		{
			batch->run = row.number(RETAG_COLUMN_RUN);
			batch->upto = row.number(RETAG_COLUMN_UPTO);
		}
		return false;
	});
	table_close(table, NoLock);
}

void
log_batch(const Store &store, const RetagTask &task, RetagBatch *batch, int64 head)
{
	Relation table = open_log(store, RowExclusiveLock);
	int64 number = 1;

	for_each_batch_backwards(table, SnapshotSelf, [&](Row row) {
		number = row.number(RETAG_COLUMN_BATCH) + 1;
		if (batch->changed == 0)
			head = row.number(RETAG_COLUMN_HEAD);
		return false;
	});
	if (number == 1 && batch->changed == 0)
		head = 0;
	if (batch->run == 0)
		batch->run = number;

	auto text = [](String s) { return PointerGetDatum(cstring_to_text_with_len(s.data, s.length)); };
	TableWriter *writer = begin_table_writer(table);
	TupleTableSlot *row = next_row(writer);
	Datum *columns = row->tts_values;
	columns[RETAG_COLUMN_BATCH] = Int64GetDatum(number);
	columns[RETAG_COLUMN_RUN] = Int64GetDatum(batch->run);
	columns[RETAG_COLUMN_QUERY] = text(task.query);
	columns[RETAG_COLUMN_NAME] = text(task.name);
	columns[RETAG_COLUMN_EXPRESSION] = text(task.expression);
	columns[RETAG_COLUMN_GOAL] = Int64GetDatum(batch->goal);
	columns[RETAG_COLUMN_UPTO] = Int64GetDatum(batch->upto);
	columns[RETAG_COLUMN_CHANGED] = Int64GetDatum(batch->changed);
	columns[RETAG_COLUMN_HEAD] = Int64GetDatum(head);
	columns[RETAG_COLUMN_ROLE] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	columns[RETAG_COLUMN_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
	std::fill_n(row->tts_isnull, RETAG_COLUMNS, false);
	write_row(writer);
	end_table_writer(writer);
	table_close(table, NoLock);
}

bool
gained_tags_since(const Store &store, Snapshot snapshot, const Query &query, int64 position)
{
	Relation table = open_log(store, AccessShareLock);
	bool gained = false;

	for_each_batch_backwards(table, snapshot, [&](Row row) {
		if (row.number(RETAG_COLUMN_HEAD) < position)
			return false;
		gained = row.number(RETAG_COLUMN_CHANGED) > 0 && asks_for(query, row.text(RETAG_COLUMN_NAME));
		return !gained;
	});
	table_close(table, NoLock);
	return gained;
}

} // namespace dcb
