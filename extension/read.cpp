/*
 * Reading: dcb.read and its small relatives. In FROM, dcb.read is not called but planned: see read_scan.cpp.
 *
 * Reads take no lock that an append waits for, and wait for none. Since commit order is position order, what a snapshot
 * sees of a store is a prefix of it: position 7 visible means 1 to 6 visible. All functions of one statement share its
 * snapshot, so that dcb.head answers for the rows that dcb.read returned beside it.
 *
 * One caller sees more than its snapshot: a REPEATABLE READ or SERIALIZABLE transaction that has appended itself. Its
 * own events may come after some of others that its snapshot does not know; it would read a log with a hole. It holds
 * the append lock, hence the log cannot move, and it reads the log as it is.
 */
#include "read.hpp"
#include "durability.hpp"

namespace dcb {
namespace {

Reading
begin_call(FunctionCallInfo fcinfo)
{
	return begin_reading(fcinfo->args[ARGUMENT_STORE], GetActiveSnapshot());
}

Query
query_argument(NullableDatum argument)
{
	if (argument.isnull)
		ereport(ERROR, (errcode(INVALID_QUERY), errmsg("invalid event query"), errdetail("The query is null."),
		                errhint("Use dcb.all() to match every event.")));
	return decode(argument.value);
}

int64
natural_argument(NullableDatum argument, const char *name, int64 if_null)
{
	int64 value = argument.isnull ? if_null : DatumGetInt64(argument.value);

	if (value < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" must not be negative", name),
		                errdetail("It is " INT64_FORMAT ".", value), errhint("Positions start at 1; 0 is before the first.")));
	return value;
}

/* Visits the matching events until visit(row) answers false; those visited are durable at the end. */
template <class Visit>
void
for_each_event(const Reading &reading, const Query &query, Range range, Visit visit)
{
	EventScan *scan = begin_event_scan(reading.store, query, reading.snapshot, range);
	TransactionId last_writer = InvalidTransactionId; /* of the greatest position */
	bool first = true;
	bool more = true;

	for (TupleTableSlot *row; more && (row = next_event(scan)) != nullptr; first = false)
	{
		if (first || !range.backwards)
			last_writer = writer_of(row);
		more = visit(row);
	}
	end_event_scan(scan);
	make_durable(last_writer);
}

/* The position of the newest event that is wanted, 0 when there is none. */
template <class IsWanted>
int64
newest_event(const Reading &reading, IsWanted is_wanted)
{
	QueryItem everything{};

	for (int64 after : {near_head(), int64{0}})
	{
		EventScan *scan = begin_event_scan(reading.store, {&everything, 1}, reading.snapshot, {.after = after, .backwards = true});
		int64 position = 0;

		while (TupleTableSlot *row = next_event(scan))
			if (is_wanted(row))
			{
				position = event_position(row);
				break;
			}
		end_event_scan(scan);
		if (position > 0)
		{
			remember_head(position);
			return position;
		}
	}
	return 0;
}

} // namespace

Reading
begin_reading(NullableDatum name, Snapshot statement)
{
	if (name.isnull)
		null_argument("store");

	Store store = open_store(name.value, AccessShareLock, ACL_SELECT);
	Snapshot snapshot = statement;

	if (IsolationUsesXactSnapshot() && append_lock_is_mine(store))
	{
		/* Of our own events only those that the statement, or the cursor, found. */
		snapshot = GetLatestSnapshot();
		snapshot->curcid = statement->curcid;
	}
	return {store, RegisterSnapshot(snapshot)};
}

void
end_reading(const Reading &reading)
{
	UnregisterSnapshot(reading.snapshot);
	close_store(reading.store);
}

bool
find_recorded_at(const Reading &reading, int64 position, TimestampTz *recorded_at)
{
	QueryItem everything{};
	bool found = false;

	if (position > 0)
		for_each_event(reading, {&everything, 1}, {.after = position - 1, .upto = position}, [&](TupleTableSlot *row) {
			*recorded_at = event_recorded_at(row);
			found = true;
			return false;
		});
	return found;
}

int64
durable_head(const Reading &reading)
{
	return newest_event(reading, [](TupleTableSlot *row) { return is_durable(writer_of(row)); });
}

ReadRequest
read_request(const NullableDatum *arguments)
{
	NullableDatum backwards = arguments[ARGUMENT_BACKWARDS];

	return {.query = query_argument(arguments[ARGUMENT_QUERY]),
	        .range = {.after = natural_argument(arguments[ARGUMENT_AFTER], "after", 0),
	                  .upto = natural_argument(arguments[ARGUMENT_UPTO], "upto", PG_INT64_MAX),
	                  .backwards = !backwards.isnull && DatumGetBool(backwards.value)},
	        .max_count = natural_argument(arguments[ARGUMENT_MAX_COUNT], "max_count", PG_INT64_MAX)};
}

/*
 * dcb.read(store, query, after, max_count, backwards, upto) → events in position order.
 * Errors: those of open_store; DCB02; 22023 for negative numbers.
 */
DCB_FUNCTION(dcb_read)
{
	ReadRequest request = read_request(fcinfo->args);

	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	Reading reading = begin_call(fcinfo);

	if (request.max_count > 0)
		for_each_event(reading, request.query, request.range, [&](TupleTableSlot *row) {
			tuplestore_puttupleslot(result->setResult, row);
			return --request.max_count > 0;
		});
	end_reading(reading);
	return Datum{0};
}

/* dcb.head(store) → position of the last event, 0 when there is none. */
DCB_FUNCTION(dcb_head)
{
	Reading reading = begin_call(fcinfo);
	TransactionId writer = InvalidTransactionId;
	int64 position = newest_event(reading, [&](TupleTableSlot *row) {
		writer = writer_of(row);
		return true;
	});

	make_durable(writer);
	end_reading(reading);
	PG_RETURN_INT64(position);
}

/*
 * dcb.watermark(store) → a position up to which every event is visible and durable, without waiting for a flush: at most
 * a few commits behind the head. With what dcb.read returns beside it in one statement, the greater of the two is the
 * `after` of a decision's condition.
 */
DCB_FUNCTION(dcb_watermark)
{
	Reading reading = begin_call(fcinfo);
	int64 position = durable_head(reading);

	end_reading(reading);
	PG_RETURN_INT64(position);
}

/* dcb.recorded_at(store, position) → when the event at that position was recorded, null if there is none. */
DCB_FUNCTION(dcb_recorded_at)
{
	int64 position = natural_argument(fcinfo->args[1], "position", 0);
	Reading reading = begin_call(fcinfo);
	TimestampTz recorded_at;
	bool found = find_recorded_at(reading, position, &recorded_at);

	end_reading(reading);
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(recorded_at);
}

/* dcb.exists(store, query, after) → is there a matching event after that position? */
DCB_FUNCTION(dcb_exists)
{
	Query query = query_argument(fcinfo->args[1]);
	Range range{.after = natural_argument(fcinfo->args[2], "after", 0)};
	Reading reading = begin_call(fcinfo);
	bool found = false;

	for_each_event(reading, query, range, [&](TupleTableSlot *) {
		found = true;
		return false;
	});
	end_reading(reading);
	PG_RETURN_BOOL(found);
}

/* dcb.count(store, query, after) → how many matching events there are after that position. */
DCB_FUNCTION(dcb_count)
{
	Query query = query_argument(fcinfo->args[1]);
	Range range{.after = natural_argument(fcinfo->args[2], "after", 0)};
	Reading reading = begin_call(fcinfo);
	int64 count = 0;

	for_each_event(reading, query, range, [&](TupleTableSlot *) {
		++count;
		return true;
	});
	end_reading(reading);
	PG_RETURN_INT64(count);
}

/* dcb.last(store, query) → position of the last matching event, null when there is none. */
DCB_FUNCTION(dcb_last)
{
	Query query = query_argument(fcinfo->args[1]);
	Reading reading = begin_call(fcinfo);
	int64 position = 0;

	for_each_event(reading, query, {.backwards = true}, [&](TupleTableSlot *row) {
		position = event_position(row);
		return false;
	});
	end_reading(reading);
	if (position == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(position);
}

/*
 * dcb.position_at(store, time) → the last position recorded at that time or before, 0 when there is none. By bisection:
 * recorded_at never decreases along positions.
 */
DCB_FUNCTION(dcb_position_at)
{
	if (PG_ARGISNULL(1))
		null_argument("time");

	TimestampTz time = PG_GETARG_TIMESTAMPTZ(1);
	Reading reading = begin_call(fcinfo);
	QueryItem everything{};
	int64 low = 0; /* recorded in time, or 0 */
	int64 high = read_head(reading.store, reading.snapshot).position + 1; /* recorded later, or past the head */

	while (high - low > 1)
	{
		int64 middle = low + (high - low) / 2;
		bool in_time = false;

		for_each_event(reading, {&everything, 1}, {.after = middle - 1, .upto = middle}, [&](TupleTableSlot *row) {
			in_time = event_recorded_at(row) <= time;
			return false;
		});
		(in_time ? low : high) = middle;
	}
	end_reading(reading);
	PG_RETURN_INT64(low);
}

} // namespace dcb
