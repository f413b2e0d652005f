/*
 * The server's own wait, SyncRepWaitForLSN, is for a transaction's own commit: its queue is to hold no position twice, and a
 * server built with assertions goes down when it does. So the writer of a commit alone stands in that queue. Others who wait
 * for the same commit look at what has been confirmed whenever a writer leaves the queue, and from time to time, since that
 * one may have been cancelled, or have not waited at all.
 *
 * What is asked of standbys is read from shared memory as the server does it: the session's own copy of
 * synchronous_standby_names stays as it was when the statement began.
 */
#include "shared_memory.hpp"
#include "standby.hpp"

extern "C" {
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/wait_event.h"
}

namespace dcb {
namespace {

constexpr long PAUSE = 1; /* ms */
constexpr long PAUSE_IF_WOKEN = 10;

ConditionVariable *confirmation = nullptr; /* null without shared_preload_libraries */

Size
shared_size()
{
	return sizeof(ConditionVariable);
}

void
attach(void *memory, bool is_first, LWLock *)
{
	confirmation = static_cast<ConditionVariable *>(memory);
	if (is_first)
		ConditionVariableInit(confirmation);
}

bool
standbys_are_asked()
{
	return SyncRepRequested() && standbys_are_defined();
}

/* Looks at interrupts unless they are held. */
void
sleep_until_confirmation()
{
	if (confirmation != nullptr)
		(void) ConditionVariableTimedSleep(confirmation, PAUSE_IF_WOKEN, WAIT_EVENT_SYNC_REP);
	else
	{
		/* Not for the latch: who waits for events is woken by it, and must not lose that. */
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, PAUSE, WAIT_EVENT_SYNC_REP);
		CHECK_FOR_INTERRUPTS();
	}
}

} // namespace

bool
waits_for_remote_apply()
{
	return synchronous_commit >= SYNCHRONOUS_COMMIT_REMOTE_APPLY;
}

/* What they have said is kept: it only grows. */
bool
is_confirmed(XLogRecPtr commit)
{
	static XLogRecPtr confirmed[NUM_SYNC_REP_WAIT_MODE];

	if (!standbys_are_asked())
		return true;

	int mode = synchronous_commit == SYNCHRONOUS_COMMIT_REMOTE_WRITE ? SYNC_REP_WAIT_WRITE
	           : waits_for_remote_apply()                            ? SYNC_REP_WAIT_APPLY
	                                                                 : SYNC_REP_WAIT_FLUSH;
	if (commit > confirmed[mode])
	{
		LWLockAcquire(SyncRepLock, LW_SHARED);
		confirmed[mode] = WalSndCtl->lsn[mode];
		LWLockRelease(SyncRepLock);
	}
	return commit <= confirmed[mode];
}

void
await_standbys_as_writer(XLogRecPtr commit)
{
	if (!standbys_are_asked())
		return;
	SyncRepWaitForLSN(commit, true);
	if (confirmation != nullptr)
		ConditionVariableBroadcast(confirmation);
}

/*
 * An error, or an answer that standbys have it, would both be wrong: as for the server's own wait. Clients know both warnings by
 * the names of the functions that raise them.
 */
void
await_standbys_as_member(XLogRecPtr commit)
{
	constexpr char DETAIL[] = "The transaction has already committed locally, but might not have been replicated to the standby.";

	HOLD_INTERRUPTS();
	while (!is_confirmed(commit))
	{
		if (ProcDiePending)
		{
			ereport(WARNING, (errcode(ERRCODE_ADMIN_SHUTDOWN),
			                  errmsg("canceling the wait for synchronous replication and terminating connection due to "
			                         "administrator command"),
			                  errdetail("%s", DETAIL)));
			whereToSendOutput = DestNone;
			break;
		}
		if (QueryCancelPending)
		{
			QueryCancelPending = false;
			ereport(WARNING, (errmsg("canceling wait for synchronous replication due to user request"), errdetail("%s", DETAIL)));
			break;
		}
		sleep_until_confirmation();
	}
	ConditionVariableCancelSleep();
	RESUME_INTERRUPTS();
}

void
await_standbys_as_reader(XLogRecPtr commit)
{
	while (!is_confirmed(commit))
		sleep_until_confirmation();
	ConditionVariableCancelSleep();
}

void
install_standby()
{
	if (process_shared_preload_libraries_in_progress)
		add_shared_part({.name = "pg_dcb_standby", .size = shared_size, .attach = attach, .wants_lock = false});
}

} // namespace dcb
