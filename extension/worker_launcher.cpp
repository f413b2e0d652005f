/*
 * The launcher: one process that starts a worker for each database that has work.
 *
 * At the server's start it looks everywhere once, by starting a worker for each database in turn, which goes again
 * when it finds nothing to do. After that it starts workers on request. A worker that ends otherwise than by
 * resigning is started again, the later the more often that happens. A standby has no launcher until it is promoted.
 */
#include "worker_list.hpp"
#include "worker_main.hpp"

#include <algorithm>
#include <iterator>

extern "C" {
#include "catalog/pg_database.h"
#include "libpq/pqsignal.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"

PGDLLEXPORT void dcb_launcher_main(Datum);
}

namespace dcb {
namespace {

/*
 * Workers that have not yet found out whether there is work, at a time: the server's slots are few, and others want
 * them too.
 */
constexpr int MAX_UNSETTLED = 2;

constexpr int FIRST_PAUSE = 1000; /* ms before a worker that failed is started again; doubles up to */
constexpr int LAST_PAUSE = 60000;

/* A worker that was started, by its database. */
struct Started
{
	Oid database; /* InvalidOid: free */
	BackgroundWorkerHandle *handle;
	TimestampTz not_before;
	int pause;
};

Started started[MAX_DATABASES];
::List *to_look_at = NIL; /* databases */
bool slots_were_missing = false;

Started *
find_started(Oid database)
{
	for (Started &s : started)
		if (s.database == database)
			return &s;
	return nullptr;
}

bool
is_alive(const Started *s)
{
	pid_t pid;

	if (s == nullptr || s->handle == nullptr)
		return false;
	BgwHandleStatus status = GetBackgroundWorkerPid(s->handle, &pid);
	return status == BGWH_STARTED || status == BGWH_NOT_YET_STARTED;
}

void
forget(Started *s)
{
	if (s->handle != nullptr)
		pfree(s->handle);
	*s = {};
}

/* Those that have ended and are off the list. */
void
forget_ended(const Vacancy *vacant, int count)
{
	for (Started &s : started)
	{
		bool wanted = std::any_of(vacant, vacant + count, [&](const Vacancy &v) { return v.database == s.database && !v.is_new; });

		if (OidIsValid(s.database) && !wanted && !is_alive(&s))
			forget(&s);
	}
}

/* Databases that take connections. */
::List *
all_databases()
{
	::List *list = NIL;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	Relation databases = table_open(DatabaseRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(databases, 0, nullptr);
	while (HeapTuple row = heap_getnext(scan, ForwardScanDirection))
	{
		auto *database = reinterpret_cast<Form_pg_database>(GETSTRUCT(row));
		MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);

		if (database->datallowconn)
			list = lappend_oid(list, database->oid);
		MemoryContextSwitchTo(before);
	}
	table_endscan(scan);
	table_close(databases, AccessShareLock);
	CommitTransactionCommand();
	return list;
}

bool
exists(Oid database)
{
	StartTransactionCommand();
	bool found = SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
	CommitTransactionCommand();
	return found;
}

/* False when the server has no slot for it. */
bool
start(Started *s)
{
	BackgroundWorker worker{};

	strlcpy(worker.bgw_name, "pg_dcb worker", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "pg_dcb worker", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "pg_dcb", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dcb_worker_main", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART; /* that is the launcher's to decide */
	worker.bgw_main_arg = ObjectIdGetDatum(s->database);
	worker.bgw_notify_pid = MyProcPid;

	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	bool registered = RegisterDynamicBackgroundWorker(&worker, &s->handle);
	MemoryContextSwitchTo(before);
	if (!registered)
	{
		s->handle = nullptr;
		if (!slots_were_missing)
			ereport(LOG, (errmsg("no slot is free for a worker of pg_dcb"), errdetail("It is tried again."),
			              errhint("Raise max_worker_processes.")));
	}
	slots_were_missing = !registered;
	return registered;
}

/* Of workers that have not found out yet whether there is work. */
int
unsettled()
{
	return std::count_if(std::begin(started), std::end(started),
	                     [](const Started &s) { return is_alive(&s) && !is_settled(s.database); });
}

/*
 * Starts one for the vacancy, unless it is too early. Answers the time for the next try, DT_NOEND when we will be
 * woken.
 */
TimestampTz
fill(const Vacancy &vacancy)
{
	Started *s = find_started(vacancy.database);
	TimestampTz now = GetCurrentTimestamp();

	if (is_alive(s))
		return DT_NOEND; /* on its way up or down */
	if (s != nullptr && vacancy.is_new)
		forget(s), s = nullptr;
	if (s == nullptr)
	{
		if ((s = find_started(InvalidOid)) == nullptr)
			return TimestampTzPlusMilliseconds(now, FIRST_PAUSE);
		*s = {.database = vacancy.database, .handle = nullptr, .not_before = now, .pause = FIRST_PAUSE};
	}
	if (s->handle != nullptr)
	{
		/* It has failed; one that had worked for long before pauses shortly. */
		if (now > TimestampTzPlusMilliseconds(s->not_before, 2 * LAST_PAUSE))
			s->pause = FIRST_PAUSE;
		pfree(std::exchange(s->handle, nullptr));
		s->not_before = TimestampTzPlusMilliseconds(now, s->pause);
		s->pause = std::min(s->pause * 2, LAST_PAUSE);
	}
	if (s->not_before > now)
		return s->not_before;
	if (unsettled() >= MAX_UNSETTLED)
		return DT_NOEND;
	if (!exists(vacancy.database))
	{
		strike_off(vacancy.database);
		forget(s);
		return DT_NOEND;
	}
	starting_worker(vacancy.database);
	if (start(s))
		return DT_NOEND;
	return s->not_before = TimestampTzPlusMilliseconds(now, FIRST_PAUSE);
}

/* Answers when to come back; woken before if something changes. */
TimestampTz
launch_workers()
{
	Vacancy vacant[MAX_DATABASES];
	TimestampTz next = DT_NOEND;

	if (to_look_at == NIL && take_look_everywhere())
		to_look_at = all_databases();
	while (to_look_at != NIL && enlist(linitial_oid(to_look_at)))
		to_look_at = list_delete_first(to_look_at);

	int count = vacancies(vacant);
	forget_ended(vacant, count);
	for (int i = 0; i < count; ++i)
		next = std::min(next, fill(vacant[i]));
	return next;
}

} // namespace
} // namespace dcb

void
dcb_launcher_main(Datum)
{
	using namespace dcb;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
	register_launcher();
	pgstat_report_appname("pg_dcb launcher");
	for (;;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		reload_settings();

		TimestampTz next = workers_are_wanted() ? launch_workers() : DT_NOEND;
		sleep_until(next);
	}
}
