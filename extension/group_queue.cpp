/*
 * Invariants of the queue.
 *
 * - A store has a leader if anybody has queued up for it. Leaders, queues and the states up to Taken and Leading change
 *   under the one light lock, which is held for a few instructions and never while waiting for anything.
 * - From Taken on a slot is the leader's, until it has told the owner how the request ended.
 * - A leader that ends in any way passes the lead on and tells its members: in its commit (group.cpp) or its abort.
 */
#include "group_queue.hpp"
#include "shared_memory.hpp"

extern "C" {
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/wait_event.h"
}

namespace dcb {
namespace {

constexpr Size REQUEST_BYTES = 8192;

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

/* Of the group that this backend leads. */
bool leading = false;
int members = NOBODY;

Slot &
my_slot()
{
	return shared->slots[my_number()];
}

SlotState
state_of(Slot &slot)
{
	return static_cast<SlotState>(pg_atomic_read_u32(&slot.state));
}

void
set_state(Slot &slot, SlotState state)
{
	pg_atomic_write_u32(&slot.state, static_cast<uint32>(state));
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
	bool waiting = state_of(slot) == SlotState::Queued;
	if (waiting)
	{
		int place = find_leader(slot.database, slot.events);

		Assert(place != NOBODY);
		unlink(&shared->slots[shared->leaders[place]].queue, my_number());
		set_state(slot, SlotState::Free);
	}
	LWLockRelease(shared->lock);
	return waiting;
}

void
at_transaction_event(XactEvent event, void *)
{
	if (event != XACT_EVENT_ABORT || shared == nullptr || MyProc == nullptr)
		return;
	if (leading)
	{
		dismiss_members(SlotState::Retry, InvalidXLogRecPtr);
		pass_lead();
	}
	else if (state_of(my_slot()) == SlotState::Queued)
		(void) withdraw();
}

/* The leaders and the slots stand behind it. */
Size
shared_size()
{
	Size leaders = mul_size(sizeof(int), MaxBackends);

	return add_size(MAXALIGN(sizeof(Shared)) + MAXALIGN(leaders), mul_size(sizeof(Slot), MaxBackends));
}

void
attach(void *memory, bool is_first, LWLock *lock)
{
	shared = static_cast<Shared *>(memory);
	if (!is_first)
		return;
	shared->lock = lock;
	shared->leader_count = 0;
	shared->leaders = reinterpret_cast<int *>(static_cast<char *>(memory) + MAXALIGN(sizeof(Shared)));
	shared->slots =
		reinterpret_cast<Slot *>(reinterpret_cast<char *>(shared->leaders) + MAXALIGN(sizeof(int) * MaxBackends));
	for (int i = 0; i < MaxBackends; ++i)
	{
		shared->slots[i].times_led = 0;
		pg_atomic_init_u32(&shared->slots[i].state, static_cast<uint32>(SlotState::Free));
	}
}

} // namespace

bool
offer_request(const AppendRequest &request)
{
	return shared != nullptr && pack(request, my_slot().request, REQUEST_BYTES);
}

SlotState
join_queue(Oid events)
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
		set_state(slot, SlotState::Queued);
	}
	else
	{
		shared->leaders[shared->leader_count++] = my_number();
		set_state(slot, SlotState::Leading);
		leading = true;
	}
	LWLockRelease(shared->lock);
	/* Not the slot's state, which may have changed by now. */
	return leading ? SlotState::Leading : SlotState::Queued;
}

SlotState
wait_in_queue()
{
	Slot &slot = my_slot();
	TimestampTz deadline = LockTimeout > 0 ? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LockTimeout) : DT_NOEND;

	for (;;)
	{
		ResetLatch(MyLatch);
		SlotState state = state_of(slot);

		if (state == SlotState::Committed || state == SlotState::Retry || state == SlotState::Leading)
		{
			pg_read_barrier();
			leading = state == SlotState::Leading;
			return state;
		}
		if (INTERRUPTS_PENDING_CONDITION() && withdraw())
		{
			CHECK_FOR_INTERRUPTS();
			return SlotState::Free;
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

Outcome
take_outcome(XLogRecPtr *commit)
{
	Outcome outcome = my_slot().outcome;

	*commit = my_slot().commit;
	free_slot();
	return outcome;
}

void
free_slot()
{
	set_state(my_slot(), SlotState::Free);
}

void
take_members()
{
	Slot &slot = my_slot();

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	members = slot.queue;
	slot.queue = NOBODY;
	for (int i = members; i != NOBODY; i = shared->slots[i].next)
		set_state(shared->slots[i], SlotState::Taken);
	LWLockRelease(shared->lock);
}

bool
has_members()
{
	return members != NOBODY;
}

void
serve_members(Appender *appender)
{
	++my_slot().times_led;
	for (int i = members; i != NOBODY; i = shared->slots[i].next)
	{
		Slot &slot = shared->slots[i];
		slot.outcome = append_one(appender, unpack(slot.request));
	}
}

bool
is_leading()
{
	return leading;
}

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
		set_state(shared->slots[next], SlotState::Leading);
	}
	else
		shared->leaders[place] = shared->leaders[--shared->leader_count];
	set_state(slot, SlotState::Free);
	LWLockRelease(shared->lock);
	if (next != NOBODY)
		wake_backend(next);
}

void
dismiss_members(SlotState state, XLogRecPtr commit)
{
	while (members != NOBODY)
	{
		int number = members;
		Slot &slot = shared->slots[number];

		members = slot.next;
		slot.commit = commit;
		pg_write_barrier();
		set_state(slot, state);
		wake_backend(number);
	}
}

void
install_group_queue()
{
	add_shared_part({"pg_dcb", shared_size, attach});
	RegisterXactCallback(at_transaction_event, nullptr);
}

} // namespace dcb
