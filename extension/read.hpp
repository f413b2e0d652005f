/*
 * What the functions that read have in common: a store opened for reading, and the arguments of dcb.read.
 */
#pragma once

#include "scan.hpp"

namespace dcb {

/* A store opened for reading with the (registered) snapshot to read it by. */
struct Reading
{
	Store store;
	Snapshot snapshot;
};

/*
 * Opens the store for the current role, to be read by the snapshot of the statement, or by a later one (see read.cpp).
 * Errors: those of open_store; 22004 for a null name.
 */
Reading begin_reading(NullableDatum store, Snapshot statement);
void end_reading(const Reading &reading);

/* When the event at a position was recorded; false if there is none. It is durable then. */
bool find_recorded_at(const Reading &reading, int64 position, TimestampTz *recorded_at);

/* The last position up to which every event is durable already. */
int64 durable_head(const Reading &reading);

/* The arguments of dcb.read by their numbers. */
enum ReadArgument
{
	ARGUMENT_STORE,
	ARGUMENT_QUERY,
	ARGUMENT_AFTER,
	ARGUMENT_MAX_COUNT,
	ARGUMENT_BACKWARDS,
	ARGUMENT_UPTO,
	READ_ARGUMENTS
};

/* What is asked of the store. */
struct ReadRequest
{
	Query query;
	Range range;
	int64 max_count;
};

/* Errors: DCB02 for a null query; 22023 for negative numbers. */
ReadRequest read_request(const NullableDatum *arguments);

} // namespace dcb
