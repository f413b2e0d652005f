/*
 * Procedures that wait: for events of a subscription or a query, for a position.
 *
 * A function would hold its snapshot while it waits, and with it vacuum. So these are procedures: each look is a transaction
 * of its own, and in between there is neither snapshot nor lock. CALL is refused where that cannot be had, in a transaction
 * block or a function.
 *
 * Commits wake them (wake.cpp). They look every LOOK_INTERVAL nevertheless: for what nobody announces, as COMMIT PREPARED.
 * Where nobody announces anything, without shared memory or on a standby, they look more and more seldom, from FIRST_PAUSE to
 * LAST_PAUSE apart.
 */
#include "durability.hpp"
#include "procedure.hpp"
#include "subscription.hpp"
#include "wake.hpp"

extern "C" {
#include "storage/latch.h"
#include "tcop/pquery.h"
#include "utils/wait_event.h"
}

namespace dcb {
namespace {

/* Milliseconds. */
constexpr int64 LOOK_INTERVAL = 5000;
constexpr int64 FIRST_PAUSE = 10;
constexpr int64 LAST_PAUSE = 500;

void
check_own_transaction(FunctionCallInfo fcinfo, const char *name)
{
	if (!is_own_transaction(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
		                errmsg("%s cannot be called in a transaction block or a function, or after a write", name),
		                errdetail("It waits without a snapshot, so that it holds up nobody and sees what others commit."),
		                errhint("Commit before, and call it on its own.")));
}

TimestampTz
deadline_argument(NullableDatum timeout)
{
	if (timeout.isnull)
		null_argument("timeout");

	TimestampTz now = GetCurrentTimestamp();
	TimestampTz deadline =
		DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now), timeout.value));
	if (deadline < now)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"timeout\" must not be negative"),
		                errhint("With 0 it looks once.")));
	return deadline;
}

void
sleep_until_woken(int64 milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, static_cast<long>(milliseconds),
	                 PG_WAIT_EXTENSION);
	CHECK_FOR_INTERRUPTS();
}

/*
 * Calls look(filter) until it answers true, or the time is up: in a transaction of its own, with a new snapshot. The filter
 * that it fills is of what may change its answer. Who knows it before need not look a second time before the first sleep.
 */
template <class Look>
bool
wait_until(TimestampTz deadline, const WakeFilter *known, Look look)
{
	SPI_connect_ext(SPI_OPT_NONATOMIC);

	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dcb wait", ALLOCSET_DEFAULT_SIZES);
	WakeFilter awaited = known != nullptr ? *known : WakeFilter{};
	bool registered = known != nullptr && start_waiting(awaited);
	int64 pause = FIRST_PAUSE;
	bool done;

	SPI_commit();
	for (;;)
	{
		WakeFilter filter{};

		ResetLatch(MyLatch);
		EnsurePortalSnapshotExists();
		MemoryContext caller = MemoryContextSwitchTo(context);
		done = look(&filter);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		SPI_commit();

		int64 left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		if (done || left == 0)
			break;
		/* What came between the look and now wakes nobody: it looks once more before it sleeps. */
		if ((!registered || !(filter == awaited)) && start_waiting(filter))
		{
			registered = true;
			awaited = filter;
			continue;
		}
		sleep_until_woken(std::min(left, registered ? LOOK_INTERVAL : pause));
		pause = std::min(pause * 2, LAST_PAUSE);
	}
	stop_waiting();
	SPI_finish();
	return done;
}

/*
 * How far nothing was found: no look goes that way again. The head is read from the second look in vain on, since most
 * waits have one.
 */
struct Seen
{
	int64 upto = 0;
	bool looked = false;

	void note(const Reading &reading, bool found)
	{
		if (looked && !found)
			upto = read_head(reading.store, reading.snapshot).position;
		looked = true;
	}
};

bool
has_pending(const Reading &reading, const Subscription &subscription, int64 upto)
{
	PendingScan *scan = begin_pending_scan(reading, subscription, upto);
	TupleTableSlot *event = next_pending(scan);
	bool found = event != nullptr;

	if (found)
		make_durable(writer_of(event));
	end_pending_scan(scan);
	return found;
}

bool
has_match(const Reading &reading, const Query &query)
{
	EventScan *scan = begin_event_scan(reading.store, query, reading.snapshot, {});
	TupleTableSlot *event = next_event(scan);
	bool found = event != nullptr;

	if (found)
		make_durable(writer_of(event));
	end_event_scan(scan);
	return found;
}

Reading
begin_look(NullableDatum store, WakeFilter *filter)
{
	Reading reading = begin_reading(store, GetActiveSnapshot());

	filter->events = RelationGetRelid(reading.store.events);
	return reading;
}

/* Are the events up to the position dealt with, as far as they match, by all partitions? */
bool
has_reached(const Reading &reading, NullableDatum name, int64 position, WakeFilter *filter)
{
	int partitions = 1;

	for (int i = 0; i < partitions; ++i)
	{
		Subscription subscription = load_subscription(reading, name, {Int32GetDatum(i), false});

		if (i == 0)
			filter->add(Topic::Checkpoint, to_string(subscription.name));
		partitions = subscription.share.partitions;
		if (subscription.position < position && has_pending(reading, subscription, position))
			return false;
	}
	return true;
}

} // namespace

/*
 * CALL dcb.wait_for_events(store, name, timeout, partition, INOUT found): until the partition has an event that is pending and
 * durable. Nothing is found while the subscription is paused or stopped. Errors: 25001 where it cannot wait; DCB12, DCB13.
 */
DCB_FUNCTION(dcb_wait_for_events)
{
	check_own_transaction(fcinfo, "dcb.wait_for_events");

	TupleDesc description = result_row(fcinfo);
	int64 checkpoint = 0;
	Seen seen;
	bool found = wait_until(deadline_argument(fcinfo->args[2]), nullptr, [&](WakeFilter *filter) {
		Reading reading = begin_look(fcinfo->args[0], filter);
		Subscription subscription = load_subscription(reading, fcinfo->args[1], fcinfo->args[3]);
		bool pending = false;

		filter->add(Topic::Subscription, to_string(subscription.name));
		filter->add(subscription.query);
		if (subscription.active)
		{
			check_history(reading, subscription.position, subscription.recorded_at);
			if (subscription.position != checkpoint)
				seen = {};
			checkpoint = subscription.position;
			subscription.query.start_after(checkpoint, seen.upto);
			pending = has_pending(reading, subscription, PG_INT64_MAX);
			seen.note(reading, pending);
		}
		end_reading(reading);
		return pending;
	});
	return make_row(description, BoolGetDatum(found));
}

/* CALL dcb.wait_for_query(store, query, after, timeout, INOUT found): until a durable event after the position matches. */
DCB_FUNCTION(dcb_wait_for_query)
{
	check_own_transaction(fcinfo, "dcb.wait_for_query");

	TupleDesc description = result_row(fcinfo);
	NullableDatum arguments[READ_ARGUMENTS];
	std::fill_n(arguments, READ_ARGUMENTS, NullableDatum{0, true});
	std::copy_n(fcinfo->args, ARGUMENT_AFTER + 1, arguments);
	ReadRequest request = read_request(arguments);
	WakeFilter known{};
	known.events = PG_ARGISNULL(0) ? InvalidOid : find_event_table(fcinfo->args[0].value);
	known.add(request.query);
	Seen seen;
	bool found = wait_until(deadline_argument(fcinfo->args[3]), OidIsValid(known.events) ? &known : nullptr, [&](WakeFilter *filter) {
		Reading reading = begin_look(fcinfo->args[0], filter);
		Query query = decode(fcinfo->args[1].value);

		filter->add(query);
		query.start_after(request.range.after, seen.upto);
		bool matched = has_match(reading, query);
		seen.note(reading, matched);
		end_reading(reading);
		return matched;
	});
	return make_row(description, BoolGetDatum(found));
}

/*
 * CALL dcb.wait_for(store, position, timeout, name, INOUT reached): until the event at the position is there and durable (on a
 * standby: replayed), and the subscription of that name, if there is a name, has dealt with it.
 */
DCB_FUNCTION(dcb_wait_for)
{
	check_own_transaction(fcinfo, "dcb.wait_for");
	if (PG_ARGISNULL(1))
		null_argument("position");

	TupleDesc description = result_row(fcinfo);
	int64 position = PG_GETARG_INT64(1);
	bool reached = wait_until(deadline_argument(fcinfo->args[2]), nullptr, [&](WakeFilter *filter) {
		Reading reading = begin_look(fcinfo->args[0], filter);
		TimestampTz recorded_at;
		bool there = position <= 0 || find_recorded_at(reading, position, &recorded_at);

		filter->everything = !there;
		bool dealt_with = there && (PG_ARGISNULL(3) || has_reached(reading, fcinfo->args[3], position, filter));
		end_reading(reading);
		return dealt_with;
	});
	return make_row(description, BoolGetDatum(reached));
}

/* dcb.announce(store, name, moved) → void: wakes who waits for that subscription, once the transaction has committed. */
DCB_FUNCTION(dcb_announce)
{
	Oid events = find_event_table(PG_GETARG_DATUM(0));
	bool moved = PG_GETARG_BOOL(2);

	if (OidIsValid(events))
		announce(events, moved ? Topic::Checkpoint : Topic::Subscription, to_string(PG_GETARG_DATUM(1)));
	PG_RETURN_VOID();
}

} // namespace dcb
