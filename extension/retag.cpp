/*
 * dcb.retag: further tags for events that are there already, from their data, while the store is in use.
 *
 * What stays as it is: positions, order, data, times, and every tag that an event has. A changed row is a new version of the
 * old one, with new entries in the indexes; to readers it is there before the batch's commit without the tag, and with it
 * after, as MVCC has it.
 *
 * A batch is a transaction. It reads with nothing but the retag lock held, which keeps other batches away; data does not
 * change, so what it has read stays true. Then it takes the append lock, to write the new versions and commit: a condition
 * is checked before a batch or after it, never in its midst, and no event is appended between the versions of one batch.
 * Such commits are flushed before they are seen, whatever the session's synchronous_commit is: a row's version is as
 * durable as the event has been, so what durability.hpp says about writers of rows holds for these, too.
 *
 * A decision that has read before a batch and appends after it is judged by what it could see: an event at or before its
 * `after` does not count because it has got a tag since. That is as if the decision had come before the batch; retagging
 * depends on nothing that it appended. What relies on the new tags reads after the last batch.
 *
 * Snapshots of states that the new tags concern are outdated: see retag_log.hpp.
 */
#include "procedure.hpp"
#include "retag_log.hpp"
#include "scan.hpp"
#include "table_writer.hpp"
#include "tag_expression.hpp"

extern "C" {
#include "tcop/pquery.h"
#include "utils/guc.h"
}

namespace dcb {
namespace {

constexpr int MAX_BATCH_SIZE = 65536;

/* Arguments of dcb.retag, by number. */
enum RetagArgument
{
	ARGUMENT_RETAG_STORE,
	ARGUMENT_RETAG_QUERY,
	ARGUMENT_RETAG_NAME,
	ARGUMENT_RETAG_EXPRESSION,
	ARGUMENT_RETAG_BATCH_SIZE
};

struct Retag
{
	Datum store_name;
	Query query;
	RetagTask task;
	TagExpression expression;
	int batch_size;
};

struct Change
{
	ItemPointerData row;
	StringSet tags;
};

/* What was found out about one batch, in memory of its own. */
struct Changes
{
	Change *items;
	int count;
	int64 upto; /* events up to here were looked at */
};

Retag
read_arguments(FunctionCallInfo fcinfo)
{
	const char *names[] = {"store", "query", "name", "expression", "batch_size"};
	for (int i = 0; i < static_cast<int>(lengthof(names)); ++i)
		if (PG_ARGISNULL(i))
			null_argument(names[i]);

	Retag retag{};
	retag.store_name = PG_GETARG_DATUM(ARGUMENT_RETAG_STORE);
	retag.query = decode(PointerGetDatum(PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(ARGUMENT_RETAG_QUERY))));
	retag.batch_size = PG_GETARG_INT32(ARGUMENT_RETAG_BATCH_SIZE);
	if (retag.batch_size < 1 || retag.batch_size > MAX_BATCH_SIZE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"batch_size\" is out of range"),
		                errdetail("It is %d; it may be 1 to %d.", retag.batch_size, MAX_BATCH_SIZE),
		                errhint("Appends wait while the events of a batch are changed.")));
	retag.expression = make_tag_expression(to_string(PG_GETARG_DATUM(ARGUMENT_RETAG_NAME)),
	                                       to_string(PG_GETARG_DATUM(ARGUMENT_RETAG_EXPRESSION)));

	StringInfoData query;
	initStringInfo(&query);
	print_query(&query, retag.query);
	char *path = DatumGetCString(DirectFunctionCall1(jsonpath_out, retag.expression.path));
	retag.task = {{query.data, query.len},
	              {retag.expression.prefix.data, retag.expression.prefix.length - 1},
	              {path, static_cast<int>(std::strlen(path))}};
	return retag;
}

[[noreturn]] void
too_much(const char *message, int64 position, const char *detail)
{
	ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("%s", message), errdetail("Event " INT64_FORMAT ": %s", position, detail),
	                errhint("Leave such events out by the query or the path.")));
	pg_unreachable();
}

/* The event's tags and those from its data; the same as before if there is none to add. */
StringSet
tags_with_derived(const Retag &retag, TupleTableSlot *event, StringSet tags)
{
	int64 position = event_position(event);
	bool isnull;
	Datum data = PointerGetDatum(PG_DETOAST_DATUM(slot_getattr(event, COLUMN_DATA + 1, &isnull)));
	StringSet derived = derive_tags(retag.expression, data, psprintf("Event " INT64_FORMAT, position));
	StringSet all = allocate_strings(tags.count + derived.count);

	for (String tag : derived)
		if (tag.length > MAX_TAG_BYTES)
			too_much("the tag of an event is too long", position,
			         psprintf("the tag has %d bytes; the limit is %d.", tag.length, MAX_TAG_BYTES));
	all.count = tags.count + derived.count;
	std::copy(derived.begin(), derived.end(), std::copy(tags.begin(), tags.end(), all.items));
	all.normalise();
	if (all.count > MAX_TAGS_PER_EVENT && all.count > tags.count)
		too_much("too many tags on an event", position,
		         psprintf("there are %d; the limit is %d.", all.count, MAX_TAGS_PER_EVENT));
	return all;
}

/* Looks at the next events of the run. The tags found live in the current memory context. */
Changes
find_changes(const Store &store, const Retag &retag, RetagBatch batch, Snapshot snapshot)
{
	/* An item's own position would win over how far the run has come. */
	Query query{static_cast<QueryItem *>(palloc(sizeof(QueryItem) * retag.query.count)), retag.query.count};
	for (int i = 0; i < query.count; ++i)
	{
		query.items[i] = retag.query.items[i];
		query.items[i].after = std::max(batch.upto, query.items[i].has_after ? query.items[i].after : 0);
		query.items[i].has_after = true;
	}

	Changes changes{static_cast<Change *>(palloc(sizeof(Change) * retag.batch_size)), 0, batch.goal};
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "dcb retag row", ALLOCSET_DEFAULT_SIZES);
	EventScan *scan = begin_event_scan(store, query, snapshot, {.after = batch.upto, .upto = batch.goal});
	int seen = 0;

	while (TupleTableSlot *event = next_event(scan))
	{
		MemoryContext batch_context = MemoryContextSwitchTo(row_context);
		StringSet tags = event_tags(event);
		StringSet all = tags_with_derived(retag, event, tags);
		MemoryContextSwitchTo(batch_context);

		if (all.count > tags.count)
		{
			StringSet kept = allocate_strings(all.count);
			for (String tag : all)
				kept.items[kept.count++] = {pnstrdup(tag.data, tag.length), tag.length};
			changes.items[changes.count++] = {event->tts_tid, kept};
		}
		MemoryContextReset(row_context);
		if (++seen == retag.batch_size)
		{
			changes.upto = event_position(event);
			break;
		}
	}
	end_event_scan(scan);
	MemoryContextDelete(row_context);
	return changes;
}

/* With the append lock held. */
void
write_changes(const Store &store, const Changes &changes)
{
	TableWriter *writer = begin_table_writer(store.events);
	TupleTableSlot *before = table_slot_create(store.events, nullptr);
	TupleTableSlot *after = table_slot_create(store.events, nullptr);

	for (Change *change = changes.items; change != changes.items + changes.count; ++change)
	{
		if (!table_tuple_fetch_row_version(store.events, &change->row, SnapshotSelf, before))
			elog(ERROR, "an event of store \"%s\" was changed by something else", store.name);
		slot_getallattrs(before);
		ExecClearTuple(after);
		std::copy_n(before->tts_values, EVENT_COLUMNS, after->tts_values);
		std::copy_n(before->tts_isnull, EVENT_COLUMNS, after->tts_isnull);
		after->tts_values[COLUMN_TAGS] = to_text_array(change->tags);
		ExecStoreVirtualTuple(after);
		replace_row(writer, &change->row, after);
	}
	ExecDropSingleTupleTableSlot(after);
	ExecDropSingleTupleTableSlot(before);
	end_table_writer(writer);
}

/* One transaction, up to its commit. Answers whether the run has come to its end. */
bool
retag_batch(const Retag &retag, RetagBatch *batch)
{
	Store store = open_store(retag.store_name, RowExclusiveLock, ACL_SELECT | ACL_UPDATE);

	lock_for_retag(store);
	PushActiveSnapshot(GetLatestSnapshot());
	Snapshot snapshot = GetActiveSnapshot();
	if (batch->goal == 0)
	{
		find_unfinished(store, retag.task, batch);
		batch->goal = read_head(store, snapshot).position;
	}

	Changes changes = find_changes(store, retag, *batch, snapshot);
	batch->upto = changes.upto;
	batch->changed = changes.count;

	int64 head = 0;
	if (changes.count > 0)
	{
		if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
			(void) set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
		lock_for_append(store);
		head = read_head(store, SnapshotSelf).position;
		write_changes(store, changes);
	}
	bool at_end = batch->upto >= batch->goal;
	if (changes.count > 0 || at_end)
		log_batch(store, retag.task, batch, head);
	PopActiveSnapshot();
	close_store(store);
	return at_end;
}

} // namespace

/*
 * CALL dcb.retag(store, query, name, expression, batch_size, INOUT changed): gives the matching events that are there now
 * the tags that the expression derives from their data. Goes on where an earlier call for the same was broken off. `changed`
 * counts the events of this call. Rights: SELECT and UPDATE.
 * Errors: INVALID_TAG_EXPRESSION, TAG_EXPRESSION_FAILED, LIMIT_EXCEEDED, 22004, 22023, 25001; those of open_store.
 */
DCB_FUNCTION(dcb_retag)
{
	PreventCommandIfReadOnly("dcb.retag");
	PreventCommandDuringRecovery("dcb.retag");
	if (!is_own_transaction(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
		                errmsg("dcb.retag cannot be called in a transaction block or a function, or after a write"),
		                errdetail("It commits batch by batch."),
		                errhint("Call it by itself; it can be broken off and called again.")));

	TupleDesc description = result_row(fcinfo);
	Retag retag = read_arguments(fcinfo);
	RetagBatch batch{};
	int64 changed = 0;
	int64 percent = 0;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext batch_context = AllocSetContextCreate(CurrentMemoryContext, "dcb retag", ALLOCSET_DEFAULT_SIZES);

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	for (bool at_end = false; !at_end;)
	{
		MemoryContextSwitchTo(batch_context);
		at_end = retag_batch(retag, &batch);
		changed += batch.changed;
		MemoryContextSwitchTo(caller);
		SPI_commit();
		MemoryContextReset(batch_context);
		if (!at_end && batch.upto * 100 / batch.goal > percent)
		{
			percent = batch.upto * 100 / batch.goal;
			ereport(NOTICE, (errmsg("retag: up to position " INT64_FORMAT " of " INT64_FORMAT ", " INT64_FORMAT
			                        " events changed",
			                        batch.upto, batch.goal, changed)));
		}
	}
	SPI_finish();
	EnsurePortalSnapshotExists();
	MemoryContextSwitchTo(caller);
	return make_row(description, Int64GetDatum(changed));
}

} // namespace dcb
