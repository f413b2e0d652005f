/*
 * Invariants of the list.
 *
 * - A request is noted after its transaction has become visible, and counted. A worker reads the count before it looks for
 *   work, and resigns only if the count is the same: so work is seen by the one who is there, or the next one.
 * - A worker that ends without resigning leaves its database on the list, vacant. So it is started anew.
 * - The light lock is held for a few instructions, without waiting for anything.
 */
#include "shared_memory.hpp"
#include "worker_list.hpp"

extern "C" {
#include "storage/ipc.h"
}

namespace dcb {
namespace {

struct Entry
{
	Oid database; /* InvalidOid: free */
	uint64 requests;
	int worker; /* its number */
	bool is_new;
	bool settled;
};

struct Shared
{
	LWLock *lock;
	int launcher;
	bool look_everywhere;
	Entry entries[MAX_DATABASES];
};

Shared *shared = nullptr;

void
wake(int number)
{
	if (number != NOBODY)
		wake_backend(number);
}

/* Held to the end of the block. An error would release it, too, but none occurs. */
struct Locked
{
	Locked() { LWLockAcquire(shared->lock, LW_EXCLUSIVE); }
	~Locked() { LWLockRelease(shared->lock); }
};

/* With the lock held. */
Entry *
find(Oid database)
{
	for (Entry &entry : shared->entries)
		if (entry.database == database)
			return &entry;
	return nullptr;
}

Entry *
find_or_make(Oid database)
{
	Entry *entry = find(database);

	if (entry == nullptr && (entry = find(InvalidOid)) != nullptr)
		*entry = {.database = database, .requests = 0, .worker = NOBODY, .is_new = true, .settled = false};
	return entry;
}

void
leave_worker(int, Datum)
{
	Locked lock;
	Entry *entry = find(MyDatabaseId);

	if (entry == nullptr || entry->worker != my_number())
		return;
	entry->worker = NOBODY;
	entry->settled = false;
	wake(shared->launcher);
}

void
leave_launcher(int, Datum)
{
	Locked lock;

	shared->launcher = NOBODY;
}

Size
shared_size()
{
	return sizeof(Shared);
}

void
attach(void *memory, bool is_first, LWLock *lock)
{
	shared = static_cast<Shared *>(memory);
	if (!is_first)
		return;
	*shared = {};
	shared->lock = lock;
	shared->launcher = NOBODY;
	shared->look_everywhere = true;
}

} // namespace

bool
is_worker_list_there()
{
	return shared != nullptr;
}

void
request_worker(Oid database)
{
	Locked lock;
	Entry *entry = find_or_make(database);

	if (entry == nullptr)
		shared->look_everywhere = true;
	else
		++entry->requests;
	wake(entry != nullptr && entry->worker != NOBODY ? entry->worker : shared->launcher);
}

void
register_launcher()
{
	on_shmem_exit(leave_launcher, Datum{0});

	Locked lock;
	shared->launcher = my_number();
}

bool
take_look_everywhere()
{
	Locked lock;

	return std::exchange(shared->look_everywhere, false);
}

bool
enlist(Oid database)
{
	Locked lock;

	return find_or_make(database) != nullptr;
}

void
strike_off(Oid database)
{
	Locked lock;

	if (Entry *entry = find(database); entry != nullptr)
		*entry = {};
}

int
vacancies(Vacancy (&list)[MAX_DATABASES])
{
	Locked lock;
	int count = 0;

	for (const Entry &entry : shared->entries)
		if (OidIsValid(entry.database) && entry.worker == NOBODY)
			list[count++] = {entry.database, entry.is_new};
	return count;
}

void
starting_worker(Oid database)
{
	Locked lock;

	if (Entry *entry = find(database); entry != nullptr)
		entry->is_new = entry->settled = false;
}

bool
is_settled(Oid database)
{
	Locked lock;
	const Entry *entry = find(database);

	return entry != nullptr && entry->settled;
}

void
register_worker()
{
	on_shmem_exit(leave_worker, Datum{0});

	Locked lock;
	if (Entry *entry = find_or_make(MyDatabaseId); entry != nullptr)
		entry->worker = my_number();
}

uint64
requests_so_far()
{
	Locked lock;
	Entry *entry = find(MyDatabaseId);

	return entry != nullptr ? entry->requests : 0;
}

void
settle()
{
	Locked lock;

	if (Entry *entry = find(MyDatabaseId); entry != nullptr && !entry->settled)
	{
		entry->settled = true;
		wake(shared->launcher);
	}
}

bool
resign(uint64 requests)
{
	Locked lock;
	Entry *entry = find(MyDatabaseId);

	if (entry != nullptr && entry->requests != requests)
		return false;
	if (entry != nullptr)
		*entry = {};
	wake(shared->launcher);
	return true;
}

void
install_worker_list()
{
	add_shared_part({"pg_dcb_workers", shared_size, attach});
}

} // namespace dcb
