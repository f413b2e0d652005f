/*
 * The list, in shared memory, of the databases that want a worker.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/* More are looked at too, but no more than this many have a worker at a time. */
constexpr int MAX_DATABASES = 64;

/* Without shared_preload_libraries there is none. */
bool is_worker_list_there();

/*
 * From anybody: this database has work. Whoever works for it looks again, after what the caller has committed; if
 * nobody does, the launcher starts somebody. Raises no error and allocates nothing.
 */
void request_worker(Oid database);

/* The launcher's. */
void register_launcher();
bool take_look_everywhere(); /* are requests missing, as at the start? */
bool enlist(Oid database);   /* false: the list is full */
void strike_off(Oid database);

struct Vacancy
{
	Oid database;
	bool is_new; /* nobody was started for it since it was requested */
};

int vacancies(Vacancy (&list)[MAX_DATABASES]);
void starting_worker(Oid database);
bool is_settled(Oid database);

/* A worker's. */
void register_worker();
uint64 requests_so_far();
void settle(); /* it has work, and stays */
/* Nothing is left to do as of that many requests. True: the database is off the list; else there are new requests. */
bool resign(uint64 requests);

void install_worker_list();

} // namespace dcb
