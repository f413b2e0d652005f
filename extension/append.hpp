/*
 * Appending under a condition.
 */
#pragma once

#include "query.hpp"
#include "request.hpp"
#include "store.hpp"

namespace dcb {

enum class OutcomeKind : int
{
	Appended,
	ConditionFailed,
	BeyondHead,
	AppendIdReused,
	OtherTagRules /* the rules have changed since the request was made: it has to be made anew */
};

/* What became of a request; plain data, since it may be told to another session. */
struct Outcome
{
	OutcomeKind kind;
	int64 position; /* of the last event; of the event that matched; the head; of the earlier append's last event */
	int64 after;    /* the position that the condition started from */
	bool wrote;     /* false also for an append id seen before */
	TransactionId rests_on; /* wrote the event, or the earlier append, that decided; see writer_of() */
};

/* The rights on the store's event table that a request needs. */
AclMode rights_for(const AppendRequest &request);

/* An append lock being used: from the first request to the last, nobody else appends to the store. */
struct Appender;

/* With the store open and the append lock held. */
Appender *begin_appender(const Store &store);

/* Checks the condition, numbers the events and inserts them; an append id seen before answers what it answered then. */
Outcome append_one(Appender *appender, const AppendRequest &request);

void end_appender(Appender *appender);

/* What an outcome rests on, before anybody learns of it; what its own transaction wrote is durable by the commit. */
void make_grounds_durable(const Outcome &outcome);

/*
 * The answer to the client: the position, or an error: CONDITION_FAILED, POSITION_BEYOND_HEAD, APPEND_ID_REUSED. Waits
 * until what it rests on is durable, so the append lock should not be held when nothing was written.
 */
int64 answer(const Store &store, const AppendRequest &request, const Outcome &outcome);

/* All of it, within the current transaction. Errors: those of answer(). */
int64 append(const Store &store, const AppendRequest &request);

} // namespace dcb
