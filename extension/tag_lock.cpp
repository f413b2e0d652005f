/*
 * dcb.lock_tags: a queue before a hot boundary. Decisions that would conflict again and again stand in line instead.
 *
 * It protects nothing: appends do not take these locks, and whether an append is right is for its condition alone. So a
 * client that does not ask for a lock cannot be wrong, nor held up by one that does.
 *
 * A tag's lock is one of the server's own, exclusive, until the transaction ends: it is granted in the order of asking,
 * the deadlock detector sees it, and pg_locks shows it. The server's objects are known by the class (an oid of the system
 * catalogs), the object and a part of it; ours have the store's table for a class, which no object of the server and no
 * advisory lock can have, and 48 bits of the tag's hash for the rest. Tags whose hashes agree in them share a lock: they
 * wait for each other without need.
 *
 * Lock order. The event table, then tags in the order of their hashes, so that calls for several tags cannot wait for each
 * other in a circle; then the append lock. Calls that follow each other in one transaction, or follow an append, can.
 */
#include "store.hpp"
#include "tag_index.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace dcb {
namespace {

constexpr int64 FOREVER = -1;

struct TagLock
{
	LOCKTAG lock;
	String tag;
};

struct Wait
{
	const Store *store;
	String tag;
};

bool
comes_before(const TagLock &a, const TagLock &b)
{
	return a.lock.locktag_field3 != b.lock.locktag_field3 ? a.lock.locktag_field3 < b.lock.locktag_field3
	                                                      : a.lock.locktag_field4 < b.lock.locktag_field4;
}

TagLock
lock_of(const Store &store, String tag)
{
	auto hash = static_cast<uint64>(tag_hash(tag));
	TagLock lock{.lock = {}, .tag = tag};

	SET_LOCKTAG_OBJECT(lock.lock, MyDatabaseId, RelationGetRelid(store.events), static_cast<uint32>(hash >> 32),
	                   static_cast<uint16>(hash));
	return lock;
}

StringSet
read_tags(Datum array)
{
	StringSet tags = to_strings(DatumGetArrayTypeP(array));

	for (String tag : tags)
	{
		if (tag.data == nullptr)
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a tag must not be null"),
			                errhint("Leave it out of the list.")));
		if (tag.length < 1 || tag.length > MAX_TAG_BYTES)
			ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("no event can have this tag"),
			                errdetail("It has %d bytes; a tag has 1 to %d.", tag.length, MAX_TAG_BYTES),
			                errhint("Name a tag of the events that the decision reads.")));
	}
	tags.normalise();
	if (tags.count > MAX_STRINGS_PER_LIST)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("too many tags to lock"),
		                errdetail("There are %d; the limit is %d.", tags.count, MAX_STRINGS_PER_LIST),
		                errhint("Lock the few that many decisions ask for.")));
	return tags;
}

/* In milliseconds, what is begun counts; FOREVER: no time limit but lock_timeout. */
int64
read_timeout(NullableDatum argument)
{
	if (argument.isnull)
		return FOREVER;

	const Interval *timeout = DatumGetIntervalP(argument.value);
	double days = static_cast<double>(timeout->month) * DAYS_PER_MONTH + timeout->day;
	double microseconds = days * USECS_PER_DAY + static_cast<double>(timeout->time);

	if (microseconds < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"timeout\" must not be negative"),
		                errhint("Zero means not to wait at all, NULL to wait as long as lock_timeout allows.")));
	return static_cast<int64>(std::min((microseconds + 999) / 1000, static_cast<double>(INT_MAX)));
}

void
describe_wait(void *argument)
{
	auto *wait = static_cast<Wait *>(argument);

	if (geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE)
		return;
	errdetail("Another transaction holds tag \"%.*s\" of store \"%s\".", wait->tag.length, wait->tag.data, wait->store->name);
	errhint("Try again later, or decide without the lock: the append condition is as exact.");
}

/* Waits until the deadline at most. */
void
acquire(const LOCKTAG &lock, int64 timeout, TimestampTz deadline)
{
	int64 left = timeout == FOREVER ? FOREVER : std::max<int64>(0, (deadline - GetCurrentTimestamp() + 999) / 1000);
	int settings = 0;

	if (left > 0)
	{
		settings = NewGUCNestLevel();
		set_config_option("lock_timeout", psprintf(INT64_FORMAT, left), PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
		                  false);
	}
	if (LockAcquire(&lock, ExclusiveLock, false, left == 0) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("could not obtain lock on a tag")));
	if (left > 0)
		AtEOXact_GUC(true, settings);
}

} // namespace

/*
 * dcb.lock_tags(store, tags, timeout): waits for each tag's turn and keeps it until the transaction ends; `timeout` is for
 * all of them together. Rights: INSERT, as for an append.
 * Errors: 55P03 when the time is over; 40P01; 22004, 22023, LIMIT_EXCEEDED; those of open_store.
 */
DCB_FUNCTION(dcb_lock_tags)
{
	if (PG_ARGISNULL(0))
		null_argument("store");
	if (PG_ARGISNULL(1))
		null_argument("tags");
	PreventCommandDuringRecovery("dcb.lock_tags");

	StringSet tags = read_tags(PG_GETARG_DATUM(1));
	int64 timeout = read_timeout(fcinfo->args[2]);
	TimestampTz deadline = GetCurrentTimestamp() + std::max<int64>(timeout, 0) * 1000;
	Store store = open_store(PG_GETARG_DATUM(0), AccessShareLock, ACL_INSERT);

	auto *locks = static_cast<TagLock *>(palloc(sizeof(TagLock) * std::max(tags.count, 1)));
	for (int i = 0; i < tags.count; ++i)
		locks[i] = lock_of(store, tags.items[i]);
	std::sort(locks, locks + tags.count, comes_before);

	Wait wait{&store, {}};
	ErrorContextCallback context{error_context_stack, describe_wait, &wait};
	error_context_stack = &context;
	for (int i = 0; i < tags.count; ++i)
	{
		wait.tag = locks[i].tag;
		acquire(locks[i].lock, timeout, deadline);
	}
	error_context_stack = context.previous;
	close_store(store);
	PG_RETURN_VOID();
}

} // namespace dcb
