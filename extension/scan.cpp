/*
 * The scan behind reads and conditions.
 *
 * An *item* of the query draws candidates from lists of index entries (entry_list.hpp): with tags, the positions that stand
 * in all of the tags' lists (leapfrog join: Veldhuizen, "Leapfrog Triejoin", ICDT 2014, for the unary case); with types
 * only, those in any of the types' lists; with neither, all. A type given beside tags is a filter on the entries themselves,
 * which carry 24 bits of its hash; only where that rejects entry after entry do the types' own lists say how far to jump.
 * The scan merges its items.
 *
 * Index entries are hints in two ways. Their hashes may collide, and one position may have several entries under a hash,
 * when an append was rolled back and its position was given to another. So every candidate's row is fetched, checked for
 * visibility under the scan's snapshot, and matched against the item by its text. At most one row of a position is
 * visible.
 */
#include "entry_list.hpp"
#include "tag_index.hpp"

namespace dcb {

namespace {

/* More lists than these do not narrow an intersection enough to pay for their scans: the row decides anyway. */
constexpr int MAX_LISTS_PER_INTERSECTION = 8;

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
	Passage passage;
	EntryList *lists;
	int list_count;
	TypeFilter filter; /* with tags */
	EntryList *lead;   /* whose entry points at the current row */
	TupleTableSlot *row;
	int64 position; /* of the current row */
	bool started;
	bool ended;
};

} // namespace

struct EventScan
{
	Passage passage; /* of all items, but for an `after` of their own */
	Item *items;
	int item_count;
	bool started;
	ScanWork work;
	MemoryContext row_context; /* emptied for every row that is looked at */
};

namespace {

/*
 * All of the item's lists to one common position. The list that moves it on becomes the leading one, which tends to be
 * the rarest. One that has confirmed a candidate is not asked any more, since a seek in it costs more than a look at the
 * row, and an id that implies another one is common; it is asked again once a row does not match.
 */
bool
align_all(Item &item)
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
			EntryList &list = item.lists[i];

			if (&list == item.lead || list.trusted)
				continue;
			if (!advance_to(list, position))
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
choose_any(Item &item)
{
	item.lead = nullptr;
	for (int i = 0; i < item.list_count; ++i)
	{
		EntryList &list = item.lists[i];
		if (!list.ended && (item.lead == nullptr || item.passage.comes_before(list.position, item.lead->position)))
			item.lead = &list;
	}
	return item.lead != nullptr;
}

/* Does the leading list's entry point at a visible row that matches? Then the item's slot holds it. */
bool
fetch(EventScan *scan, Item &item)
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
advance(EventScan *scan, Item &item)
{
	if (!item.started)
	{
		const Passage &passage = item.passage;
		int64 start = passage.backwards() ? passage.upto : passage.after + 1;

		item.started = true;
		item.lead = &item.lists[0];
		if (start > passage.upto || start <= passage.after)
		{
			item.ended = true;
			return;
		}
		/* An intersection seeks its other lists once it knows where to. */
		for (int i = 0; i < (item.kind == ItemKind::AllOf ? 1 : item.list_count); ++i)
			seek(item.lists[i], start);
	}
	else
		step(*item.lead);

	while (item.kind == ItemKind::AllOf ? align_all(item) : choose_any(item))
	{
		if (fetch(scan, item))
		{
			item.position = item.lead->position;
			return;
		}
		step(*item.lead);
	}
	item.ended = true;
}

EntryList *
lists_for(const Passage *passage, StringSet strings, int count, int64 (*hash)(String))
{
	auto *lists = static_cast<EntryList *>(palloc0(sizeof(EntryList) * count));

	for (int i = 0; i < count; ++i)
	{
		lists[i].passage = passage;
		lists[i].hash = hash(strings.items[i]);
	}
	return lists;
}

/* Types that collide share a list, which must be read once only. */
EntryList *
type_lists_for(const Passage *passage, StringSet types, int *count)
{
	EntryList *lists = lists_for(passage, types, types.count, [](String type) { return type_hash(type_bits(type)); });
	EntryList *end = lists + types.count;

	std::sort(lists, end, [](const EntryList &a, const EntryList &b) { return a.hash < b.hash; });
	*count = static_cast<int>(
		std::unique(lists, end, [](const EntryList &a, const EntryList &b) { return a.hash == b.hash; }) - lists);
	return lists;
}

TypeFilter
filter_for(const Passage *passage, StringSet types)
{
	TypeFilter filter{};

	filter.bits = static_cast<int64 *>(palloc(sizeof(int64) * std::max(types.count, 1)));
	for (String type : types)
		filter.bits[filter.count++] = type_bits(type);
	std::sort(filter.bits, filter.bits + filter.count);
	filter.lists = type_lists_for(passage, types, &filter.list_count);
	return filter;
}

void
begin_item(const EventScan *scan, Item &item, const QueryItem &wanted)
{
	item.wanted = &wanted;
	item.passage = scan->passage;
	if (wanted.has_after)
		item.passage.after = std::min(wanted.after, MAX_POSITION);
	item.row = table_slot_create(scan->passage.store.events, nullptr);
	if (wanted.tags.count > 0)
	{
		item.kind = ItemKind::AllOf;
		item.list_count = std::min(wanted.tags.count, MAX_LISTS_PER_INTERSECTION);
		item.lists = lists_for(&item.passage, wanted.tags, item.list_count, tag_hash);
		item.filter = filter_for(&item.passage, wanted.types);
		for (int i = 0; i < item.list_count; ++i)
			item.lists[i].filter = &item.filter;
	}
	else if (wanted.types.count > 0)
	{
		item.kind = ItemKind::AnyOf;
		item.lists = type_lists_for(&item.passage, wanted.types, &item.list_count);
	}
	else
	{
		item.kind = ItemKind::Everything;
		item.list_count = 1;
		item.lists = static_cast<EntryList *>(palloc0(sizeof(EntryList)));
		item.lists[0].passage = &item.passage;
		item.lists[0].of_all = true;
	}
}

} // namespace

EventScan *
begin_event_scan(const Store &store, const Query &query, Snapshot snapshot, Range range)
{
	auto *scan = static_cast<EventScan *>(palloc0(sizeof(EventScan)));

	scan->passage = {.store = store,
	                 .snapshot = snapshot,
	                 .direction = range.backwards ? BackwardScanDirection : ForwardScanDirection,
	                 .after = std::min(range.after, MAX_POSITION),
	                 .upto = std::min(range.upto, MAX_POSITION),
	                 .work = &scan->work};
	scan->row_context = AllocSetContextCreate(CurrentMemoryContext, "dcb event scan row", ALLOCSET_DEFAULT_SIZES);
	scan->item_count = query.count;
	scan->items = static_cast<Item *>(palloc0(sizeof(Item) * query.count));
	for (int i = 0; i < query.count; ++i)
		begin_item(scan, scan->items[i], query.items[i]);
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
			if (!item->ended && (handed_out == 0 || scan->passage.comes_before(item->position, handed_out)))
				handed_out = item->position;
		for (Item *item = scan->items; item != last; ++item)
			if (!item->ended && item->position == handed_out)
				advance(scan, *item);
	}

	for (Item *item = scan->items; item != last; ++item)
		if (!item->ended && (next == nullptr || scan->passage.comes_before(item->position, next->position)))
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
		end_lists(item.filter.lists, item.filter.list_count);
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
