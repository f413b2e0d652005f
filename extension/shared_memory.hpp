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
	/* Keeps the address. The first process gets the part's lock as well, and fills the memory; others get null. */
	void (*attach)(void *memory, LWLock *lock);
};

/* To be called while shared_preload_libraries are loaded. */
void add_shared_part(const SharedPart &part);

/* This backend's number among all that there can be, below MaxBackends: that of its PGPROC. */
int my_number();
constexpr int NOBODY = -1;

/* Sets a backend's latch. */
void wake_backend(int number);

} // namespace dcb
