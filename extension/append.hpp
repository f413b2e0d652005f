/*
 * Appending under a condition.
 */
#pragma once

#include "event.hpp"
#include "query.hpp"

namespace dcb {

struct AppendRequest
{
	Datum store; /* text */
	NewEvents events;
	const Query *fail_if_events_match; /* null: unconditional */
	int64 after;
	const pg_uuid_t *append_id; /* null: none */
};

/* The arguments that dcb.append, dcb.submit and their JSON forms share; errors as in read_events, and 22023, 22004. */
AppendRequest read_request(FunctionCallInfo fcinfo, NewEvents events);

/*
 * Checks the condition, numbers the events and inserts them, within the current transaction. Answers the position of the
 * last event; an append id seen before answers what it answered then, and appends nothing.
 * Errors: CONDITION_FAILED, POSITION_BEYOND_HEAD, APPEND_ID_REUSED, those of open_store.
 */
int64 append(const AppendRequest &request);

} // namespace dcb
