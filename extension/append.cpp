/*
 * The append path.
 *
 * Guarantees. Two appends whose conditions exclude each other never both commit; positions are 1, 2, 3, ... without gaps,
 * in the order of commits; recorded_at never decreases along them.
 *
 * How. An append holds the store's append lock from before its check until its transaction has ended, so appends of one
 * store run one after the other, and one that has got the lock sees all that came before: a transaction releases its
 * locks after its effects have become visible. The check therefore looks at the store as it is at that moment
 * (SnapshotSelf), not at the caller's snapshot, which under REPEATABLE READ and SERIALIZABLE may be older than the lock.
 * Rows of an append in progress cannot be met: there is none but our own.
 *
 * The head is read from the index each time. A counter kept elsewhere would be wrong after ROLLBACK TO SAVEPOINT, a
 * sequence also after a plain rollback. The rows of an append that was rolled back are dead; their positions are given
 * out again, to events that were never seen under another name.
 *
 * Lock order. The event table (RowExclusiveLock), then the append lock, then the table of append ids and the indexes. A
 * rollback to a savepoint taken before the append releases the lock together with the rows that it protected.
 *
 * A crash leaves what a crash leaves of any transaction: all of an append or nothing of it. The commit waits for the disk
 * after it has released the lock (durability.hpp).
 *
 * PREPARE TRANSACTION after an append is refused (prepare.cpp): it would keep the lock, and with it every appender,
 * waiting for as long as somebody forgets about it.
 */
#include "append.hpp"
#include "durability.hpp"
#include "prepare.hpp"
#include "scan.hpp"
#include "store.hpp"
#include "table_writer.hpp"
#include "tag_index.hpp"

namespace dcb {
namespace {

/* Columns of the table append_id, 0-based. */
enum AppendIdColumn
{
	APPEND_ID_COLUMN_ID,
	APPEND_ID_COLUMN_DIGEST,
	APPEND_ID_COLUMN_POSITION,
	APPEND_ID_COLUMNS
};

/* The conflict is an answer about an event, which must be durable by then; nobody else has to wait for that. */
[[noreturn]] void
refuse_conflict(const Store &store, TupleTableSlot *event, int64 after)
{
	String type = event_type(event);
	bool isnull;
	Datum tags = slot_getattr(event, COLUMN_TAGS + 1, &isnull);

	unlock_append(store);
	make_durable(writer_of(event));
	ereport(ERROR, (errcode(CONDITION_FAILED), errmsg("append condition failed"),
	                errdetail("Event " INT64_FORMAT " of type \"%.*s\" with tags %s matches the condition and was appended "
	                          "after position " INT64_FORMAT ".",
	                          event_position(event), type.length, type.data, OidOutputFunctionCall(F_ARRAY_OUT, tags),
	                          after),
	                errhint("Read the events again and decide anew.")));
	pg_unreachable();
}

[[noreturn]] void
refuse_position(const Store &store, int64 after, int64 head)
{
	ereport(ERROR, (errcode(POSITION_BEYOND_HEAD),
	                errmsg("position " INT64_FORMAT " is beyond the head of store \"%s\"", after, store.name),
	                errdetail("The last event has position " INT64_FORMAT ".", head),
	                errhint("What was read is not in this store (any more), as after a restore or a failover; read "
	                        "again and decide anew.")));
	pg_unreachable();
}

/* The position after which an item's events count. */
int64
after_of(const QueryItem &item, int64 after)
{
	return item.has_after ? item.after : after;
}

/* The first event that makes the condition fail decides, over all items. */
void
check_condition(const Store &store, const Query &query, int64 after, Head head)
{
	for (int i = 0; i < query.count; ++i)
		if (int64 from = after_of(query.items[i], after); from > head.position)
			refuse_position(store, from, head.position);

	EventScan *scan = begin_event_scan(store, query, SnapshotSelf, {.after = after});
	if (TupleTableSlot *event = next_event(scan); event != nullptr)
	{
		/* Report the position that the matching item started at. */
		String type = event_type(event);
		StringSet tags = event_tags(event);
		int64 from = after;
		for (int i = 0; i < query.count; ++i)
			if (query.items[i].matches(type, tags) && after_of(query.items[i], after) < event_position(event))
				from = after_of(query.items[i], after);
		refuse_conflict(store, event, from);
	}
	end_event_scan(scan);
}

/* Events of one append share their time; it is never earlier than that of the event before, whatever the clock does. */
int64
insert_events(const Store &store, NewEvents events, Head head)
{
	TimestampTz now = std::max(GetCurrentTimestamp(), head.recorded_at);
	int64 position = head.position;
	TableWriter *writer = begin_table_writer(store.events);

	for (const NewEvent &event : events)
	{
		TupleTableSlot *row = next_row(writer);
		auto set = [row](EventColumn column, NullableDatum value) {
			row->tts_values[column] = value.value;
			row->tts_isnull[column] = value.isnull;
		};

		set(COLUMN_POSITION, {Int64GetDatum(++position), false});
		set(COLUMN_TYPE, {PointerGetDatum(cstring_to_text_with_len(event.type.data, event.type.length)), false});
		set(COLUMN_TAGS, {to_text_array(event.tags), false});
		set(COLUMN_DATA, event.data);
		set(COLUMN_PAYLOAD, event.payload);
		set(COLUMN_METADATA, event.metadata);
		set(COLUMN_ID, event.id);
		set(COLUMN_RECORDED_AT, {TimestampTzGetDatum(now), false});
		write_row(writer);
	}
	end_table_writer(writer);
	return position;
}

/* The answer of an earlier append with this id, or 0. */
int64
find_earlier_answer(Relation ids, const pg_uuid_t *id, Datum content)
{
	Relation index = index_open(primary_key_index(ids), AccessShareLock);
	IndexScanDesc scan = begin_index_scan(ids, index, SnapshotSelf, 1);
	TupleTableSlot *row = table_slot_create(ids, nullptr);
	ScanKeyData key;
	int64 position = 0;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(id));
	index_rescan(scan, &key, 1, nullptr, 0);
	if (index_getnext_slot(scan, ForwardScanDirection, row))
	{
		slot_getallattrs(row);
		if (!DatumGetBool(DirectFunctionCall2(byteaeq, row->tts_values[APPEND_ID_COLUMN_DIGEST], content)))
			ereport(ERROR, (errcode(APPEND_ID_REUSED), errmsg("append id was used before with other events"),
			                errdetail("Append id %s stands for the append that ended at position " INT64_FORMAT ".",
			                          DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id))),
			                          DatumGetInt64(row->tts_values[APPEND_ID_COLUMN_POSITION])),
			                errhint("Make a new id for each append, and keep it only to repeat that very append.")));
		position = DatumGetInt64(row->tts_values[APPEND_ID_COLUMN_POSITION]);
	}
	ExecDropSingleTupleTableSlot(row);
	index_endscan(scan);
	index_close(index, NoLock);
	return position;
}

void
remember_answer(Relation ids, const pg_uuid_t *id, Datum content, int64 position)
{
	TableWriter *writer = begin_table_writer(ids);
	TupleTableSlot *row = next_row(writer);

	row->tts_values[APPEND_ID_COLUMN_ID] = UUIDPGetDatum(id);
	row->tts_values[APPEND_ID_COLUMN_DIGEST] = content;
	row->tts_values[APPEND_ID_COLUMN_POSITION] = Int64GetDatum(position);
	std::fill_n(row->tts_isnull, APPEND_ID_COLUMNS, false);
	write_row(writer);
	end_table_writer(writer);
}

/* With the append lock held. */
int64
check_and_insert(const Store &store, const AppendRequest &request)
{
	Head head = read_head(store, SnapshotSelf);

	if (request.fail_if_events_match != nullptr)
		check_condition(store, *request.fail_if_events_match, request.after, head);
	if (head.position + request.events.count > MAX_POSITION)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("store \"%s\" is full", store.name)));
	return insert_events(store, request.events, head);
}

} // namespace

AppendRequest
read_request(FunctionCallInfo fcinfo, NewEvents events)
{
	AppendRequest request{};

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the store's name must not be null")));
	request.store = PG_GETARG_DATUM(0);
	request.events = events;
	if (!PG_ARGISNULL(2))
	{
		auto *query = static_cast<Query *>(palloc(sizeof(Query)));
		*query = decode(PG_GETARG_DATUM(2));
		request.fail_if_events_match = query;
	}
	request.after = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	if (request.after < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"after\" must not be negative"),
		                errdetail("It is " INT64_FORMAT ".", request.after),
		                errhint("Give the position up to which events were read; 0 means none.")));
	if (request.after > 0 && request.fail_if_events_match == nullptr)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"after\" is of no use without a query"),
		                errdetail("fail_if_events_match is null."),
		                errhint("Give fail_if_events_match, or leave \"after\" out for an unconditional append.")));
	request.append_id = PG_ARGISNULL(4) ? nullptr : PG_GETARG_UUID_P(4);
	return request;
}

int64
append(const AppendRequest &request)
{
	PreventCommandIfReadOnly("dcb.append()");
	PreventCommandIfParallelMode("dcb.append()");
	PreventCommandDuringRecovery("dcb.append()");

	AclMode rights = request.fail_if_events_match != nullptr ? ACL_INSERT | ACL_SELECT : ACL_INSERT;
	Store store = open_store(request.store, RowExclusiveLock, rights);
	int64 position = 0;

	lock_for_append(store);
	forbid_prepare();
	before_append_writes();
	if (request.append_id == nullptr)
		position = check_and_insert(store, request);
	else
	{
		Relation ids = open_append_ids(store, RowExclusiveLock);
		Datum content = digest(request.events);

		position = find_earlier_answer(ids, request.append_id, content);
		if (position == 0)
		{
			position = check_and_insert(store, request);
			remember_answer(ids, request.append_id, content, position);
		}
		table_close(ids, NoLock);
	}
	after_append_wrote();
	close_store(store);
	return position;
}

namespace {

template <class Read>
NewEvents
events_argument(FunctionCallInfo fcinfo, Read read)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(EMPTY_APPEND), errmsg("nothing to append"), errdetail("The list of events is null."),
		                errhint("Leave the call out when a decision yields no event.")));
	return read(PG_GETARG_DATUM(1));
}

NewEvents
typed_events(FunctionCallInfo fcinfo)
{
	return events_argument(fcinfo, [](Datum value) { return read_events(DatumGetArrayTypeP(value)); });
}

NewEvents
json_events(FunctionCallInfo fcinfo)
{
	return events_argument(fcinfo, [](Datum value) { return read_events(DatumGetJsonbP(value)); });
}

/*
 * A transaction of its own: the procedure begins in a fresh one and ends with COMMIT. In a transaction block, a function or
 * after a write it would commit what is not its own.
 */
Datum
submit(FunctionCallInfo fcinfo, NewEvents (*events)(FunctionCallInfo))
{
	bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
	              castNode(CallContext, fcinfo->context)->atomic;

	if (atomic || GetCurrentTransactionNestLevel() > 1 || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
		                errmsg("dcb.submit cannot be called in a transaction block or a function, or after a write"),
		                errdetail("It is a transaction of its own, and commits."),
		                errhint("Use dcb.append to append within a transaction.")));

	TupleDesc description;
	if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "dcb.submit has to return a row");

	Datum position = Int64GetDatum(append(read_request(fcinfo, events(fcinfo))));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	SPI_commit();
	SPI_finish();

	bool isnull = false;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), &position, &isnull));
}

} // namespace

/* dcb.append(store, events dcb.new_event[], fail_if_events_match, after, append_id) → position of the last event. */
DCB_FUNCTION(dcb_append)
{
	PG_RETURN_INT64(append(read_request(fcinfo, typed_events(fcinfo))));
}

/* dcb.append(store, events jsonb, ...): the same for clients that only know JSON. */
DCB_FUNCTION(dcb_append_json)
{
	PG_RETURN_INT64(append(read_request(fcinfo, json_events(fcinfo))));
}

/* CALL dcb.submit(store, events dcb.new_event[], ..., INOUT position): dcb.append as a transaction of its own. */
DCB_FUNCTION(dcb_submit)
{
	return submit(fcinfo, typed_events);
}

DCB_FUNCTION(dcb_submit_json)
{
	return submit(fcinfo, json_events);
}

} // namespace dcb
