/*
 * Waiters stand in shared memory, close together, so that an appender walks along them quickly, and not at all while there
 * are none: that costs it the look at one number.
 *
 * No wake-up is lost. A waiter enters the list, then looks; an appender becomes visible, then walks along the list; each with
 * a full barrier in between. So either the waiter sees the events, or the appender sees the waiter. What a transaction
 * announces is gathered before its commit, in a place of fixed size. Nothing is gathered while nobody waits: such a
 * transaction wakes all waiters of the store who have come since.
 *
 * A commit announces once it is durable (durability.cpp), hence a group once for all of its members. There it must not fail:
 * nothing is allocated, and the light lock is not held by anybody for longer than a walk along the list.
 *
 * PREPARE TRANSACTION announces too early for others to see. Whoever waits therefore looks now and then without being woken
 * (wait.cpp); events cannot be prepared.
 */
#include "shared_memory.hpp"
#include "wake.hpp"

extern "C" {
#include "storage/proc.h"
}

namespace dcb {
namespace {

struct Waiter
{
	int backend; /* its number */
	Oid database;
	WakeFilter filter;
};

struct Shared
{
	LWLock *lock;
	pg_atomic_uint32 count;
	Waiter waiters[FLEXIBLE_ARRAY_MEMBER]; /* one for each backend at most, the first `count` are in use */
};

Shared *shared = nullptr; /* null without shared_preload_libraries */

bool waiting = false; /* is this backend in the list? */

/* What the current transaction has announced of one store. */
struct Announced
{
	Oid events;
	bool everything;
	uint64 topics[TOPIC_BITS / 64];
};

constexpr int MAX_STORES = 4;

Announced announced[MAX_STORES];
int announced_stores = 0;
bool announced_more = false; /* of further stores */

uint16
topic_bit(Topic topic, String subject)
{
	return hash_bytes_extended(reinterpret_cast<const unsigned char *>(subject.data), subject.length, static_cast<uint64>(topic)) %
	       TOPIC_BITS;
}

/* With the light lock held. */
uint32
find_waiter()
{
	uint32 i = 0;

	while (shared->waiters[i].backend != my_number())
		++i;
	return i;
}

Announced *
announced_of(Oid events)
{
	for (int i = 0; i < announced_stores; ++i)
		if (announced[i].events == events)
			return &announced[i];
	if (announced_stores == MAX_STORES)
	{
		announced_more = true;
		return nullptr;
	}
	Announced *store = &announced[announced_stores++];
	*store = {.events = events, .everything = pg_atomic_read_u32(&shared->count) == 0, .topics = {}};
	return store;
}

/* Where to note a topic of a store; null if that would change nothing. */
Announced *
open_note(Oid events)
{
	if (shared == nullptr)
		return nullptr;
	Announced *store = announced_of(events);
	return store == nullptr || store->everything ? nullptr : store;
}

void
note(Announced *store, Topic topic, String subject)
{
	uint16 bit = topic_bit(topic, subject);
	store->topics[bit / 64] |= uint64{1} << bit % 64;
}

bool
passes(const Announced &store, const WakeFilter &filter)
{
	if (OidIsValid(filter.events) && filter.events != store.events)
		return false;
	if (store.everything || filter.everything)
		return true;
	for (int i = 0; i < filter.count; ++i)
		if (store.topics[filter.topics[i] / 64] >> filter.topics[i] % 64 & 1)
			return true;
	return false;
}

bool
is_announced(const WakeFilter &filter)
{
	for (int i = 0; i < announced_stores; ++i)
		if (passes(announced[i], filter))
			return true;
	return announced_more;
}

void
forget_announced()
{
	announced_stores = 0;
	announced_more = false;
}

void
at_transaction_event(XactEvent event, void *)
{
	if (event != XACT_EVENT_ABORT)
		return;
	forget_announced();
	stop_waiting();
}

Size
shared_size()
{
	return add_size(offsetof(Shared, waiters), mul_size(sizeof(Waiter), MaxBackends));
}

void
attach(void *memory, bool is_first, LWLock *lock)
{
	shared = static_cast<Shared *>(memory);
	if (!is_first)
		return;
	shared->lock = lock;
	pg_atomic_init_u32(&shared->count, 0);
}

} // namespace

void
WakeFilter::add(Topic topic, String subject)
{
	if (everything || count == MAX_TOPICS)
		everything = true;
	else
		topics[count++] = topic_bit(topic, subject);
}

void
WakeFilter::add(const Query &query)
{
	for (int i = 0; i < query.count; ++i)
	{
		const QueryItem &item = query.items[i];

		if (item.tags.count > 0)
			add(Topic::Tag, item.tags.items[0]);
		else if (item.types.count > 0)
			for (String type : item.types)
				add(Topic::Type, type);
		else
			everything = true;
	}
}

bool
start_waiting(const WakeFilter &filter)
{
	if (shared == nullptr || RecoveryInProgress())
		return false;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	uint32 place = waiting ? find_waiter() : pg_atomic_read_u32(&shared->count);
	shared->waiters[place] = {.backend = my_number(), .database = MyDatabaseId, .filter = filter};
	if (!waiting)
		pg_atomic_write_u32(&shared->count, place + 1);
	waiting = true;
	LWLockRelease(shared->lock);
	pg_memory_barrier();
	return true;
}

void
stop_waiting()
{
	if (!waiting)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	uint32 last = pg_atomic_read_u32(&shared->count) - 1;
	shared->waiters[find_waiter()] = shared->waiters[last];
	pg_atomic_write_u32(&shared->count, last);
	waiting = false;
	LWLockRelease(shared->lock);
}

void
announce_event(Oid events, const NewEvent &event)
{
	Announced *store = open_note(events);

	if (store == nullptr)
		return;
	note(store, Topic::Type, event.type);
	for (String tag : event.tags)
		note(store, Topic::Tag, tag);
}

void
announce(Oid events, Topic topic, String subject)
{
	if (Announced *store = open_note(events); store != nullptr)
		note(store, topic, subject);
}

void
wake_waiters()
{
	if (announced_stores == 0)
		return;
	pg_memory_barrier();
	if (pg_atomic_read_u32(&shared->count) > 0)
	{
		LWLockAcquire(shared->lock, LW_SHARED);
		for (uint32 i = 0; i < pg_atomic_read_u32(&shared->count); ++i)
		{
			const Waiter &waiter = shared->waiters[i];

			if (waiter.database == MyDatabaseId && is_announced(waiter.filter))
				wake_backend(waiter.backend);
		}
		LWLockRelease(shared->lock);
	}
	forget_announced();
}

/* dcb.waiters() → the process ids of the sessions of this database that wait to be woken. */
DCB_FUNCTION(dcb_waiters)
{
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);

	if (shared == nullptr)
		return Datum{0};
	LWLockAcquire(shared->lock, LW_SHARED);
	for (uint32 i = 0; i < pg_atomic_read_u32(&shared->count); ++i)
		if (const Waiter &waiter = shared->waiters[i]; waiter.database == MyDatabaseId)
		{
			Datum pid = Int32GetDatum(ProcGlobal->allProcs[waiter.backend].pid);
			bool isnull = false;
			tuplestore_putvalues(result->setResult, result->setDesc, &pid, &isnull);
		}
	LWLockRelease(shared->lock);
	return Datum{0};
}

void
install_wake()
{
	RegisterXactCallback(at_transaction_event, nullptr);
	if (process_shared_preload_libraries_in_progress)
		add_shared_part({"pg_dcb_waiters", shared_size, attach});
}

} // namespace dcb
