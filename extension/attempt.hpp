/*
 * Work that may fail without the transaction failing.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/* Not the work's fault: the server is busy, stopping, read-only or out of something, or an object is being mended. */
inline bool
is_transient(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_INVALID_TRANSACTION_STATE:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return true;
		default:
			return false;
	}
}

/*
 * Runs work() in a subtransaction. Null if it went well; else the error, and nothing of the work is left. A
 * transient error is raised, since the same work is to be tried again as a whole.
 */
template <class Work>
pg_noinline ErrorData * /* so that no variable of the caller's lives in a register that a longjmp restores */
attempt(Work work)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = nullptr;

	BeginInternalSubTransaction(nullptr);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (is_transient(error))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/* As one line for people. */
inline const char *
describe(const ErrorData *error)
{
	return error->detail != nullptr ? psprintf("%s: %s", error->message, error->detail) : error->message;
}

} // namespace dcb
