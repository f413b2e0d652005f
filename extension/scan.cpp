/*
 * The scan behind reads and conditions.
 *
 * A *list* is the run of index entries under one hash, in position order; the primary key is the list of all events. An
 * *item* of the query draws candidates from its lists: with tags, the positions that stand in all of the tags' lists
 * (leapfrog join: Veldhuizen, "Leapfrog Triejoin", ICDT 2014, for the unary case); with types only, those in any of the
 * types' lists; with neither, all. A type given beside tags is a filter on the entries themselves, which carry 24 bits of
 * its hash; only where that rejects entry after entry do the types' own lists say how far to jump. The scan merges its
 * items.
 *
 * Index entries are hints in two ways. Their hashes may collide, and one position may have several entries under a hash,
 * when an append was rolled back and its position was given to another. So every candidate's row is fetched, checked for
 * visibility under the scan's snapshot, and matched against the item by its text. At most one row of a position is
 * visible.
 */
#include "scan.hpp"
#include "tag_index.hpp"

namespace dcb {

namespace {

/* A seek costs as much as some dozens of steps, which mostly stay on one leaf page. */
constexpr int STEPS_BEFORE_SEEK = 24;

/* More lists than these do not narrow an intersection enough to pay for their scans: the row decides anyway. */
constexpr int MAX_LISTS_PER_INTERSECTION = 8;

struct List
{
	int64 hash;
	IndexScanDesc scan; /* null until the first seek */
	int64 position;     /* of the current entry */
	bool ended;
	bool alone;     /* the scan holds the entries of one position only */
	bool missed;    /* the position last sought is not in this list */
	bool filtered;  /* by the item's types */
	bool trusted;   /* had the last candidate that it was asked for, and no row has belied it since */
};

enum class ItemKind
{
	Everything, /* one list, the primary key */
	AnyOf,      /* types without tags */
	AllOf       /* tags */
};

struct Item
{
	const QueryItem *wanted;
	ItemKind kind;
	List *lists;
	int list_count;
	int64 *type_bits; /* with tags: filter on entries, ascending; empty = none */
	int type_count;
	List *type_lists; /* with tags: where entries of these types are, used when the filter rejects many */
	int type_list_count;
	int64 after; /* exclusive */
	List *lead;  /* whose entry points at the current row */
	TupleTableSlot *row;
	int64 position; /* of the current row */
	bool started;
	bool ended;
};

} // namespace

struct EventScan
{
	Store store;
	Snapshot snapshot;
	int64 upto;
	ScanDirection direction;
	Item *items;
	int item_count;
	bool started;
	mutable ScanWork work; /* counted, nothing depends on it */
	MemoryContext row_context; /* emptied for every row that is looked at */
};

namespace {

bool
is_backwards(const EventScan *scan)
{
	return ScanDirectionIsBackward(scan->direction);
}

/* Is `a` before `b` in the scan's direction? */
bool
comes_before(const EventScan *scan, int64 a, int64 b)
{
	return is_backwards(scan) ? a > b : a < b;
}

bool
passes_filter(const Item &item, int64 key)
{
	return item.type_count == 0 || std::binary_search(item.type_bits, item.type_bits + item.type_count, key & TYPE_MASK);
}

void place(const EventScan *scan, const Item &item, List &list, int64 position);
bool next_of_types(const EventScan *scan, const Item &item, int64 *position);

/* The next entry of a list, without looking at its row. */
bool
step(const EventScan *scan, const Item &item, List &list)
{
	int rejected = 0;

	while (!list.ended)
	{
		/* Entries are never marked dead, see tag_index.cpp. */
		list.scan->kill_prior_tuple = false;
		if (index_getnext_tid(list.scan, scan->direction) == nullptr)
		{
			list.ended = true;
			break;
		}
		++scan->work.entries;
		CHECK_FOR_INTERRUPTS();

		bool isnull;
		if (item.kind == ItemKind::Everything)
		{
			list.position = DatumGetInt64(index_getattr(list.scan->xs_itup, 1, list.scan->xs_itupdesc, &isnull));
			return true;
		}
		int64 key = DatumGetInt64(index_getattr(list.scan->xs_itup, ENTRY_KEY, list.scan->xs_itupdesc, &isnull));
		list.position = position_of(key);
		if (!list.filtered || passes_filter(item, key))
			return true;

		/* A rare type among many entries of the tag: its own list knows where to look next. */
		if (++rejected == STEPS_BEFORE_SEEK)
		{
			if (!next_of_types(scan, item, &list.position))
				list.ended = true;
			else
				place(scan, item, list, list.position);
			rejected = 0;
		}
	}
	return false;
}

/* Before the first entry between two positions, in the scan's direction. */
void
place_between(const EventScan *scan, const Item &item, List &list, int64 low, int64 high)
{
	ScanKeyData keys[3];
	int key_count = 0;
	Relation index = scan->store.tags;
	AttrNumber position_attribute = ENTRY_KEY;

	list.ended = false;
	list.alone = low == high;
	if (item.kind == ItemKind::Everything)
	{
		index = scan->store.positions;
		position_attribute = 1;
	}
	else
	{
		ScanKeyInit(&keys[key_count++], ENTRY_HASH, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(list.hash));
		low = index_key(low, 0);
		high = index_key(high, TYPE_MASK);
	}
	ScanKeyInit(&keys[key_count++], position_attribute, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(low));
	ScanKeyInit(&keys[key_count++], position_attribute, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(high));
	if (list.scan == nullptr)
	{
		list.scan = begin_index_scan(scan->store.events, index, scan->snapshot, key_count);
		list.scan->xs_want_itup = true;
	}
	++scan->work.seeks;
	index_rescan(list.scan, keys, key_count, nullptr, 0);
}

/* Before the first entry at or past a position. */
void
place(const EventScan *scan, const Item &item, List &list, int64 position)
{
	if (is_backwards(scan))
		place_between(scan, item, list, item.after + 1, position);
	else
		place_between(scan, item, list, position, scan->upto);
}

/* To the first entry at or past a position, in the scan's direction. */
bool
seek(const EventScan *scan, const Item &item, List &list, int64 position)
{
	place(scan, item, list, position);
	return step(scan, item, list);
}

/*
 * Like seek, but tries some steps first, and then whether the list has the very position: a scan without an end copies
 * what is left of its leaf page before it answers, which costs several times as much as the descent.
 */
bool
advance_to(const EventScan *scan, const Item &item, List &list, int64 position)
{
	if (list.scan != nullptr && !list.alone)
	{
		for (int i = 0; i < STEPS_BEFORE_SEEK; ++i)
		{
			if (list.ended)
				return false;
			if (!comes_before(scan, list.position, position))
				return true;
			step(scan, item, list);
		}
		if (list.ended)
			return false;
		if (!comes_before(scan, list.position, position))
			return true;
	}
	else if (list.alone && !comes_before(scan, list.position, position))
		return true;

	if (!list.missed)
	{
		place_between(scan, item, list, position, position);
		if (step(scan, item, list))
			return true;
	}
	bool found = seek(scan, item, list, position);
	list.missed = list.position != position;
	return found;
}

/* The first position at or past the given one that has an entry of one of the item's types. */
bool
next_of_types(const EventScan *scan, const Item &item, int64 *position)
{
	bool found = false;
	int64 nearest = 0;

	for (int i = 0; i < item.type_list_count; ++i)
	{
		List &list = item.type_lists[i];
		if (advance_to(scan, item, list, *position) && (!found || comes_before(scan, list.position, nearest)))
		{
			found = true;
			nearest = list.position;
		}
	}
	*position = nearest;
	return found;
}

/*
 * All of the item's lists to one common position. The list that moves it on becomes the leading one, which tends to be
 * the rarest. One that has confirmed a candidate is not asked any more, since a seek in it costs more than a look at the
 * row, and an id that implies another one is common; it is asked again once a row does not match.
 */
bool
align_all(const EventScan *scan, Item &item)
{
	bool moved = true;

	while (moved)
	{
		int64 position = item.lead->position;

		if (item.lead->ended)
			return false;
		moved = false;
		for (int i = 0; i < item.list_count && !moved; ++i)
		{
			List &list = item.lists[i];

			if (&list == item.lead || list.trusted)
				continue;
			if (!advance_to(scan, item, list, position))
				return false;
			moved = list.position != position;
			list.trusted = !moved;
			if (moved)
				item.lead = &list;
		}
	}
	return true;
}

/* Makes the list with the next position the leading one. */
bool
choose_any(const EventScan *scan, Item &item)
{
	item.lead = nullptr;
	for (int i = 0; i < item.list_count; ++i)
	{
		List &list = item.lists[i];
		if (!list.ended && (item.lead == nullptr || comes_before(scan, list.position, item.lead->position)))
			item.lead = &list;
	}
	return item.lead != nullptr;
}

/* Does the leading list's entry point at a visible row that matches? Then the item's slot holds it. */
bool
fetch(const EventScan *scan, Item &item)
{
	++scan->work.rows;
	if (!index_fetch_heap(item.lead->scan, item.row))
		return false;
	if (item.kind == ItemKind::Everything && item.wanted->except.count == 0)
		return true;

	MemoryContextReset(scan->row_context);
	MemoryContext caller = MemoryContextSwitchTo(scan->row_context);
	StringSet tags = item.kind == ItemKind::AllOf ? event_tags(item.row) : StringSet{};
	bool matches = item.wanted->matches(event_type(item.row), tags);
	MemoryContextSwitchTo(caller);
	if (!matches)
		for (int i = 0; i < item.list_count; ++i)
			item.lists[i].trusted = false;
	return matches;
}

/* To the item's next matching event. */
void
advance(const EventScan *scan, Item &item)
{
	if (!item.started)
	{
		int64 start = is_backwards(scan) ? scan->upto : item.after + 1;

		item.started = true;
		item.lead = &item.lists[0];
		if (start > scan->upto || start <= item.after)
		{
			item.ended = true;
			return;
		}
		/* An intersection seeks its other lists once it knows where to. */
		for (int i = 0; i < (item.kind == ItemKind::AllOf ? 1 : item.list_count); ++i)
			seek(scan, item, item.lists[i], start);
	}
	else
		step(scan, item, *item.lead);

	while (item.kind == ItemKind::AllOf ? align_all(scan, item) : choose_any(scan, item))
	{
		if (fetch(scan, item))
		{
			item.position = item.lead->position;
			return;
		}
		step(scan, item, *item.lead);
	}
	item.ended = true;
}

List *
lists_for(StringSet strings, int count, int64 (*hash)(String))
{
	auto *lists = static_cast<List *>(palloc0(sizeof(List) * count));

	for (int i = 0; i < count; ++i)
		lists[i].hash = hash(strings.items[i]);
	return lists;
}

/* Types that collide share a list, which must be read once only. */
List *
type_lists_for(StringSet types, int *count)
{
	List *lists = lists_for(types, types.count, [](String type) { return type_hash(type_bits(type)); });

	*count = types.count;
	std::sort(lists, lists + *count, [](const List &a, const List &b) { return a.hash < b.hash; });
	*count = static_cast<int>(
		std::unique(lists, lists + *count, [](const List &a, const List &b) { return a.hash == b.hash; }) - lists);
	return lists;
}

void
begin_item(const EventScan *scan, Item &item, const QueryItem &wanted, int64 after)
{
	item.wanted = &wanted;
	item.after = std::min(wanted.has_after ? wanted.after : after, MAX_POSITION);
	item.row = table_slot_create(scan->store.events, nullptr);
	if (wanted.tags.count > 0)
	{
		item.kind = ItemKind::AllOf;
		item.list_count = std::min(wanted.tags.count, MAX_LISTS_PER_INTERSECTION);
		item.lists = lists_for(wanted.tags, item.list_count, tag_hash);
		item.type_bits = static_cast<int64 *>(palloc(sizeof(int64) * std::max(wanted.types.count, 1)));
		for (String type : wanted.types)
			item.type_bits[item.type_count++] = type_bits(type);
		std::sort(item.type_bits, item.type_bits + item.type_count);
		for (int i = 0; i < item.list_count; ++i)
			item.lists[i].filtered = item.type_count > 0;
		item.type_list_count = item.type_count;
		item.type_lists = type_lists_for(wanted.types, &item.type_list_count);
	}
	else if (wanted.types.count > 0)
	{
		item.kind = ItemKind::AnyOf;
		item.lists = type_lists_for(wanted.types, &item.list_count);
	}
	else
	{
		item.kind = ItemKind::Everything;
		item.list_count = 1;
		item.lists = static_cast<List *>(palloc0(sizeof(List)));
	}
}

void
end_lists(List *lists, int count)
{
	for (int i = 0; i < count; ++i)
		if (lists[i].scan != nullptr)
			index_endscan(lists[i].scan);
}

} // namespace

EventScan *
begin_event_scan(const Store &store, const Query &query, Snapshot snapshot, Range range)
{
	auto *scan = static_cast<EventScan *>(palloc0(sizeof(EventScan)));

	scan->store = store;
	scan->snapshot = snapshot;
	scan->upto = std::min(range.upto, MAX_POSITION);
	scan->direction = range.backwards ? BackwardScanDirection : ForwardScanDirection;
	scan->row_context = AllocSetContextCreate(CurrentMemoryContext, "dcb event scan row", ALLOCSET_DEFAULT_SIZES);
	scan->item_count = query.count;
	scan->items = static_cast<Item *>(palloc0(sizeof(Item) * query.count));
	for (int i = 0; i < query.count; ++i)
		begin_item(scan, scan->items[i], query.items[i], range.after);
	return scan;
}

TupleTableSlot *
next_event(EventScan *scan)
{
	Item *next = nullptr;
	Item *last = scan->items + scan->item_count;

	/* Leave the event that was handed out last, in all items that stand on it. */
	if (!scan->started)
	{
		for (Item *item = scan->items; item != last; ++item)
			advance(scan, *item);
		scan->started = true;
	}
	else
	{
		int64 handed_out = 0;
		for (Item *item = scan->items; item != last; ++item)
			if (!item->ended && (handed_out == 0 || comes_before(scan, item->position, handed_out)))
				handed_out = item->position;
		for (Item *item = scan->items; item != last; ++item)
			if (!item->ended && item->position == handed_out)
				advance(scan, *item);
	}

	for (Item *item = scan->items; item != last; ++item)
		if (!item->ended && (next == nullptr || comes_before(scan, item->position, next->position)))
			next = item;
	return next != nullptr ? next->row : nullptr;
}

void
end_event_scan(EventScan *scan)
{
	for (int i = 0; i < scan->item_count; ++i)
	{
		Item &item = scan->items[i];

		end_lists(item.lists, item.list_count);
		end_lists(item.type_lists, item.type_list_count);
		ExecDropSingleTupleTableSlot(item.row);
	}
	MemoryContextDelete(scan->row_context);
}

ScanWork
work_of(const EventScan *scan)
{
	return scan->work;
}

const char *
describe_access(const QueryItem &item)
{
	const char *filter = item.types.count > 0 ? ", types by filter" : "";

	if (item.tags.count > 1)
		return psprintf("intersection of %d tag lists%s", std::min(item.tags.count, MAX_LISTS_PER_INTERSECTION), filter);
	if (item.tags.count == 1)
		return psprintf("tag list%s", filter);
	if (item.types.count > 1)
		return psprintf("union of %d type lists", item.types.count);
	return item.types.count == 1 ? "type list" : "position index";
}

} // namespace dcb
