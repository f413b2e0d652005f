/*
 * Due commands: appends in the future, each with a condition that has to hold then.
 */
#pragma once

#include "request.hpp"
#include "store.hpp"

namespace dcb {

/* The table <store>.due, locked until the transaction ends. */
struct DueTable
{
	const char *name; /* qualified and quoted */
	Oid owner;
};

/* Others' appends wait while these are executed. */
constexpr int DUE_COMMANDS_PER_TRANSACTION = 100;

/* Error: 55000 when the table is missing, is a strange one, or is not the store owner's. */
DueTable open_due_table(const Store &store);

/*
 * Within the current transaction, with SPI connected: executes up to max_count commands that are due, in the order
 * of their times, and answers how many. Needs `rights` on the event table for the caller; each command is executed
 * with those of the role that scheduled it. Holds the append lock until the transaction ends, unless nothing was
 * due.
 *
 * What is wrong with a command becomes its state. Errors: those of open_store() and open_due_table(), and what is
 * wrong with the server rather than with the command (attempt.hpp), so that it is tried again.
 */
int run_due(Datum store_name, AclMode rights, int max_count);

/* With SPI connected: when is the next pending command due? DT_NOEND: there is none. */
TimestampTz next_due(const Store &store);

} // namespace dcb
