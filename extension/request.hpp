/*
 * What a client asks for when it appends.
 */
#pragma once

#include "event.hpp"

namespace dcb {

struct AppendRequest
{
	NewEvents events;
	NullableDatum fail_if_events_match; /* a dcb.query, not toasted; null: unconditional */
	int64 after;
	const pg_uuid_t *append_id; /* null: none */
	Datum content;              /* with an append id: the digest of the events as the client gave them */
	uint64 tag_rules;           /* that the events' tags follow, see tag_rule.hpp */
};

/* From the arguments that all forms of append share, as SQL gives them. Error: 22023. */
AppendRequest make_request(NewEvents events, NullableDatum fail_if_events_match, NullableDatum after,
                           NullableDatum append_id);

/* Reads the events of an argument; errors as in read_events. */
using ReadEvents = NewEvents (*)(Datum);

NewEvents typed_events(Datum array);
NewEvents json_events(Datum json);

/* Arguments of dcb.append, dcb.append_at_commit and dcb.submit, by number. */
enum AppendArgument
{
	ARGUMENT_APPEND_STORE,
	ARGUMENT_APPEND_EVENTS,
	ARGUMENT_APPEND_CONDITION,
	ARGUMENT_APPEND_AFTER,
	ARGUMENT_APPEND_ID
};

/* From the arguments of such a call; an append in a transaction that may not write is refused. Errors: those above, 22004. */
AppendRequest read_request(FunctionCallInfo fcinfo, ReadEvents read);

/* Refuses to write in a read-only transaction, a parallel worker, a standby. */
void check_may_write();

/*
 * The request as bytes, in memory of its own or in another session's. pack() answers false if it does not fit; the buffer
 * must be aligned for any type. What unpack() gives points into the buffer, but for its arrays.
 */
bool pack(const AppendRequest &request, char *buffer, Size capacity);
AppendRequest unpack(const char *buffer);

} // namespace dcb
