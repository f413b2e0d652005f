/*
 * The background worker of a database.
 *
 * It visits the stores of its database in rounds: what is due is executed. Between the rounds it sleeps until the next
 * due time, or until somebody has made work. When there is nothing left to wait for it resigns and ends.
 *
 * It is a superuser's session, and the stores' tables are other people's. So it never lets their code run as itself: stores are
 * found through the catalogs' indexes without SQL, and everything in a store is done as its owner.
 *
 * An error is the store's, whose next visit is put off; the others go on.
 */
#include "due.hpp"
#include "tag_index.hpp"
#include "worker.hpp"
#include "worker_list.hpp"
#include "worker_main.hpp"

extern "C" {
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

constexpr int LONGEST_SLEEP = 30000; /* ms */
constexpr int LOCKED_PAUSE = 100;    /* ms, when what is due is locked by somebody who cancels it */
constexpr int FIRST_PAUSE = 1000;    /* ms, after an error; doubles up to */
constexpr int LAST_PAUSE = 60000;

/* A store whose visit failed. */
struct Trouble
{
	Oid schema;
	TimestampTz until;
	int pause;
};

::List *troubles = NIL; /* in TopMemoryContext */

Trouble *
find_trouble(Oid schema)
{
	ListCell *cell;

	foreach (cell, troubles)
		if (auto *trouble = static_cast<Trouble *>(lfirst(cell)); trouble->schema == schema)
			return trouble;
	return nullptr;
}

TimestampTz
note_trouble(Oid schema)
{
	Trouble *trouble = find_trouble(schema);

	if (trouble == nullptr)
	{
		MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);

		trouble = static_cast<Trouble *>(palloc(sizeof(Trouble)));
		*trouble = {.schema = schema, .until = 0, .pause = FIRST_PAUSE};
		troubles = lappend(troubles, trouble);
		MemoryContextSwitchTo(before);
	}
	trouble->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), trouble->pause);
	trouble->pause = std::min(trouble->pause * 2, LAST_PAUSE);
	return trouble->until;
}

void
forget_trouble(Oid schema)
{
	if (Trouble *trouble = find_trouble(schema); trouble != nullptr)
	{
		troubles = list_delete_ptr(troubles, trouble);
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

/* When is there something to do again? */
TimestampTz
visit(Oid schema)
{
	TimestampTz next = DT_NOEND;
	char *name = get_namespace_name(schema);

	if (name == nullptr)
		return next; /* dropped meanwhile */
	pgstat_report_activity(STATE_RUNNING, psprintf("pg_dcb: due commands of store %s", name));
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();

	Datum store_name = CStringGetTextDatum(name);
	bool has_executed = run_due(store_name, ACL_NO_RIGHTS, DUE_COMMANDS_PER_TRANSACTION) > 0;
	Store store = open_store(store_name, AccessShareLock, ACL_NO_RIGHTS);
	TimestampTz now = GetCurrentTimestamp();
	next = next_due(store);
	if (next <= now && !has_executed)
		next = TimestampTzPlusMilliseconds(now, LOCKED_PAUSE);
	close_store(store);

	SPI_finish();
	PopActiveSnapshot();
	return next;
}

TimestampTz
visit_unless_in_trouble(Oid schema)
{
	MemoryContext context = CurrentMemoryContext;
	volatile TimestampTz next = DT_NOEND;

	if (Trouble *trouble = find_trouble(schema); trouble != nullptr && trouble->until > GetCurrentTimestamp())
		return trouble->until;
	PG_TRY();
	{
		StartTransactionCommand();
		next = visit(schema);
		CommitTransactionCommand();
		forget_trouble(schema);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		EmitErrorReport();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		RESUME_INTERRUPTS();
		next = note_trouble(schema);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return next;
}

/* Answers when to make the next one; DT_NOEND: there is nothing to wait for. */
TimestampTz
make_round()
{
	TimestampTz next = DT_NOEND;
	ListCell *cell;

	StartTransactionCommand();
	::List *stores = find_stores(TopMemoryContext);
	CommitTransactionCommand();
	foreach (cell, stores)
	{
		CHECK_FOR_INTERRUPTS();
		next = std::min(next, visit_unless_in_trouble(lfirst_oid(cell)));
	}
	list_free(stores);
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
	DefineCustomBoolVariable("dcb.workers", "Lets background workers execute due commands.",
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
	for (;;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		reload_settings();
		if (!workers_are_wanted())
			proc_exit(0);

		uint64 requests = requests_so_far();
		TimestampTz next = make_round();
		if (next == DT_NOEND)
		{
			if (resign(requests))
				proc_exit(0);
			continue;
		}
		settle();
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, nullptr);
		sleep_until(next);
	}
}
