/*
 * Procedures that commit, and what they answer.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/*
 * May the procedure commit? It begins in a fresh transaction; in a transaction block, a function or after a write it would
 * commit what is not its own.
 */
inline bool
is_own_transaction(FunctionCallInfo fcinfo)
{
	bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
	              castNode(CallContext, fcinfo->context)->atomic;

	return !atomic && GetCurrentTransactionNestLevel() == 1 && !TransactionIdIsValid(GetTopTransactionIdIfAny());
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
