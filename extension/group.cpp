/*
 * Combining: whoever comes first for a store leads, takes the append lock, and appends beside its own request those of all
 * who have queued up meanwhile; one transaction, one flush. There is no extra process, and a lone session pays nothing.
 *
 * Each session has a slot in shared memory: its request, then its outcome. The slot's state:
 *
 *   Free → Queued      by its owner, joining the queue of the store's leader; it may withdraw from there only
 *   Queued → Taken     by the leader, with the append lock held
 *   Taken → Committed  by the leader once its commit is durable: the outcome counts
 *   Taken → Retry      by the leader when its transaction aborts: the owner goes on alone, so that a request that cannot
 *                      be executed fails nobody but its owner
 *   Queued → Leading   by the leader that leaves: the owner leads next, and executes its own request first
 *
 * Invariants.
 * - A store has a leader if anybody has queued up for it. Leaders, queues and the states up to Taken and Leading change
 *   under the one light lock, which is held for a few instructions and never while waiting for anything.
 * - A waiter holds no lock: it has written nothing and has given back the store. The leader waits for the append lock as
 *   any session does. So the server's deadlock detector sees every cycle there can be.
 * - An outcome is void before Committed, a conflict too: it may rest on a neighbour's event in the same group.
 * - The leader gives up its lead when its locks are released (group_is_visible), so that the next group forms while it
 *   waits for the disk, and in any abort or exit.
 * - From taking others' requests until it has answered them the leader processes no interrupts. A waiter whose request is
 *   taken does not either, and one that comes too late is dropped: it must not turn a stored append into an error.
 *
 * Rights are checked by every session itself, before it queues. Each has its own synchronous_commit respected: the leader
 * flushes for the group unless its own is off; a member flushes what is missing and waits for standbys by itself.
 *
 * The leader's settings have no bearing on others' requests: nothing evaluated for them depends on a session, as long as
 * expression indexes that a user adds are immutable, as PostgreSQL demands.
 *
 * The next leader is the one that has led most often: its caches are warm. Nobody starves by that, since every leader
 * serves all who wait.
 */
#include "durability.hpp"
#include "group.hpp"

extern "C" {
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/pquery.h"
#include "utils/guc.h"
#include "utils/timeout.h"
#include "utils/wait_event.h"
}

namespace dcb {
namespace {

enum class State : uint32
{
	Free,
	Queued,
	Taken,
	Leading,
	Committed,
	Retry
};

constexpr int NOBODY = -1;
constexpr Size REQUEST_BYTES = 8192;
constexpr char TRANCHE[] = "pg_dcb";

struct Slot
{
	pg_atomic_uint32 state;
	Oid database;
	Oid events; /* the store's table */
	int next;   /* in a queue or a group */
	int queue;  /* of a leader: the first who waits */
	uint64 times_led;
	XLogRecPtr commit;
	Outcome outcome;
	alignas(MAXIMUM_ALIGNOF) char request[REQUEST_BYTES];
};

struct Shared
{
	LWLock *lock;
	int leader_count;
	int *leaders; /* slot numbers */
	Slot *slots;  /* one a backend, by the number of its PGPROC */
};

Shared *shared = nullptr; /* null without shared_preload_libraries */
bool group_append = true; /* setting dcb.group_append */

/* Of the group that this backend leads. */
bool leading = false;
int members = NOBODY;

/* Is this a CALL by the client itself? In a loop of calls a cancel is for the loop. */
bool top_level = false;

shmem_request_hook_type previous_shmem_request_hook = nullptr;
shmem_startup_hook_type previous_shmem_startup_hook = nullptr;

int
my_number()
{
	return static_cast<int>(MyProc - ProcGlobal->allProcs);
}

Slot &
my_slot()
{
	return shared->slots[my_number()];
}

State
state_of(Slot &slot)
{
	return static_cast<State>(pg_atomic_read_u32(&slot.state));
}

void
set_state(Slot &slot, State state)
{
	pg_atomic_write_u32(&slot.state, static_cast<uint32>(state));
}

void
wake(int number)
{
	SetLatch(&ProcGlobal->allProcs[number].procLatch);
}

/* With the light lock held: the place of a store's leader among the leaders, or NOBODY. */
int
find_leader(Oid database, Oid events)
{
	for (int i = 0; i < shared->leader_count; ++i)
	{
		const Slot &leader = shared->slots[shared->leaders[i]];
		if (leader.events == events && leader.database == database)
			return i;
	}
	return NOBODY;
}

/* Leads the store if nobody does, else waits in its leader's queue. */
void
join(Oid events)
{
	Slot &slot = my_slot();

	slot.database = MyDatabaseId;
	slot.events = events;
	slot.queue = NOBODY;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (int place = find_leader(MyDatabaseId, events); place != NOBODY)
	{
		Slot &leader = shared->slots[shared->leaders[place]];
		slot.next = leader.queue;
		leader.queue = my_number();
		set_state(slot, State::Queued);
	}
	else
	{
		shared->leaders[shared->leader_count++] = my_number();
		set_state(slot, State::Leading);
		leading = true;
	}
	LWLockRelease(shared->lock);
}

/* With the light lock held: takes one out of a queue. */
void
unlink(int *queue, int number)
{
	while (*queue != number)
		queue = &shared->slots[*queue].next;
	*queue = shared->slots[number].next;
}

/* Leaves the queue, unless it is too late for that. */
bool
withdraw()
{
	Slot &slot = my_slot();

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	bool waiting = state_of(slot) == State::Queued;
	if (waiting)
	{
		int place = find_leader(slot.database, slot.events);

		Assert(place != NOBODY);
		unlink(&shared->slots[shared->leaders[place]].queue, my_number());
		set_state(slot, State::Free);
	}
	LWLockRelease(shared->lock);
	return waiting;
}

/* The leader takes all who wait into its group. */
void
take_members()
{
	Slot &slot = my_slot();

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	members = slot.queue;
	slot.queue = NOBODY;
	for (int i = members; i != NOBODY; i = shared->slots[i].next)
		set_state(shared->slots[i], State::Taken);
	LWLockRelease(shared->lock);
}

/* To one of those who wait, or to nobody. */
void
pass_lead()
{
	Slot &slot = my_slot();
	int next = NOBODY;

	leading = false;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	int place = find_leader(slot.database, slot.events);
	Assert(shared->leaders[place] == my_number());
	for (int i = slot.queue; i != NOBODY; i = shared->slots[i].next)
		if (next == NOBODY || shared->slots[i].times_led > shared->slots[next].times_led)
			next = i;
	if (next != NOBODY)
	{
		unlink(&slot.queue, next);
		shared->slots[next].queue = slot.queue;
		shared->leaders[place] = next;
		set_state(shared->slots[next], State::Leading);
	}
	else
		shared->leaders[place] = shared->leaders[--shared->leader_count];
	set_state(slot, State::Free);
	LWLockRelease(shared->lock);
	if (next != NOBODY)
		wake(next);
}

/* A member may leave with its slot as soon as its state is set. */
void
dismiss_members(State state, XLogRecPtr commit)
{
	while (members != NOBODY)
	{
		int number = members;
		Slot &slot = shared->slots[number];

		members = slot.next;
		slot.commit = commit;
		pg_write_barrier();
		set_state(slot, state);
		wake(number);
	}
}

void
at_transaction_event(XactEvent event, void *)
{
	if (event != XACT_EVENT_ABORT || !leading)
		return;
	dismiss_members(State::Retry, InvalidXLogRecPtr);
	pass_lead();
}

/*
 * Waits in the queue until the request is committed, is to be retried, or leads. May leave the queue and raise an error
 * for an interrupt or a lock_timeout; a look at interrupts that raises none leaves the state Free.
 */
State
wait_in_queue()
{
	Slot &slot = my_slot();
	TimestampTz deadline = LockTimeout > 0 ? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LockTimeout) : DT_NOEND;

	for (;;)
	{
		ResetLatch(MyLatch);
		State state = state_of(slot);

		if (state == State::Committed || state == State::Retry || state == State::Leading)
		{
			pg_read_barrier();
			return state;
		}
		if (INTERRUPTS_PENDING_CONDITION() && withdraw())
		{
			CHECK_FOR_INTERRUPTS();
			return State::Free;
		}
		long left = deadline == DT_NOEND ? -1 : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		if (left == 0 && withdraw())
			ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("canceling statement due to lock timeout"),
			                errdetail("Other appends to the store are in front.")));
		/* Once taken there is nothing to time out. */
		bool timed = left > 0;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timed ? WL_TIMEOUT : 0), timed ? left : -1,
		                 PG_WAIT_EXTENSION);
	}
}

/*
 * A cancel or a statement_timeout must not turn what is stored into an error. From a commit on they are dropped until the
 * statement ends.
 */
void
outcome_is_known()
{
	if (!top_level)
		return;
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
}

void
commit()
{
	HOLD_INTERRUPTS();
	SPI_commit();
	outcome_is_known();
	RESUME_INTERRUPTS();
}

/* SPI is connected. */
void
append_all(const Store &store, const AppendRequest *requests, Outcome *outcomes, int count)
{
	lock_for_append(store);

	Appender *appender = begin_appender(store);
	for (int i = 0; i < count; ++i)
		outcomes[i] = append_one(appender, requests[i]);
	end_appender(appender);
	close_store(store);
	commit();
}

Outcome
append_alone(const Store &store, const AppendRequest &request)
{
	Outcome outcome;

	append_all(store, &request, &outcome, 1);
	return outcome;
}

/* The group's appends, in one transaction with its leader's. */
Outcome
append_group(const Store &store, const AppendRequest &request)
{
	lock_for_append(store);
	HOLD_INTERRUPTS();
	take_members();

	Appender *appender = begin_appender(store);
	Outcome outcome = append_one(appender, request);
	for (int i = members; i != NOBODY; i = shared->slots[i].next)
	{
		Slot &slot = shared->slots[i];
		slot.outcome = append_one(appender, unpack(slot.request));
	}
	end_appender(appender);
	close_store(store);
	++my_slot().times_led;
	commit();
	RESUME_INTERRUPTS();
	return outcome;
}

/* An error may be a member's: then everybody, the leader too, goes on alone. */
Outcome
lead(Datum store_name, const Store &store, const AppendRequest &request)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool had_members = false;
	Outcome outcome{};

	PG_TRY();
	{
		outcome = append_group(store, request);
	}
	PG_CATCH();
	{
		had_members = members != NOBODY;
		if (!had_members)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		SPI_rollback(); /* dismisses the members */
		EnsurePortalSnapshotExists();
	}
	PG_END_TRY();
	/* The error has ended the hold on interrupts. */
	if (had_members)
		outcome = append_alone(open_store(store_name, RowExclusiveLock, rights_for(request)), request);
	return outcome;
}

/* A member's own part of the commit. */
Outcome
finish_as_member()
{
	Slot &slot = my_slot();
	XLogRecPtr commit = slot.commit;
	Outcome outcome = slot.outcome;

	set_state(slot, State::Free);
	if (synchronous_commit > SYNCHRONOUS_COMMIT_OFF || !outcome.wrote)
		XLogFlush(commit);
	if (synchronous_commit > SYNCHRONOUS_COMMIT_OFF && outcome.wrote)
		SyncRepWaitForLSN(commit, true);
	outcome_is_known();
	return outcome;
}

/* SPI is connected. */
Outcome
append_in_group(Datum store_name, Store store, const AppendRequest &request)
{
	for (;;)
	{
		Oid events = RelationGetRelid(store.events);
		State state = State::Leading;

		join(events);
		if (!leading)
		{
			release_store(store, RowExclusiveLock);
			state = wait_in_queue();
			leading = state == State::Leading;
		}
		if (state == State::Committed)
			return finish_as_member();
		if (state == State::Retry)
			set_state(my_slot(), State::Free);
		if (store.events == nullptr)
			store = open_store(store_name, RowExclusiveLock, rights_for(request));
		if (state == State::Retry)
			return append_alone(store, request);
		if (state == State::Leading && RelationGetRelid(store.events) == events)
			return lead(store_name, store, request);
		if (state == State::Leading)
			pass_lead(); /* the store was dropped and created again; those who wait will find out too */
	}
}

void
request_shared_memory()
{
	if (previous_shmem_request_hook != nullptr)
		previous_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Shared)) + MAXALIGN(sizeof(int) * MaxBackends) + sizeof(Slot) * MaxBackends);
	RequestNamedLWLockTranche(TRANCHE, 1);
}

void
start_shared_memory()
{
	bool found;

	if (previous_shmem_startup_hook != nullptr)
		previous_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = static_cast<Shared *>(ShmemInitStruct("pg_dcb", sizeof(Shared), &found));
	if (!found)
	{
		shared->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
		shared->leader_count = 0;
		shared->leaders = static_cast<int *>(ShmemAlloc(sizeof(int) * MaxBackends));
		shared->slots = static_cast<Slot *>(ShmemAlloc(sizeof(Slot) * MaxBackends));
		for (int i = 0; i < MaxBackends; ++i)
		{
			shared->slots[i].times_led = 0;
			pg_atomic_init_u32(&shared->slots[i].state, static_cast<uint32>(State::Free));
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

} // namespace

int64
append_and_commit(Datum store_name, const AppendRequest &request)
{
	Store store = open_store(store_name, RowExclusiveLock, rights_for(request));
	Outcome outcome;

	top_level = !SPI_inside_nonatomic_context();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	if (shared != nullptr && group_append && !waits_for_remote_apply() && pack(request, my_slot().request, REQUEST_BYTES))
		outcome = append_in_group(store_name, store, request);
	else
		outcome = append_alone(store, request);
	SPI_finish();
	if (outcome.kind == OutcomeKind::Appended)
		return outcome.position;

	/* In the transaction after the commit; a conflict's tags may be toasted. */
	EnsurePortalSnapshotExists();
	store = open_store(store_name, AccessShareLock, ACL_NO_RIGHTS);
	return answer(store, request, outcome);
}

void
append_all_and_commit(Datum store_name, AclMode rights, const AppendRequest *requests, Outcome *outcomes, int count)
{
	Store store = open_store(store_name, RowExclusiveLock, rights);

	top_level = !SPI_inside_nonatomic_context();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	append_all(store, requests, outcomes, count);
	SPI_finish();
}

void
group_is_visible()
{
	if (leading)
		pass_lead();
}

void
group_is_durable(XLogRecPtr commit)
{
	dismiss_members(State::Committed, commit);
}

void
install_group()
{
	DefineCustomBoolVariable("dcb.group_append", "Lets dcb.submit commit together with other sessions' appends.",
	                         "Needs pg_dcb in shared_preload_libraries.", &group_append, true, PGC_USERSET, 0, nullptr,
	                         nullptr, nullptr);
	MarkGUCPrefixReserved("dcb");
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
	RegisterXactCallback(at_transaction_event, nullptr);
}

} // namespace dcb
