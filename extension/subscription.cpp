/*
 * Invariants.
 * - A partition's events are handed out in order, and what was handed out before is told by one position, the checkpoint.
 *   Positions have no holes that fill later, so nothing else has to be remembered.
 * - Parked events are dealt with: they are left out wherever the checkpoint stands, until they are resolved.
 * - Everything of one look is read by one snapshot.
 */
#include "subscription.hpp"
#include "json.hpp"
#include "side_table.hpp"

namespace dcb {
namespace {

enum SubscriptionColumn
{
	SUBSCRIPTION_NAME,
	SUBSCRIPTION_KIND,
	SUBSCRIPTION_QUERY,
	SUBSCRIPTION_PARTITIONS,
	SUBSCRIPTION_PARTITION_BY,
	SUBSCRIPTION_STATE,
	SUBSCRIPTION_REASON,
	SUBSCRIPTION_CREATED_AT,
	SUBSCRIPTION_COLUMNS
};

enum CheckpointColumn
{
	CHECKPOINT_NAME,
	CHECKPOINT_PARTITION,
	CHECKPOINT_POSITION,
	CHECKPOINT_RECORDED_AT,
	CHECKPOINT_UPDATED_AT,
	CHECKPOINT_CONSUMER,
	CHECKPOINT_LEASE_UNTIL,
	CHECKPOINT_TOKEN,
	CHECKPOINT_FAILURES,
	CHECKPOINT_LAST_ERROR,
	CHECKPOINT_COLUMNS
};

enum ParkedColumn
{
	PARKED_NAME,
	PARKED_POSITION,
	PARKED_PARTITION,
	PARKED_REASON,
	PARKED_ATTEMPTS,
	PARKED_AT,
	PARKED_COLUMNS
};

constexpr Oid SUBSCRIPTION_TYPES[SUBSCRIPTION_COLUMNS] = {TEXTOID, TEXTOID, TEXTOID, INT4OID,
                                                          TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
constexpr Oid CHECKPOINT_TYPES[CHECKPOINT_COLUMNS] = {TEXTOID, INT4OID,        INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
                                                      TEXTOID, TIMESTAMPTZOID, INT8OID, INT4OID,        TEXTOID};
constexpr Oid PARKED_TYPES[PARKED_COLUMNS] = {TEXTOID, INT8OID, INT4OID, TEXTOID, INT4OID, TIMESTAMPTZOID};

constexpr char RIGHTS[] = "Consuming needs SELECT and UPDATE on subscription and checkpoint, and SELECT, INSERT, UPDATE and "
                          "DELETE on subscription_member and parked.";

constexpr SideTableShape SUBSCRIPTIONS = {.name = "subscription", .contents = "subscriptions", .types = SUBSCRIPTION_TYPES,
                                          .columns = SUBSCRIPTION_COLUMNS, .key_columns = 1, .hint = RIGHTS};
constexpr SideTableShape CHECKPOINTS = {.name = "checkpoint", .contents = "checkpoints", .types = CHECKPOINT_TYPES,
                                        .columns = CHECKPOINT_COLUMNS, .key_columns = 2, .hint = RIGHTS};
constexpr SideTableShape PARKED = {.name = "parked", .contents = "parked events", .types = PARKED_TYPES,
                                   .columns = PARKED_COLUMNS, .key_columns = 2, .hint = RIGHTS};

/* A scan of a side table by the given keys. */
struct KeyScan
{
	SideTable table;
	IndexScanDesc scan;
	TupleTableSlot *row;

	bool next() const { return index_getnext_slot(scan, ForwardScanDirection, row); }
	Datum get(int column) const { return required_column(table, row, column); }
	NullableDatum nullable(int column) const
	{
		NullableDatum value;
		value.value = slot_getattr(row, column + 1, &value.isnull);
		return value;
	}
};

KeyScan
begin_key_scan(const Reading &reading, const SideTableShape &shape, ScanKeyData *keys, int key_count)
{
	KeyScan scan{};

	scan.table = open_side_table(reading.store, shape);
	scan.scan = begin_index_scan(scan.table.table, scan.table.key, reading.snapshot, key_count);
	scan.row = table_slot_create(scan.table.table, nullptr);
	index_rescan(scan.scan, keys, key_count, nullptr, 0);
	return scan;
}

void
end_key_scan(const KeyScan &scan)
{
	ExecDropSingleTupleTableSlot(scan.row);
	index_endscan(scan.scan);
	close_side_table(scan.table);
}

/* Texts that outlive the row. */
String
copy(Datum text_datum)
{
	String s = to_string(text_datum);
	return {pnstrdup(s.data, s.length), s.length};
}

/* The stored text of a query, which dcb.create_subscription took from a query: an error here is no user's. */
Query
parse_stored_query(String text)
{
	Datum json = DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(text.data, text.length)));
	return parse_query(&DatumGetJsonbP(json)->root);
}

[[noreturn]] void
unknown(const Reading &reading, const char *name)
{
	ereport(ERROR, (errcode(UNKNOWN_SUBSCRIPTION),
	                errmsg("subscription \"%s\" of store \"%s\" does not exist", name, reading.store.name),
	                errhint("Create it with dcb.create_subscription, or look at dcb.subscriptions('%s').", reading.store.name)));
	pg_unreachable();
}

void
load_definition(const Reading &reading, Subscription &subscription, Datum name)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_TEXTEQ, name);
	KeyScan scan = begin_key_scan(reading, SUBSCRIPTIONS, &key, 1);
	if (!scan.next())
		unknown(reading, subscription.name);
	subscription.query = parse_stored_query(copy(scan.get(SUBSCRIPTION_QUERY)));
	subscription.share.partitions = DatumGetInt32(scan.get(SUBSCRIPTION_PARTITIONS));
	if (NullableDatum by = scan.nullable(SUBSCRIPTION_PARTITION_BY); !by.isnull)
		subscription.share.by = copy(by.value);
	subscription.active = equals(to_string(scan.get(SUBSCRIPTION_STATE)), "active");
	end_key_scan(scan);
}

void
load_checkpoint(const Reading &reading, Subscription &subscription, Datum name)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_TEXTEQ, name);
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(subscription.share.partition));
	KeyScan scan = begin_key_scan(reading, CHECKPOINTS, keys, 2);
	if (!scan.next())
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("subscription \"%s\" has no partition %d", subscription.name, subscription.share.partition),
		                errdetail("It has partitions 0 to %d.", subscription.share.partitions - 1),
		                errhint("Consume the partitions that dcb.claim answers.")));
	subscription.position = DatumGetInt64(scan.get(CHECKPOINT_POSITION));
	subscription.recorded_at = scan.nullable(CHECKPOINT_RECORDED_AT);
	subscription.token = DatumGetInt64(scan.get(CHECKPOINT_TOKEN));
	if (NullableDatum consumer = scan.nullable(CHECKPOINT_CONSUMER); !consumer.isnull)
		subscription.consumer = copy(consumer.value).data;
	end_key_scan(scan);
}

uint64
stable_hash(String s)
{
	uint64 hash = 0xcbf29ce484222325; /* FNV-1a, */

	for (int i = 0; i < s.length; ++i)
		hash = (hash ^ static_cast<uint8>(s.data[i])) * 0x100000001b3;
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd; /* mixed, since it is reduced to a few of its bits */
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
	return hash ^ hash >> 33;
}

} // namespace

int
partition_of(StringSet tags, String by, int partitions)
{
	const String *first = nullptr;

	for (const String &tag : tags)
		if (tag.length > by.length && tag.data[by.length] == ':' && std::memcmp(tag.data, by.data, by.length) == 0 &&
		    (first == nullptr || tag < *first))
			first = &tag;
	if (first == nullptr)
		return 0;
	return static_cast<int>(stable_hash({first->data + by.length + 1, first->length - by.length - 1}) % partitions);
}

Subscription
load_subscription(const Reading &reading, NullableDatum name, NullableDatum partition)
{
	Subscription subscription{};

	if (name.isnull)
		null_argument("name");
	if (partition.isnull)
		null_argument("partition");
	subscription.name = text_to_cstring(DatumGetTextPP(name.value));
	subscription.share.partition = DatumGetInt32(partition.value);
	load_definition(reading, subscription, name.value);
	load_checkpoint(reading, subscription, name.value);
	subscription.query.start_after(subscription.position, subscription.position);
	return subscription;
}

void
check_token(const Subscription &subscription, int64 token)
{
	if (subscription.token == token)
		return;

	const char *detail = "Nobody holds it now.";
	if (subscription.consumer != nullptr)
		detail = psprintf("It is consumer \"%s\" who holds it now, with another token.", subscription.consumer);
	ereport(ERROR, (errcode(SUBSCRIPTION_TAKEN_OVER),
	                errmsg("partition %d of subscription \"%s\" was taken over", subscription.share.partition,
	                       subscription.name),
	                errdetail("%s", detail), errhint("Roll back, and claim it again.")));
}

void
check_history(const Reading &reading, int64 position, NullableDatum recorded_at)
{
	TimestampTz found;
	const char *detail = nullptr;

	if (position == 0)
		return;
	if (!find_recorded_at(reading, position, &found))
		detail = psprintf("There is no event at position " INT64_FORMAT "; the last one has position " INT64_FORMAT ".", position,
		                  read_head(reading.store, reading.snapshot).position);
	else if (recorded_at.isnull || DatumGetTimestampTz(recorded_at.value) != found)
		detail = psprintf("The event at position " INT64_FORMAT " is another one than then.", position);
	if (detail != nullptr)
		ereport(ERROR, (errcode(OTHER_HISTORY), errmsg("a checkpoint is not of this history of store \"%s\"", reading.store.name),
		                errdetail("%s", detail),
		                errhint("Events were lost, as in a restore or a failover. Find out which of their effects are left, and go on "
		                        "from an earlier position with dcb.rewind.")));
}

struct PendingScan
{
	EventScan *events;
	Share share;
	MemoryContext row_context;
	KeyScan parked;
	int64 parked_position; /* the first one at or after the last event; PG_INT64_MAX: there is none */
};

static void
next_parked(PendingScan *scan)
{
	scan->parked_position = scan->parked.next() ? DatumGetInt64(scan->parked.get(PARKED_POSITION)) : PG_INT64_MAX;
}

PendingScan *
begin_pending_scan(const Reading &reading, const Subscription &subscription, int64 upto)
{
	auto *scan = static_cast<PendingScan *>(palloc0(sizeof(PendingScan)));
	ScanKeyData keys[2];

	scan->events = begin_event_scan(reading.store, subscription.query, reading.snapshot, {.upto = upto});
	scan->share = subscription.share;
	scan->row_context = AllocSetContextCreate(CurrentMemoryContext, "dcb pending row", ALLOCSET_DEFAULT_SIZES);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_TEXTEQ, PointerGetDatum(cstring_to_text(subscription.name)));
	ScanKeyInit(&keys[1], 2, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(subscription.position));
	scan->parked = begin_key_scan(reading, PARKED, keys, 2);
	next_parked(scan);
	return scan;
}

static bool
is_of_share(PendingScan *scan, TupleTableSlot *row)
{
	if (scan->share.partitions == 1)
		return true;
	MemoryContextReset(scan->row_context);
	MemoryContext caller = MemoryContextSwitchTo(scan->row_context);
	int partition = partition_of(event_tags(row), scan->share.by, scan->share.partitions);
	MemoryContextSwitchTo(caller);
	return partition == scan->share.partition;
}

TupleTableSlot *
next_pending(PendingScan *scan)
{
	while (TupleTableSlot *row = next_event(scan->events))
	{
		int64 position = event_position(row);

		while (scan->parked_position < position)
			next_parked(scan);
		if (scan->parked_position != position && is_of_share(scan, row))
			return row;
	}
	return nullptr;
}

void
end_pending_scan(PendingScan *scan)
{
	end_event_scan(scan->events);
	end_key_scan(scan->parked);
	MemoryContextDelete(scan->row_context);
}

} // namespace dcb
