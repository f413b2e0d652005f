/*
 * The background worker of a database.
 *
 * It visits the stores of its database in rounds: what is due is executed, each projection gets a batch. Between the rounds it
 * sleeps until the next due time, or until somebody has made work. When there is nothing left to wait for it resigns and ends.
 *
 * It is a superuser's session, and the stores' tables are other people's. So it never lets their code run as itself: stores are
 * found through the catalogs' indexes without SQL, and everything in a store is done as its owner.
 *
 * An error puts off the next try of that projection, or of that store's due commands; the others go on.
 */
#include "attempt.hpp"
#include "due.hpp"
#include "projection.hpp"
#include "tag_index.hpp"
#include "worker.hpp"
#include "worker_list.hpp"
#include "wake.hpp"
#include "worker_main.hpp"

extern "C" {
#include "commands/discard.h"
#include "libpq/pqsignal.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

PGDLLEXPORT void dcb_worker_main(Datum);
}

namespace dcb {
namespace {

bool workers = true; /* setting dcb.workers */
bool wake_at_commit = false;

MemoryContext round_context = nullptr;
ErrorData *last_error = nullptr; /* of run(), in the round's context */
bool had_error = false;          /* in this round; an error ends the wait for wake-ups */
WakeFilter wanted;               /* by the projections met in this round */
Oid last_owner = InvalidOid;

constexpr int LONGEST_SLEEP = 5000;  /* ms; the clock may be set, and a wake-up is only help */
constexpr int LOCKED_PAUSE = 100;    /* ms, when what is due is locked by somebody who cancels it */
constexpr int FIRST_PAUSE = 1000;    /* ms, after an error; doubles up to */
constexpr int LAST_PAUSE = 60000;

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

/* Of the event table. */
Oid
owner_of(Oid schema)
{
	Oid table = get_relname_relid("event", schema);
	HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(row))
	{
		owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner;
		ReleaseSysCache(row);
	}
	return owner;
}

/* The schemas that are stores with a table of due commands. Within a transaction; the list outlives it. */
::List *
find_stores(MemoryContext context)
{
	::List *stores = NIL;
	ScanKeyData key;

	Relation classes = table_open(RelationRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_class_relname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("due"));
	SysScanDesc scan = systable_beginscan(classes, ClassNameNspIndexId, true, nullptr, 1, &key);
	while (HeapTuple row = systable_getnext(scan))
	{
		Oid schema = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relnamespace;
		Oid events = get_relname_relid("event", schema);

		if (OidIsValid(events) && has_tag_index(events))
		{
			MemoryContext before = MemoryContextSwitchTo(context);
			stores = lappend_oid(stores, schema);
			MemoryContextSwitchTo(before);
		}
	}
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	return stores;
}

/*
 * Runs work() in a transaction of its own, with SPI connected, in a context that goes with it. Answers what that answers: when to
 * come again. An error is noted, and is nobody else's.
 */
template <class Work>
TimestampTz
run(Oid schema, const char *projection, Work work)
{
	MemoryContext context = CurrentMemoryContext;
	volatile TimestampTz next = DT_NOEND;

	if (Trouble *trouble = find_trouble(schema, projection); trouble != nullptr && trouble->until > GetCurrentTimestamp())
		return trouble->until;
	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		SPI_connect();
		next = work();
		SPI_finish();
		PopActiveSnapshot();
		CommitTransactionCommand();
		forget_trouble(schema, projection);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(round_context);
		last_error = CopyErrorData();
		had_error = true;
		EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
		next = note_trouble(schema, projection);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return next;
}

/* Sessions have things that outlive a transaction, as temporary tables: one owner's are not for another one's code. */
void
become_new_for(Oid owner)
{
	if (OidIsValid(last_owner) && owner != last_owner)
	{
		DiscardStmt *discard = makeNode(DiscardStmt);

		discard->target = DISCARD_ALL;
		StartTransactionCommand();
		DiscardCommand(discard, true);
		CommitTransactionCommand();
	}
	last_owner = owner;
}

/* The store's due commands, and its NOTIFY; answers its projections on the way. */
TimestampTz
look_after(const char *name, ::List **projections)
{
	Datum store_name = CStringGetTextDatum(name);

	pgstat_report_activity(STATE_RUNNING, psprintf("pg_dcb: due commands of store %s", name));
	bool has_executed = run_due(store_name, ACL_NO_RIGHTS, DUE_COMMANDS_PER_TRANSACTION) > 0;
	Store store = open_store(store_name, AccessShareLock, ACL_NO_RIGHTS);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = next_due(store);
	if (next <= now && !has_executed)
		next = TimestampTzPlusMilliseconds(now, LOCKED_PAUSE);
	if (notify_head(store))
	{
		wanted.everything = true;
		next = std::min(next, TimestampTzPlusMilliseconds(now, LONGEST_SLEEP));
	}
	*projections = active_projections(store, round_context, &wanted);
	close_store(store);
	return next;
}

TimestampTz
look_after_projection(Oid schema, const char *store, const char *name)
{
	last_error = nullptr;
	TimestampTz next = run(schema, name, [&] {
		pgstat_report_activity(STATE_RUNNING, psprintf("pg_dcb: projection %s of store %s", name, store));
		return run_projection(CStringGetTextDatum(store), name, true);
	});
	if (last_error != nullptr)
		(void) run(schema, "", [&] {
			Store opened = open_store(CStringGetTextDatum(store), RowExclusiveLock, ACL_NO_RIGHTS);
			note_failure(opened, name, describe(last_error));
			close_store(opened);
			return DT_NOEND;
		});
	return next == CAUGHT_UP ? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LONGEST_SLEEP) : next;
}

/* In the round's context. Answers when to come again. */
TimestampTz
visit(Oid schema)
{
	::List *projections = NIL;
	ListCell *cell;

	StartTransactionCommand();
	MemoryContextSwitchTo(round_context);
	char *name = get_namespace_name(schema);
	Oid owner = owner_of(schema);
	CommitTransactionCommand();
	MemoryContextSwitchTo(round_context);
	if (name == nullptr || !OidIsValid(owner))
		return DT_NOEND; /* dropped meanwhile */

	become_new_for(owner);
	MemoryContextSwitchTo(round_context);
	TimestampTz next = run(schema, "", [&] { return look_after(name, &projections); });
	foreach (cell, projections)
	{
		CHECK_FOR_INTERRUPTS();
		next = std::min(next, look_after_projection(schema, name, static_cast<char *>(lfirst(cell))));
	}
	return next;
}

/* Answers when to make the next one; DT_NOEND: there is nothing to wait for. */
TimestampTz
make_round()
{
	TimestampTz next = DT_NOEND;
	ListCell *cell;

	had_error = false;
	wanted = {};
	MemoryContextReset(round_context);
	MemoryContextSwitchTo(round_context);
	StartTransactionCommand();
	::List *stores = find_stores(round_context);
	CommitTransactionCommand();
	MemoryContextSwitchTo(round_context);
	foreach (cell, stores)
	{
		CHECK_FOR_INTERRUPTS();
		next = std::min(next, visit(lfirst_oid(cell)));
	}
	return next;
}

/* As autovacuum does: what is meant for users' sessions must not keep the worker from its work. */
void
override_settings()
{
	auto set = [](const char *name, const char *value) { SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE); };

	set("application_name", "pg_dcb worker");
	set("statement_timeout", "0");
	set("lock_timeout", "0");
	set("idle_in_transaction_session_timeout", "0");
	set("default_transaction_isolation", "read committed");
	set("default_transaction_read_only", "false");
	set("default_transaction_deferrable", "false");
}

void
at_transaction_event(XactEvent event, void *)
{
	if (event == XACT_EVENT_COMMIT && wake_at_commit && is_worker_list_there())
		request_worker(MyDatabaseId);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		wake_at_commit = false;
}

void
register_launcher_process()
{
	BackgroundWorker worker{};

	strlcpy(worker.bgw_name, "pg_dcb launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "pg_dcb launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "pg_dcb", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dcb_launcher_main", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	RegisterBackgroundWorker(&worker);
}

} // namespace

bool
workers_are_wanted()
{
	return workers;
}

void
reload_settings()
{
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

void
sleep_until(TimestampTz time)
{
	long left = LONGEST_SLEEP;

	if (time != DT_NOEND)
		left = std::min(left, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), time));
	if (left > 0)
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left, PG_WAIT_EXTENSION);
}

void
wake_worker_at_commit()
{
	wake_at_commit = true;
}

void
install_worker()
{
	DefineCustomBoolVariable("dcb.workers", "Lets background workers execute due commands and run projections.",
	                         "Needs pg_dcb in shared_preload_libraries.", &workers, true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
	RegisterXactCallback(at_transaction_event, nullptr);
	if (!process_shared_preload_libraries_in_progress)
		return;
	install_worker_list();
	register_launcher_process();
}

/* dcb.wake_worker(): for work that came without our functions, as by a restore. */
DCB_FUNCTION(dcb_wake_worker)
{
	wake_worker_at_commit();
	PG_RETURN_VOID();
}

} // namespace dcb

void
dcb_worker_main(Datum database)
{
	using namespace dcb;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	register_worker();
	override_settings();
	round_context = AllocSetContextCreate(TopMemoryContext, "dcb round", ALLOCSET_DEFAULT_SIZES);
	on_shmem_exit([](int, Datum) { stop_waiting(); }, Datum{0});
	for (WakeFilter filter{};;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		reload_settings();
		if (!workers_are_wanted())
			proc_exit(0);

		/* In this order nothing is missed: first be woken by what comes, then look. */
		(void) start_waiting(filter);
		uint64 requests = requests_so_far();
		TimestampTz next = make_round();
		if (next == DT_NOEND)
		{
			if (resign(requests))
				proc_exit(0);
			continue;
		}
		settle();
		if (had_error || !(std::exchange(filter, wanted) == wanted))
			continue;
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, nullptr);
		sleep_until(next);
	}
}
