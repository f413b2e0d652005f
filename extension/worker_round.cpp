/*
 * A round through the stores.
 *
 * The worker is a superuser's session, and the stores' tables are other people's. So it never lets their code run as
 * itself: stores are found through the catalogs' indexes without SQL, and everything in a store is done as its
 * owner.
 *
 * An error puts off the next try of that projection, or of that store's due commands; the others go on.
 */
#include "attempt.hpp"
#include "due.hpp"
#include "identity.hpp"
#include "projection.hpp"
#include "tag_index.hpp"
#include "worker_main.hpp"
#include "worker_round.hpp"

extern "C" {
#include "commands/discard.h"
#include "pgstat.h"
}

namespace dcb {
namespace {

constexpr int LOCKED_PAUSE = 100; /* ms, when what is due is locked by somebody who cancels it */
constexpr int FIRST_PAUSE = 1000; /* ms, after an error; doubles up to */
constexpr int LAST_PAUSE = 60000;

MemoryContext round_context = nullptr; /* until the next look */
bool had_error = false;          /* in this round */
WakeFilter wanted;               /* by the projections */
Oid last_owner = InvalidOid;

/* A store, and what there was to do in it when it was last looked at. */
struct Known
{
	Oid schema;
	Oid owner;
	char *name;
	::List *projections;
	bool notifies;
};

::List *known = NIL; /* in the round's context, as all it leads to; from one look to the next */
TimestampTz due_again = DT_NOEND;

/* Work that failed: a projection's, or a store's due commands. */
struct Trouble
{
	Oid schema;
	char *projection; /* empty: due commands */
	TimestampTz until;
	int pause;
};

::List *troubles = NIL; /* in TopMemoryContext */

Trouble *
find_trouble(Oid schema, const char *projection)
{
	ListCell *cell;

	foreach (cell, troubles)
		if (auto *trouble = static_cast<Trouble *>(lfirst(cell));
		    trouble->schema == schema && std::strcmp(trouble->projection, projection) == 0)
			return trouble;
	return nullptr;
}

TimestampTz
note_trouble(Oid schema, const char *projection)
{
	Trouble *trouble = find_trouble(schema, projection);

	if (trouble == nullptr)
	{
		MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);

		trouble = static_cast<Trouble *>(palloc(sizeof(Trouble)));
		*trouble = {.schema = schema, .projection = pstrdup(projection), .until = 0, .pause = FIRST_PAUSE};
		troubles = lappend(troubles, trouble);
		MemoryContextSwitchTo(before);
	}
	trouble->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), trouble->pause);
	trouble->pause = std::min(trouble->pause * 2, LAST_PAUSE);
	return trouble->until;
}

void
forget_trouble(Oid schema, const char *projection)
{
	if (Trouble *trouble = find_trouble(schema, projection); trouble != nullptr)
	{
		troubles = list_delete_ptr(troubles, trouble);
		pfree(trouble->projection);
		pfree(trouble);
	}
}

bool
has_tag_index(Oid table)
{
	Relation events = try_relation_open(table, AccessShareLock);
	bool found = false;
	ListCell *cell;

	if (events == nullptr)
		return false;
	::List *indexes = RelationGetIndexList(events);
	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		found = found || is_tag_index(index);
		index_close(index, AccessShareLock);
	}
	relation_close(events, AccessShareLock);
	return found;
}

/*
 * Fills the list, within a transaction. Nothing keeps a store from being dropped as soon as its table was looked at:
 * then its schema has no name.
 */
void
find_stores()
{
	ScanKeyData key;

	Relation classes = table_open(RelationRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_class_relname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("event"));
	SysScanDesc scan = systable_beginscan(classes, ClassNameNspIndexId, true, nullptr, 1, &key);
	while (HeapTuple row = systable_getnext(scan))
	{
		auto *table = reinterpret_cast<Form_pg_class>(GETSTRUCT(row));

		if (table->relkind == RELKIND_RELATION && has_tag_index(table->oid) && OidIsValid(get_relname_relid("due", table->relnamespace)))
		{
			MemoryContext before = MemoryContextSwitchTo(round_context);

			if (char *name = get_namespace_name(table->relnamespace); name != nullptr)
			{
				auto *store = static_cast<Known *>(palloc0(sizeof(Known)));

				*store = {.schema = table->relnamespace, .owner = table->relowner, .name = name};
				known = lappend(known, store);
			}
			MemoryContextSwitchTo(before);
		}
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
}

/*
 * Runs work() in a transaction of its own, with SPI connected. Null, or the error, which is in the server's log
 * already.
 */
template <class Work>
ErrorData *
in_transaction(Work work)
{
	ErrorData *volatile error = nullptr;

	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		SPI_connect();
		work();
		SPI_finish();
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(round_context);
		error = CopyErrorData();
		EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
		had_error = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(round_context);
	return error;
}

/* Runs work() like that, unless it failed lately. Answers what it answers: when to come again. */
template <class Work>
TimestampTz
run(Oid schema, const char *projection, Work work, ErrorData **error)
{
	TimestampTz next = DT_NOEND;

	*error = nullptr;
	if (Trouble *trouble = find_trouble(schema, projection); trouble != nullptr && trouble->until > GetCurrentTimestamp())
		return trouble->until;
	*error = in_transaction([&] { next = work(); });
	if (*error != nullptr)
		return note_trouble(schema, projection);
	forget_trouble(schema, projection);
	return next;
}

/*
 * Sessions have things that outlive a transaction, as temporary tables: one owner's are not for another one's code.
 */
void
become_new_for(Oid owner)
{
	if (OidIsValid(last_owner) && owner != last_owner)
	{
		DiscardStmt *discard = makeNode(DiscardStmt);

		discard->target = DISCARD_ALL;
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot()); /* dropping temporary tables reads the catalogue */
		DiscardCommand(discard, true);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	last_owner = owner;
}

/* The active ones that are not inline, in the round's context. Adds what they wait for to the filter. */
::List *
active_projections(const Store &store)
{
	Identity before = act_as_owner(store.events->rd_rel->relowner);
	::List *names = NIL;

	SPI_execute(psprintf("SELECT s.name, s.query FROM %1$s.subscription AS s JOIN %1$s.projection AS p ON p.name = s.name "
	                     "WHERE s.state = 'active' AND p.mode = 'async' ORDER BY s.name",
	                     quote_identifier(store.name)),
	            false, 0);
	for (uint64 row = 0; row < SPI_processed; ++row)
	{
		bool isnull;

		wanted.add(decode(query_from_text(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &isnull))));
		MemoryContext caller = MemoryContextSwitchTo(round_context);
		names = lappend(names, SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1));
		MemoryContextSwitchTo(caller);
	}
	act_again_as(before);
	return names;
}

/* Sends a NOTIFY if the store has asked for it, and has new events. Answers whether it has asked. */
bool
notify_head(const Store &store)
{
	Identity before = act_as_owner(store.events->rd_rel->relowner);
	Oid type = TEXTOID;
	Datum name = CStringGetTextDatum(store.name);
	bool isnull;

	SPI_execute_with_args("SELECT dcb.notify_head($1)", 1, &type, &name, nullptr, false, 1);
	bool wanted = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	act_again_as(before);
	return wanted;
}

/* After the transaction that failed was rolled back. */
void
note_failure(const Store &store, const char *name, const char *error)
{
	Identity before = act_as_owner(store.events->rd_rel->relowner);
	Oid types[] = {TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(name), CStringGetTextDatum(error)};

	SPI_execute_with_args(psprintf("UPDATE %s.checkpoint SET failures = failures + 1, last_error = left($2, 1000) WHERE name = $1",
	                               quote_identifier(store.name)),
	                      2, types, values, nullptr, false, 0);
	act_again_as(before);
}

/* Answers when commands are due again. */
TimestampTz
look_after_commands(const Known *store)
{
	Datum store_name = CStringGetTextDatum(store->name);

	pgstat_report_activity(STATE_RUNNING, psprintf("pg_dcb: due commands of store %s", store->name));
	bool has_executed = run_due(store_name, ACL_NO_RIGHTS, DUE_COMMANDS_PER_TRANSACTION) > 0;
	Store opened = open_store(store_name, AccessShareLock, ACL_NO_RIGHTS);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = next_due(opened);
	close_store(opened);
	return next <= now && !has_executed ? TimestampTzPlusMilliseconds(now, LOCKED_PAUSE) : next;
}

void
look_for_projections(Known *store)
{
	Store opened = open_store(CStringGetTextDatum(store->name), AccessShareLock, ACL_NO_RIGHTS);

	store->projections = active_projections(opened);
	store->notifies = notify_head(opened);
	wanted.everything = wanted.everything || store->notifies;
	close_store(opened);
}

TimestampTz
look_after_projection(const Known *store, const char *name)
{
	ErrorData *error;
	Datum store_name = CStringGetTextDatum(store->name);
	TimestampTz next = run(
		store->schema, name,
		[&] {
			pgstat_report_activity(STATE_RUNNING, psprintf("pg_dcb: projection %s of store %s", name, store->name));
			return run_projection(store_name, name, true);
		},
		&error);

	if (error != nullptr)
		(void) in_transaction([&] {
			Store opened = open_store(store_name, RowExclusiveLock, ACL_NO_RIGHTS);
			note_failure(opened, name, describe(error));
			close_store(opened);
		});
	return next == CAUGHT_UP ? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WORKER_SLEEP) : next;
}

/* Its NOTIFY and its projections. Answers when to come again. */
TimestampTz
visit(const Known *store, bool looked)
{
	TimestampTz next = DT_NOEND;
	ListCell *cell;

	if (store->notifies && !looked)
		(void) in_transaction([&] {
			Store opened = open_store(CStringGetTextDatum(store->name), AccessShareLock, ACL_NO_RIGHTS);
			(void) notify_head(opened);
			close_store(opened);
		});
	if (store->notifies)
		next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WORKER_SLEEP);
	foreach (cell, store->projections)
	{
		CHECK_FOR_INTERRUPTS();
		next = std::min(next, look_after_projection(store, static_cast<char *>(lfirst(cell))));
	}
	return next;
}

/* The stores of the database, and what there is to do in them. Answers when commands are due again. */
TimestampTz
look()
{
	TimestampTz next = DT_NOEND;
	ListCell *cell;

	wanted = {};
	known = NIL;
	MemoryContextReset(round_context);
	StartTransactionCommand();
	find_stores();
	CommitTransactionCommand();
	MemoryContextSwitchTo(round_context);
	foreach (cell, known)
	{
		auto *store = static_cast<Known *>(lfirst(cell));

		CHECK_FOR_INTERRUPTS();
		become_new_for(store->owner);
		MemoryContextSwitchTo(round_context);

		ErrorData *error;
		next = std::min(next, run(store->schema, "", [&] { return look_after_commands(store); }, &error));
		(void) in_transaction([&] { look_for_projections(store); });
	}
	return next;
}

} // namespace

Round
make_round(bool look_first)
{
	ListCell *cell;

	had_error = false;
	if (round_context == nullptr)
		round_context = AllocSetContextCreate(TopMemoryContext, "dcb round", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(round_context);
	if (look_first)
		due_again = look();

	TimestampTz next = due_again;
	foreach (cell, known)
	{
		auto *store = static_cast<Known *>(lfirst(cell));

		if (store->projections != NIL)
			become_new_for(store->owner);
		MemoryContextSwitchTo(round_context);
		next = std::min(next, visit(store, look_first));
	}
	return {.next = next, .look_at = due_again, .wanted = wanted, .had_error = had_error};
}

} // namespace dcb
