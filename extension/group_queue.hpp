/*
 * The queue of those who wait to have their requests appended by another session: slots in shared memory, and who leads.
 * What is done with them is group.cpp's.
 */
#pragma once

#include "append.hpp"

namespace dcb {

/*
 * A slot's state. Each session has a slot: its request, then its outcome.
 *
 *   Free → Queued      by its owner, joining the queue of the store's leader; it may withdraw from there only
 *   Queued → Taken     by the leader, with the append lock held
 *   Taken → Committed  by the leader once its commit is durable: the outcome counts
 *   Taken → Retry      by the leader when its transaction aborts: the owner goes on alone, so that a request that cannot
 *                      be executed fails nobody but its owner
 *   Queued → Leading   by the leader that leaves: the owner leads next, and executes its own request first
 */
enum class SlotState : uint32
{
	Free,
	Queued,
	Taken,
	Leading,
	Committed,
	Retry
};

/* Puts the request into the session's slot; false without shared memory, or if it does not fit. */
bool offer_request(const AppendRequest &request);

/* Leads the store whose table is `events` if nobody does (Leading), else queues up behind its leader (Queued). */
SlotState join_queue(Oid events);

/*
 * Waits until the request is Committed or to Retry, or the session is Leading. May leave the queue and raise an error for
 * an interrupt or a lock_timeout; a look at interrupts that raises none leaves the state Free.
 */
SlotState wait_in_queue();

/* The outcome of a request that is Committed, with the end of its commit record; frees the slot. */
Outcome take_outcome(XLogRecPtr *commit);
void free_slot();

/* For a leader: takes all who wait into its group. */
void take_members();
bool has_members();

/* Executes each member's request and keeps its outcome for it. */
void serve_members(Appender *appender);

bool is_leading();

/* Gives the lead to one of those who wait, or to nobody. */
void pass_lead();

/* Tells the members how their requests ended; each may leave with its slot at once. */
void dismiss_members(SlotState state, XLogRecPtr commit);

/* Asks for shared memory; only while the server starts. */
void install_group_queue();

} // namespace dcb
