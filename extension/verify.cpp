/*
 * dcb.verify: does a store keep its promises?
 *
 * Under one snapshot, against the table's rows as they lie there:
 *
 * - Events: type and tags within the limits, tags sorted and without duplicates.
 * - Position index: positions from 1 to the head without gaps, times that never decrease, as many rows as the table has.
 * - Tag index: entries strictly ascending, one for each that the rows ask for, and no other that leads to a row.
 *
 * The index is in no order of the table's. To fetch the row of each entry takes a random access to the table for each,
 * which does not end in time once the table is larger than the memory. So what the rows ask for is sorted as the index
 * is, and both are read side by side. Only what is in one and not in the other is looked at by itself.
 *
 * Entries of rows that the snapshot does not see belong to appends that were rolled back or came later, and wait for
 * VACUUM if anything; but they have to point at a row that VACUUM has not removed. That is told without a lock against
 * VACUUM: an index scan that asks for the entries themselves keeps its page pinned, and VACUUM, before it makes room in
 * the table, has to get past that pin.
 *
 * Contents that were changed by a superuser, with types, tags and positions as they have to be, do not show.
 */
#include "entry_sort.hpp"
#include "read.hpp"

namespace dcb {
namespace {

constexpr int64 MAX_PROBLEMS = 1000;
constexpr int64 STEPS_BETWEEN_LOOKS = 4096; /* at the clock */
constexpr int64 SECONDS_BETWEEN_NOTICES = 10;

struct Verification
{
	Reading reading;
	ReturnSetInfo *result;
	MemoryContext row_context; /* emptied for every row or entry */
	int64 problems;
	int64 rows;  /* of the table */
	int64 steps; /* of the part that runs */
	TimestampTz last_notice;
};

void
report(Verification &v, const char *problem, int64 position, const char *detail)
{
	if (v.problems > MAX_PROBLEMS)
		return;
	if (++v.problems > MAX_PROBLEMS)
	{
		problem = "more";
		position = 0;
		detail = "There are more problems than these.";
	}

	Datum values[3] = {CStringGetTextDatum(problem), Int64GetDatum(position), CStringGetTextDatum(detail)};
	bool nulls[3] = {false, position == 0, false};
	tuplestore_putvalues(v.result->setResult, v.result->setDesc, values, nulls);
}

/* To be called for each row or entry. A long verification says now and then that it goes on. */
void
step(Verification &v, const char *part)
{
	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(v.row_context);
	if (++v.steps % STEPS_BETWEEN_LOOKS != 0)
		return;
	if (TimestampTz now = GetCurrentTimestamp(); now - v.last_notice > SECONDS_BETWEEN_NOTICES * USECS_PER_SEC)
	{
		ereport(NOTICE, (errmsg("verifying store \"%s\": " INT64_FORMAT " %s", v.reading.store.name, v.steps, part)));
		v.last_notice = now;
	}
}

/* The hashes under which the tag index has to have a row, ascending. */
struct Hashes
{
	int64 *items;
	int count;

	bool contains(int64 hash) const
	{
		return std::binary_search(items, items + count, hash);
	}
};

Hashes
hashes_of(TupleTableSlot *row)
{
	StringSet tags = event_tags(row);
	Hashes hashes{static_cast<int64 *>(palloc(sizeof(int64) * (tags.count + 1))), 0};

	for (String tag : tags)
		if (tag.data != nullptr)
			hashes.items[hashes.count++] = tag_hash(tag);
	hashes.items[hashes.count++] = type_hash(type_bits(event_type(row)));
	std::sort(hashes.items, hashes.items + hashes.count);
	hashes.count = static_cast<int>(std::unique(hashes.items, hashes.items + hashes.count) - hashes.items);
	return hashes;
}

int64
key_of(TupleTableSlot *row)
{
	return index_key(event_position(row), type_bits(event_type(row)));
}

void
check_event(Verification &v, TupleTableSlot *row)
{
	int64 position = event_position(row);
	String type = event_type(row);
	StringSet tags = event_tags(row);

	if (type.length < 1 || type.length > MAX_TYPE_BYTES)
		report(v, "event", position, psprintf("The type has %d bytes.", type.length));
	if (tags.count > MAX_TAGS_PER_EVENT)
		report(v, "event", position, psprintf("There are %d tags.", tags.count));
	for (int i = 0; i < tags.count; ++i)
	{
		String tag = tags.items[i];

		if (tag.data == nullptr)
			report(v, "event", position, psprintf("Tag %d is null.", i + 1));
		else if (tag.length < 1 || tag.length > MAX_TAG_BYTES)
			report(v, "event", position, psprintf("Tag %d has %d bytes.", i + 1, tag.length));
		else if (i > 0 && tags.items[i - 1].data != nullptr && !(tags.items[i - 1] < tag))
			report(v, "event", position, psprintf("Tag %d does not come after the one before it.", i + 1));
	}
}

/* Calls visit(row) for all rows of the table, in no order. */
template <class Visit>
void
for_each_row(Verification &v, Visit visit)
{
	Relation table = v.reading.store.events;
	TableScanDesc scan = table_beginscan(table, v.reading.snapshot, 0, nullptr);
	TupleTableSlot *row = table_slot_create(table, nullptr);

	v.steps = 0;
	while (table_scan_getnextslot(scan, ForwardScanDirection, row))
	{
		step(v, "rows of the table");
		MemoryContext caller = MemoryContextSwitchTo(v.row_context);
		visit(row);
		MemoryContextSwitchTo(caller);
	}
	ExecDropSingleTupleTableSlot(row);
	table_endscan(scan);
}

void
check_positions(Verification &v)
{
	const Store &store = v.reading.store;
	IndexScanDesc scan = begin_index_scan(store.events, store.positions, v.reading.snapshot, 0);
	TupleTableSlot *row = table_slot_create(store.events, nullptr);
	int64 rows = 0;
	int64 last = 0;
	TimestampTz last_time = PG_INT64_MIN;

	v.steps = 0;
	index_rescan(scan, nullptr, 0, nullptr, 0);
	while (index_getnext_slot(scan, ForwardScanDirection, row))
	{
		int64 position = event_position(row);
		TimestampTz time = event_recorded_at(row);

		step(v, "entries of the position index");
		MemoryContext caller = MemoryContextSwitchTo(v.row_context);
		if (position != last + 1)
			report(v, "gap", position, psprintf("It comes next after position " INT64_FORMAT ".", last));
		if (time < last_time)
			report(v, "time", position, "It was recorded earlier than the event before it.");
		MemoryContextSwitchTo(caller);
		last = position;
		last_time = time;
		++rows;
	}
	if (rows != v.rows)
		report(v, "position index", 0,
		       psprintf("It leads to " INT64_FORMAT " rows, but the table has " INT64_FORMAT ".", rows, v.rows));
	ExecDropSingleTupleTableSlot(row);
	index_endscan(scan);
}

/* Has VACUUM removed the row while an index still has an entry for it? */
bool
is_removed(Relation table, ItemPointer row)
{
	if (ItemPointerGetBlockNumber(row) >= RelationGetNumberOfBlocks(table))
		return true;

	Buffer buffer = ReadBuffer(table, ItemPointerGetBlockNumber(row));
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	Page page = BufferGetPage(buffer);
	OffsetNumber number = ItemPointerGetOffsetNumber(row);
	bool removed = number > PageGetMaxOffsetNumber(page) || !ItemIdIsUsed(PageGetItemId(page, number));
	UnlockReleaseBuffer(buffer);
	return removed;
}

/* An entry of the index that no row asks for at that place. An updated row's entry may lead to an earlier version of it. */
void
check_unasked(Verification &v, IndexScanDesc at, Entry &entry, TupleTableSlot *row)
{
	if (index_fetch_heap(at, row))
	{
		if (entry.key != key_of(row) || !hashes_of(row).contains(entry.hash))
			report(v, "tag index", position_of(entry.key),
			       psprintf("An entry leads to event " INT64_FORMAT ", which does not ask for it.", event_position(row)));
	}
	else if (is_removed(v.reading.store.events, &entry.row))
		report(v, "tag index", position_of(entry.key), "An entry leads to a row that was removed.");
	at->kill_prior_tuple = false; /* entries are never marked dead, see tag_index.cpp */
}

/* What a row asks for and the index does not have at that place: neither for an earlier version of the row? */
void
check_missing(Verification &v, IndexScanDesc lookup, Entry &entry, TupleTableSlot *row)
{
	ScanKeyData keys[2];
	bool found = false;

	ScanKeyInit(&keys[0], ENTRY_HASH, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(entry.hash));
	ScanKeyInit(&keys[1], ENTRY_KEY, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(entry.key));
	index_rescan(lookup, keys, 2, nullptr, 0);
	while (!found && index_getnext_tid(lookup, ForwardScanDirection) != nullptr)
	{
		found = index_fetch_heap(lookup, row) && ItemPointerEquals(&row->tts_tid, &entry.row);
		lookup->kill_prior_tuple = false;
	}
	if (found || !table_tuple_fetch_row_version(v.reading.store.events, &entry.row, v.reading.snapshot, row))
		return;
	if (type_hash(type_bits(event_type(row))) == entry.hash)
		report(v, "tag index", event_position(row), "The type has no entry.");
	for (String tag : event_tags(row))
		if (tag.data != nullptr && tag_hash(tag) == entry.hash)
			report(v, "tag index", event_position(row), psprintf("Tag \"%.*s\" has no entry.", tag.length, tag.data));
}

void
check_tag_index(Verification &v, EntrySort &asked_for)
{
	const Store &store = v.reading.store;
	IndexScanDesc scan = begin_index_scan(store.events, store.tags, v.reading.snapshot, 0);
	IndexScanDesc lookup = begin_index_scan(store.events, store.tags, v.reading.snapshot, 2);
	TupleTableSlot *row = table_slot_create(store.events, nullptr);
	Entry asked{};
	Entry last{};
	bool is_asked = asked_for.next(&asked);
	auto in_row_context = [&](auto check, IndexScanDesc by, Entry &entry) {
		if (v.problems > MAX_PROBLEMS)
			return;
		MemoryContext caller = MemoryContextSwitchTo(v.row_context);
		check(v, by, entry, row);
		MemoryContextSwitchTo(caller);
	};
	auto skip_missing = [&](Entry *upto) {
		for (; is_asked && (upto == nullptr || compare(asked, *upto) < 0); is_asked = asked_for.next(&asked))
		{
			step(v, "entries of the tag index");
			in_row_context(check_missing, lookup, asked);
		}
	};

	v.steps = 0;
	scan->xs_want_itup = true;
	index_rescan(scan, nullptr, 0, nullptr, 0);
	while (ItemPointer target = index_getnext_tid(scan, ForwardScanDirection))
	{
		bool isnull;
		Entry entry{DatumGetInt64(index_getattr(scan->xs_itup, ENTRY_HASH, scan->xs_itupdesc, &isnull)),
		            DatumGetInt64(index_getattr(scan->xs_itup, ENTRY_KEY, scan->xs_itupdesc, &isnull)), *target};

		step(v, "entries of the tag index");
		if (v.steps > 1 && compare(last, entry) >= 0)
			report(v, "tag index", position_of(entry.key), "An entry is out of order.");
		last = entry;
		skip_missing(&entry);
		if (is_asked && compare(asked, entry) == 0)
			is_asked = asked_for.next(&asked);
		else
			in_row_context(check_unasked, scan, entry);
	}
	skip_missing(nullptr);
	ExecDropSingleTupleTableSlot(row);
	index_endscan(lookup);
	index_endscan(scan);
}

} // namespace

/* dcb.verify(store) → problems, none when the store is healthy. Errors: those of open_store. */
DCB_FUNCTION(dcb_verify)
{
	InitMaterializedSRF(fcinfo, 0);

	Verification v{};
	v.result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	v.row_context = AllocSetContextCreate(CurrentMemoryContext, "dcb.verify", ALLOCSET_DEFAULT_SIZES);
	v.last_notice = GetCurrentTimestamp();
	v.reading = begin_reading(fcinfo->args[0], GetActiveSnapshot());

	EntrySort asked_for;
	for_each_row(v, [&](TupleTableSlot *row) {
		Hashes hashes = hashes_of(row);

		++v.rows;
		check_event(v, row);
		for (int i = 0; i < hashes.count; ++i)
			asked_for.add({hashes.items[i], key_of(row), row->tts_tid});
	});
	check_positions(v);
	asked_for.finish();
	check_tag_index(v, asked_for);
	asked_for.end();

	end_reading(v.reading);
	return Datum{0};
}

} // namespace dcb
