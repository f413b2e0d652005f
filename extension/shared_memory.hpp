/*
 * The shared memory that the extension has with shared_preload_libraries, in parts of one subject each.
 */
#pragma once

#include "pg.hpp"

extern "C" {
#include "storage/lwlock.h"
}

namespace dcb {

struct SharedPart
{
	const char *name; /* of the memory, and of its light lock's tranche */
	Size (*size)();   /* asked for once MaxBackends is known */
	/* Keeps the address; the first process fills the memory. `lock` is null unless the part wants one. */
	void (*attach)(void *memory, bool is_first, LWLock *lock);
	bool wants_lock = true;
};

/* To be called while shared_preload_libraries are loaded. */
void add_shared_part(const SharedPart &part);

/* This backend's number among all that there can be, below MaxBackends: that of its PGPROC. */
int my_number();
constexpr int NOBODY = -1;

/* Sets a backend's latch. */
void wake_backend(int number);

} // namespace dcb
