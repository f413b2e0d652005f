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
 * The head is read from the index each time that the lock was taken. A counter kept for longer would be wrong after
 * ROLLBACK TO SAVEPOINT, a sequence also after a plain rollback. The rows of an append that was rolled back are dead;
 * their positions are given out again, to events that were never seen under another name.
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
#include "projection.hpp"
#include "scan.hpp"
#include "table_writer.hpp"
#include "tag_index.hpp"
#include "tag_rule.hpp"
#include "wake.hpp"

namespace dcb {

struct Appender
{
	Store store;
	Head head;
	uint64 tag_rules;
	TableWriter *events; /* opened by the first request that inserts */
	Relation ids;        /* opened by the first request that has an append id */
	TableWriter *id_rows;
	MemoryContext context; /* of the appender itself */
	MemoryContext request_context;
};

namespace {

/* Columns of the table append_id, 0-based. */
enum AppendIdColumn
{
	APPEND_ID_COLUMN_ID,
	APPEND_ID_COLUMN_DIGEST,
	APPEND_ID_COLUMN_POSITION,
	APPEND_ID_COLUMNS
};

/* The position after which an item's events count. */
int64
after_of(const QueryItem &item, int64 after)
{
	return item.has_after ? item.after : after;
}

/* Does the condition hold? If not, the first event that matches decides. */
bool
condition_holds(const Appender *appender, const Query &query, int64 after, Outcome *failure)
{
	for (int i = 0; i < query.count; ++i)
		if (int64 from = after_of(query.items[i], after); from > appender->head.position)
		{
			*failure = {.kind = OutcomeKind::BeyondHead, .position = appender->head.position, .after = from};
			return false;
		}

	EventScan *scan = begin_event_scan(appender->store, query, SnapshotSelf, {.after = after});
	TupleTableSlot *event = next_event(scan);
	if (event != nullptr)
	{
		String type = event_type(event);
		StringSet tags = event_tags(event);

		*failure = {.kind = OutcomeKind::ConditionFailed, .position = event_position(event), .after = after};
		failure->rests_on = writer_of(event);
		for (int i = 0; i < query.count; ++i)
			if (int64 from = after_of(query.items[i], after); from < failure->position && query.items[i].matches(type, tags))
				failure->after = from;
	}
	end_event_scan(scan);
	return event == nullptr;
}

/* Events of one append share their time; it is never earlier than that of the event before, whatever the clock does. */
void
insert_events(Appender *appender, NewEvents events)
{
	Head &head = appender->head;

	if (head.position + events.count > MAX_POSITION)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("store \"%s\" is full", appender->store.name),
		                errdetail("Its last event has position " INT64_FORMAT ".", head.position)));
	if (appender->events == nullptr)
	{
		MemoryContext caller = MemoryContextSwitchTo(appender->context);
		appender->events = begin_table_writer(appender->store.events);
		MemoryContextSwitchTo(caller);
	}
	head.recorded_at = std::max(GetCurrentTimestamp(), head.recorded_at);
	for (const NewEvent &event : events)
	{
		TupleTableSlot *row = next_row(appender->events);
		auto set = [row](EventColumn column, NullableDatum value) {
			row->tts_values[column] = value.value;
			row->tts_isnull[column] = value.isnull;
		};

		set(COLUMN_POSITION, {Int64GetDatum(++head.position), false});
		set(COLUMN_TYPE, {PointerGetDatum(cstring_to_text_with_len(event.type.data, event.type.length)), false});
		set(COLUMN_TAGS, {to_text_array(event.tags), false});
		set(COLUMN_DATA, event.data);
		set(COLUMN_PAYLOAD, event.payload);
		set(COLUMN_METADATA, event.metadata);
		set(COLUMN_ID, event.id);
		set(COLUMN_RECORDED_AT, {TimestampTzGetDatum(head.recorded_at), false});
		write_row(appender->events);
		announce_event(RelationGetRelid(appender->store.events), event);
	}
	flush_rows(appender->events);
}

/* Has the append id been used? Then the outcome is that of then, or an error when the events differ. */
bool
was_appended(Appender *appender, const AppendRequest &request, Outcome *outcome)
{
	if (appender->ids == nullptr)
		appender->ids = open_append_ids(appender->store, RowExclusiveLock);

	Relation index = index_open(primary_key_index(appender->ids), AccessShareLock);
	IndexScanDesc scan = begin_index_scan(appender->ids, index, SnapshotSelf, 1);
	TupleTableSlot *row = table_slot_create(appender->ids, nullptr);
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(request.append_id));
	index_rescan(scan, &key, 1, nullptr, 0);
	bool found = index_getnext_slot(scan, ForwardScanDirection, row);
	if (found)
	{
		slot_getallattrs(row);
		bool same = DatumGetBool(DirectFunctionCall2(byteaeq, row->tts_values[APPEND_ID_COLUMN_DIGEST], request.content));
		*outcome = {.kind = same ? OutcomeKind::Appended : OutcomeKind::AppendIdReused,
		            .position = DatumGetInt64(row->tts_values[APPEND_ID_COLUMN_POSITION])};
		outcome->rests_on = writer_of(row);
	}
	ExecDropSingleTupleTableSlot(row);
	index_endscan(scan);
	index_close(index, NoLock);
	return found;
}

void
remember_append_id(Appender *appender, const AppendRequest &request)
{
	if (appender->id_rows == nullptr)
	{
		MemoryContext caller = MemoryContextSwitchTo(appender->context);
		appender->id_rows = begin_table_writer(appender->ids);
		MemoryContextSwitchTo(caller);
	}

	TupleTableSlot *row = next_row(appender->id_rows);
	row->tts_values[APPEND_ID_COLUMN_ID] = UUIDPGetDatum(request.append_id);
	row->tts_values[APPEND_ID_COLUMN_DIGEST] = request.content;
	row->tts_values[APPEND_ID_COLUMN_POSITION] = Int64GetDatum(appender->head.position);
	std::fill_n(row->tts_isnull, APPEND_ID_COLUMNS, false);
	write_row(appender->id_rows);
	flush_rows(appender->id_rows);
}

[[noreturn]] void
refuse_conflict(const Store &store, const Outcome &outcome)
{
	QueryItem everything{};
	EventScan *scan = begin_event_scan(store, {&everything, 1}, SnapshotSelf,
	                                   {.after = outcome.position - 1, .upto = outcome.position});
	TupleTableSlot *event = next_event(scan);
	const char *description = "";

	/* It is there unless it was appended earlier in a transaction that has been rolled back since. */
	if (event != nullptr)
	{
		String type = event_type(event);
		bool isnull;
		Datum tags = slot_getattr(event, COLUMN_TAGS + 1, &isnull);

		description = psprintf(" of type \"%.*s\" with tags %s", type.length, type.data,
		                       OidOutputFunctionCall(F_ARRAY_OUT, tags));
	}
	ereport(ERROR, (errcode(CONDITION_FAILED), errmsg("append condition failed"),
	                errdetail("Event " INT64_FORMAT "%s matches the condition and was appended after position " INT64_FORMAT
	                          ".",
	                          outcome.position, description, outcome.after),
	                errhint("Read the events again and decide anew.")));
	pg_unreachable();
}

} // namespace

AclMode
rights_for(const AppendRequest &request)
{
	return request.fail_if_events_match.isnull ? ACL_INSERT : ACL_INSERT | ACL_SELECT;
}

Appender *
begin_appender(const Store &store)
{
	auto *appender = static_cast<Appender *>(palloc0(sizeof(Appender)));

	forbid_prepare();
	before_append_writes();
	appender->store = store;
	appender->head = read_head(store, SnapshotSelf);
	appender->tag_rules = tag_rules_of(store);
	appender->context = CurrentMemoryContext;
	appender->request_context = AllocSetContextCreate(CurrentMemoryContext, "dcb append", ALLOCSET_DEFAULT_SIZES);
	return appender;
}

Outcome
append_one(Appender *appender, const AppendRequest &request)
{
	if (request.tag_rules != appender->tag_rules)
		return {.kind = OutcomeKind::OtherTagRules};

	MemoryContext caller = MemoryContextSwitchTo(appender->request_context);
	Outcome outcome{};

	bool repeated = request.append_id != nullptr && was_appended(appender, request, &outcome);
	if (!repeated && (request.fail_if_events_match.isnull ||
	                  condition_holds(appender, decode(request.fail_if_events_match.value), request.after, &outcome)))
	{
		insert_events(appender, request.events);
		if (request.append_id != nullptr)
			remember_append_id(appender, request);
		outcome = {.kind = OutcomeKind::Appended, .position = appender->head.position, .after = 0, .wrote = true};
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(appender->request_context);
	return outcome;
}

void
end_appender(Appender *appender)
{
	if (appender->events != nullptr)
		end_table_writer(appender->events);
	if (appender->id_rows != nullptr)
		end_table_writer(appender->id_rows);
	if (appender->ids != nullptr)
		table_close(appender->ids, NoLock);
	MemoryContextDelete(appender->request_context);
	after_append_wrote();
	if (appender->events != nullptr && has_inline_projections(appender->store))
		run_inline_projections(appender->store);
}

void
make_grounds_durable(const Outcome &outcome)
{
	if (outcome.kind == OutcomeKind::Appended && !outcome.wrote)
		make_earlier_durable(outcome.rests_on);
	else
		make_durable(outcome.rests_on);
}

int64
answer(const Store &store, const AppendRequest &request, const Outcome &outcome)
{
	make_grounds_durable(outcome);
	switch (outcome.kind)
	{
		case OutcomeKind::Appended:
			break;
		case OutcomeKind::ConditionFailed:
			refuse_conflict(store, outcome);
		case OutcomeKind::BeyondHead:
			ereport(ERROR, (errcode(POSITION_BEYOND_HEAD),
			                errmsg("position " INT64_FORMAT " is beyond the head of store \"%s\"", outcome.after, store.name),
			                errdetail("The last event has position " INT64_FORMAT ".", outcome.position),
			                errhint("What was read is not in this store (any more), as after a restore or a failover; read "
			                        "again and decide anew.")));
		case OutcomeKind::AppendIdReused:
			ereport(ERROR, (errcode(APPEND_ID_REUSED), errmsg("append id was used before with other events"),
			                errdetail("Append id %s stands for the append that ended at position " INT64_FORMAT ".",
			                          DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(request.append_id))),
			                          outcome.position),
			                errhint("Make a new id for each append, and keep it only to repeat that very append.")));
		case OutcomeKind::OtherTagRules:
			elog(ERROR, "the tag rules of store \"%s\" changed under a lock on its table", store.name);
	}
	return outcome.position;
}

int64
append(const Store &store, const AppendRequest &asked)
{
	AppendRequest request = apply_tag_rules(store, asked);

	lock_for_append(store);
	Appender *appender = begin_appender(store);
	Outcome outcome = append_one(appender, request);
	end_appender(appender);

	if (!outcome.wrote)
		unlock_append(store);
	return answer(store, request, outcome);
}

} // namespace dcb
