/*
 * The SQL functions and procedures that append.
 */
#include "append.hpp"
#include "group.hpp"

namespace dcb {
namespace {

/* Arguments that all of them have, by number. */
enum Argument
{
	ARGUMENT_STORE,
	ARGUMENT_EVENTS,
	ARGUMENT_CONDITION,
	ARGUMENT_AFTER,
	ARGUMENT_APPEND_ID
};

using ReadEvents = NewEvents (*)(Datum);

NewEvents
typed_events(Datum value)
{
	return read_events(DatumGetArrayTypeP(value));
}

NewEvents
json_events(Datum value)
{
	return read_events(DatumGetJsonbP(value));
}

/* Errors: those of read_events, 22004, 22023. */
AppendRequest
read_request(FunctionCallInfo fcinfo, ReadEvents read)
{
	AppendRequest request{};

	PreventCommandIfReadOnly("an append");
	PreventCommandIfParallelMode("an append");
	PreventCommandDuringRecovery("an append");
	if (PG_ARGISNULL(ARGUMENT_STORE))
		null_argument("store");
	if (PG_ARGISNULL(ARGUMENT_EVENTS))
		ereport(ERROR, (errcode(EMPTY_APPEND), errmsg("nothing to append"), errdetail("The list of events is null."),
		                errhint("Leave the call out when a decision yields no event.")));
	request.events = read(PG_GETARG_DATUM(ARGUMENT_EVENTS));
	request.fail_if_events_match.isnull = PG_ARGISNULL(ARGUMENT_CONDITION);
	if (!request.fail_if_events_match.isnull)
		request.fail_if_events_match.value = PointerGetDatum(PG_GETARG_VARLENA_P(ARGUMENT_CONDITION));
	request.after = PG_ARGISNULL(ARGUMENT_AFTER) ? 0 : PG_GETARG_INT64(ARGUMENT_AFTER);
	if (request.after < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"after\" must not be negative"),
		                errdetail("It is " INT64_FORMAT ".", request.after),
		                errhint("Give the position up to which events were read; 0 means none.")));
	if (request.after > 0 && request.fail_if_events_match.isnull)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"after\" is of no use without a query"),
		                errdetail("fail_if_events_match is null."),
		                errhint("Give fail_if_events_match, or leave \"after\" out for an unconditional append.")));
	if (!PG_ARGISNULL(ARGUMENT_APPEND_ID))
	{
		request.append_id = PG_GETARG_UUID_P(ARGUMENT_APPEND_ID);
		request.content = digest(request.events);
	}
	return request;
}

/*
 * A transaction of its own: the procedure begins in a fresh one and ends with COMMIT. In a transaction block, a function or
 * after a write it would commit what is not its own.
 */
Datum
submit(FunctionCallInfo fcinfo, ReadEvents read)
{
	bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
	              castNode(CallContext, fcinfo->context)->atomic;

	if (atomic || GetCurrentTransactionNestLevel() > 1 || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
		                errmsg("dcb.submit cannot be called in a transaction block or a function, or after a write"),
		                errdetail("It is a transaction of its own, and commits."),
		                errhint("Use dcb.append to append within a transaction.")));

	TupleDesc description;
	if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "dcb.submit has to return a row");
	BlessTupleDesc(description);

	Datum position = Int64GetDatum(append_and_commit(PG_GETARG_DATUM(ARGUMENT_STORE), read_request(fcinfo, read)));
	bool isnull = false;
	return HeapTupleGetDatum(heap_form_tuple(description, &position, &isnull));
}

Datum
append_in_transaction(FunctionCallInfo fcinfo, ReadEvents read)
{
	AppendRequest request = read_request(fcinfo, read);
	Store store = open_store(PG_GETARG_DATUM(ARGUMENT_STORE), RowExclusiveLock, rights_for(request));
	int64 position = append(store, request);

	close_store(store);
	PG_RETURN_INT64(position);
}

} // namespace

/* dcb.append(store, events dcb.new_event[], fail_if_events_match, after, append_id) → position of the last event. */
DCB_FUNCTION(dcb_append)
{
	return append_in_transaction(fcinfo, typed_events);
}

/* dcb.append(store, events jsonb, ...): the same for clients that only know JSON. */
DCB_FUNCTION(dcb_append_json)
{
	return append_in_transaction(fcinfo, json_events);
}

/* CALL dcb.submit(store, events dcb.new_event[], ..., INOUT position): dcb.append as a transaction of its own. */
DCB_FUNCTION(dcb_submit)
{
	return submit(fcinfo, typed_events);
}

DCB_FUNCTION(dcb_submit_json)
{
	return submit(fcinfo, json_events);
}

} // namespace dcb
