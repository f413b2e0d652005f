/*
 * SQL functions that read subscriptions.
 */
#include "durability.hpp"
#include "subscription.hpp"

namespace dcb {
namespace {

int64
count_argument(NullableDatum argument, const char *name)
{
	if (argument.isnull)
		null_argument(name);
	if (DatumGetInt64(argument.value) < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" must be positive", name),
		                errdetail("It is " INT64_FORMAT ".", DatumGetInt64(argument.value)),
		                errhint("Leave it out to get its default.")));
	return DatumGetInt64(argument.value);
}

/* A row without an event: everything up to the position has been looked at. */
void
put_end(ReturnSetInfo *result, int64 position)
{
	Datum values[EVENT_COLUMNS]{};
	bool nulls[EVENT_COLUMNS];

	std::fill_n(nulls, EVENT_COLUMNS, true);
	values[COLUMN_POSITION] = Int64GetDatum(position);
	nulls[COLUMN_POSITION] = false;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

enum PollArgument
{
	POLL_STORE,
	POLL_NAME,
	POLL_TOKEN,
	POLL_PARTITION,
	POLL_MAX_COUNT
};

} // namespace

/*
 * dcb.poll(store, name, token, partition, max_count) → the next pending events, all durable. If they are fewer than max_count,
 * a last row with nothing but a position says how far the log has been looked through, if that is further than the checkpoint.
 * Nothing while the subscription is paused or stopped. Errors: DCB11, DCB12, DCB13; those of open_store; 25006 on a standby.
 */
DCB_FUNCTION(dcb_poll)
{
	if (PG_ARGISNULL(POLL_TOKEN))
		null_argument("token");
	NullableDatum max_count = fcinfo->args[POLL_MAX_COUNT];
	int64 remaining = count_argument({Int64GetDatum(DatumGetInt32(max_count.value)), max_count.isnull}, "max_count");

	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("cannot consume a subscription on a standby"),
		                errdetail("Its checkpoint and its lease can only be written on the primary."),
		                errhint("A reader with a checkpoint of its own can use dcb.read and dcb.wait_for_query here.")));
	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	Reading reading = begin_reading(fcinfo->args[POLL_STORE], GetActiveSnapshot());
	Subscription subscription = load_subscription(reading, fcinfo->args[POLL_NAME], fcinfo->args[POLL_PARTITION]);

	check_token(subscription, PG_GETARG_INT64(POLL_TOKEN));
	if (subscription.active)
	{
		check_history(reading, subscription.position, subscription.recorded_at);

		PendingScan *scan = begin_pending_scan(reading, subscription, PG_INT64_MAX);
		TransactionId last_writer = InvalidTransactionId;
		int64 reached = subscription.position;
		for (TupleTableSlot *row; remaining > 0 && (row = next_pending(scan)) != nullptr; --remaining)
		{
			last_writer = writer_of(row);
			reached = event_position(row);
			tuplestore_puttupleslot(result->setResult, row);
		}
		end_pending_scan(scan);
		make_durable(last_writer);
		if (remaining > 0)
			if (int64 end = durable_head(reading); end > reached)
				put_end(result, end);
	}
	end_reading(reading);
	return Datum{0};
}

/*
 * dcb.require_subscription(store, name, partition, token) → void: for functions that change subscriptions, once they know that
 * something is wrong, or to begin with. Errors: DCB13; DCB11 if there is a token and it is not the current one.
 */
DCB_FUNCTION(dcb_require_subscription)
{
	Reading reading = begin_reading(fcinfo->args[0], GetActiveSnapshot());
	Subscription subscription = load_subscription(reading, fcinfo->args[1], fcinfo->args[2]);

	if (!PG_ARGISNULL(3))
		check_token(subscription, PG_GETARG_INT64(3));
	end_reading(reading);
	PG_RETURN_VOID();
}

/* dcb.require_event(store, position, recorded_at) → void. Error: DCB12 unless that event is at the position. */
DCB_FUNCTION(dcb_require_event)
{
	Reading reading = begin_reading(fcinfo->args[0], GetActiveSnapshot());

	if (PG_ARGISNULL(1))
		null_argument("position");
	check_history(reading, PG_GETARG_INT64(1), fcinfo->args[2]);
	end_reading(reading);
	PG_RETURN_VOID();
}

/*
 * dcb.pending(store, name, partition, max_count) → how many events are pending, counted up to max_count, and when the first of
 * them was recorded.
 */
DCB_FUNCTION(dcb_pending)
{
	int64 max_count = count_argument(fcinfo->args[3], "max_count");
	Reading reading = begin_reading(fcinfo->args[0], GetActiveSnapshot());
	PendingScan *scan = begin_pending_scan(reading, load_subscription(reading, fcinfo->args[1], fcinfo->args[2]), PG_INT64_MAX);
	int64 count = 0;
	TimestampTz since = 0;

	for (TupleTableSlot *row; count < max_count && (row = next_pending(scan)) != nullptr; ++count)
		if (count == 0)
			since = event_recorded_at(row);
	end_pending_scan(scan);
	end_reading(reading);

	TupleDesc description;
	if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "dcb.pending has to return a row");
	Datum values[2] = {Int64GetDatum(count), TimestampTzGetDatum(since)};
	bool nulls[2] = {false, count == 0};
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

/* dcb.partition_of(tags, partition_by, partitions) → the partition that an event with these tags belongs to. */
DCB_FUNCTION(dcb_partition_of)
{
	int partitions = PG_GETARG_INT32(2);

	if (partitions < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"partitions\" must be positive")));
	StringSet tags = to_strings(PG_GETARG_ARRAYTYPE_P(0));
	for (String tag : tags)
		if (tag.data == nullptr)
			null_argument("tags");
	PG_RETURN_INT32(partition_of(tags, to_string(PG_GETARG_DATUM(1)), partitions));
}

} // namespace dcb
