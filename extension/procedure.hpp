/*
 * Procedures that commit, and what they answer.
 */
#pragma once

#include "deferred.hpp"

extern "C" {
#include "utils/portal.h"
}

namespace dcb {

/*
 * May the procedure commit? It begins in a fresh transaction; in a transaction block, a function or after a write, also one
 * that is put off until the commit, it would commit what is not its own.
 *
 * A commit within a loop over a query runs that query to its end. Done here it can be cancelled and holds no append lock, and
 * what it writes counts.
 */
inline bool
is_own_transaction(FunctionCallInfo fcinfo)
{
	bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
	              castNode(CallContext, fcinfo->context)->atomic;

	if (atomic || GetCurrentTransactionNestLevel() != 1)
		return false;
	HoldPinnedPortals();
	return !TransactionIdIsValid(GetTopTransactionIdIfAny()) && !has_deferred_appends();
}

/* A procedure with one INOUT argument answers a row of it. */
inline TupleDesc
result_row(FunctionCallInfo fcinfo)
{
	TupleDesc description;

	if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a procedure of pg_dcb has to return a row");
	return BlessTupleDesc(description);
}

inline Datum
make_row(TupleDesc description, Datum value)
{
	bool isnull = false;

	return HeapTupleGetDatum(heap_form_tuple(description, &value, &isnull));
}

} // namespace dcb
