/*
 * The SQL functions that append within the caller's transaction.
 */
#include "append.hpp"
#include "deferred.hpp"

namespace dcb {
namespace {

Datum
append_now(FunctionCallInfo fcinfo, ReadEvents read)
{
	AppendRequest request = read_request(fcinfo, read);
	Store store = open_store(PG_GETARG_DATUM(ARGUMENT_APPEND_STORE), RowExclusiveLock, rights_for(request));
	int64 position = append(store, request);

	close_store(store);
	PG_RETURN_INT64(position);
}

Datum
append_later(FunctionCallInfo fcinfo, ReadEvents read)
{
	append_at_commit(PG_GETARG_DATUM(ARGUMENT_APPEND_STORE), read_request(fcinfo, read));
	PG_RETURN_VOID();
}

} // namespace

/* dcb.append(store, events dcb.new_event[], fail_if_events_match, after, append_id) → position of the last event. */
DCB_FUNCTION(dcb_append)
{
	return append_now(fcinfo, typed_events);
}

/* dcb.append(store, events jsonb, ...): the same for clients that only know JSON. */
DCB_FUNCTION(dcb_append_json)
{
	return append_now(fcinfo, json_events);
}

/* dcb.append_at_commit(...): the same arguments; checked, numbered and inserted when the transaction commits. */
DCB_FUNCTION(dcb_append_at_commit)
{
	return append_later(fcinfo, typed_events);
}

DCB_FUNCTION(dcb_append_at_commit_json)
{
	return append_later(fcinfo, json_events);
}

} // namespace dcb
