#include "shared_memory.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"
}

namespace dcb {
namespace {

constexpr int MAX_PARTS = 4;
SharedPart parts[MAX_PARTS];
int part_count = 0;

shmem_request_hook_type previous_shmem_request_hook = nullptr;
shmem_startup_hook_type previous_shmem_startup_hook = nullptr;

void
request_parts()
{
	if (previous_shmem_request_hook != nullptr)
		previous_shmem_request_hook();
	for (int i = 0; i < part_count; ++i)
	{
		RequestAddinShmemSpace(parts[i].size());
		if (parts[i].wants_lock)
			RequestNamedLWLockTranche(parts[i].name, 1);
	}
}

void
start_parts()
{
	if (previous_shmem_startup_hook != nullptr)
		previous_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < part_count; ++i)
	{
		bool found;
		void *memory = ShmemInitStruct(parts[i].name, parts[i].size(), &found);

		parts[i].attach(memory, !found, parts[i].wants_lock ? &GetNamedLWLockTranche(parts[i].name)->lock : nullptr);
	}
	LWLockRelease(AddinShmemInitLock);
}

} // namespace

void
add_shared_part(const SharedPart &part)
{
	Assert(part_count < MAX_PARTS);
	if (part_count == 0)
	{
		previous_shmem_request_hook = shmem_request_hook;
		shmem_request_hook = request_parts;
		previous_shmem_startup_hook = shmem_startup_hook;
		shmem_startup_hook = start_parts;
	}
	parts[part_count++] = part;
}

int
my_number()
{
	return static_cast<int>(MyProc - ProcGlobal->allProcs);
}

void
wake_backend(int number)
{
	SetLatch(&ProcGlobal->allProcs[number].procLatch);
}

} // namespace dcb
