/*
 * The background worker of a database.
 *
 * It makes rounds through the stores of its database. Between them it sleeps until the next due time, or until
 * somebody has appended what a projection waits for, or has made other work. When nothing is left to wait for it
 * resigns and ends.
 */
#include "worker.hpp"
#include "worker_list.hpp"
#include "worker_main.hpp"
#include "worker_round.hpp"

#include <algorithm>

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
	long left = WORKER_SLEEP;

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
	/* A server that pg_upgrade has started for itself is none to work in: its tables get their contents later. */
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
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
	on_shmem_exit([](int, Datum) { stop_waiting(); }, Datum{0});

	WakeFilter filter{};
	uint64 seen = 0;
	TimestampTz look_at = DT_NOBEGIN;
	for (;;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		reload_settings();
		if (!workers_are_wanted())
			proc_exit(0);

		/* In this order nothing is missed: first be woken by what comes, then look. */
		(void) start_waiting(filter);
		uint64 requests = requests_so_far();
		bool look = requests != seen || look_at <= GetCurrentTimestamp();
		Round round = make_round(look);
		bool is_idle = round.next == DT_NOEND;

		seen = requests;
		if (look && is_idle && resign(requests))
			proc_exit(0);
		if (look && !is_idle)
			look_at = std::min(round.look_at, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WORKER_SLEEP));
		else if (is_idle)
			look_at = DT_NOBEGIN;
		/* An error has ended the wait, and a new filter is not waited for yet. */
		if (is_idle || round.had_error || !(std::exchange(filter, round.wanted) == round.wanted))
			continue;
		settle();
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, nullptr);
		sleep_until(std::min(round.next, look_at));
	}
}
