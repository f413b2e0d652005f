/*
 * A store: a schema with the table `event`, its position index and its tag index.
 */
#pragma once

#include "error.hpp"
#include "event.hpp"

namespace dcb {

struct Store
{
	const char *name;
	Relation events;
	Relation positions; /* the primary key, a B-tree on position */
	Relation tags;      /* see tag_index.hpp */
};

/*
 * Opens the store called by a text datum and checks the current role's rights on its event table; ACL_NO_RIGHTS if they
 * were checked before.
 * Errors: UNKNOWN_STORE, 42501, 0A000 (row-level security), 55000 (not a complete store).
 * The table's lock is kept until the transaction ends, as for any table that a query uses.
 */
Store open_store(Datum name, LOCKMODE lock, AclMode rights);
void close_store(const Store &store);

/* The event table of what may be a store called by a text datum, without a lock; InvalidOid if there is none. */
Oid find_event_table(Datum name);

/* Closes a store that nothing was done with and gives back its locks, `lock` as given to open_store(). */
void release_store(Store &store, LOCKMODE lock);

/*
 * The owner of a store can make its tables look like anything, and we read them past the executor: what does not have
 * these columns, and these first ones as an index's key, is refused.
 */
bool has_columns(Relation table, const Oid *types, int count);
bool is_on_first_columns(Relation index, int count);

/* The store's table of append ids, with the same lock kept. */
Relation open_append_ids(const Store &store, LOCKMODE lock);

/*
 * The append lock: one appender a store at a time, from the check of its condition until its transaction ends, so that
 * lock order = commit order = position order. It conflicts with nothing but itself: vacuum, index builds and reads go
 * on. Taken after the event table's lock, never before.
 */
void lock_for_append(const Store &store);
/* For an append that has written nothing; the lock stays if an earlier append of the transaction holds it too. */
void unlock_append(const Store &store);
bool append_lock_is_mine(const Store &store);

/* One changes tags at a time. After the event table's lock, before the append lock. */
void lock_for_retag(const Store &store);

} // namespace dcb
