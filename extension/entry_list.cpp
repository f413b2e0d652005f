/*
 * Entries are hints, see scan.cpp: no row is looked at here.
 */
#include "entry_list.hpp"
#include "tag_index.hpp"

namespace dcb {
namespace {

/* A seek costs as much as some dozens of steps, which mostly stay on one leaf page. */
constexpr int STEPS_BEFORE_SEEK = 24;

/* Before the first entry between two positions, in the direction of reading. */
void
place_between(EntryList &list, int64 low, int64 high)
{
	const Passage &passage = *list.passage;
	ScanKeyData keys[3];
	int key_count = 0;
	Relation index = passage.store.tags;
	AttrNumber position_attribute = ENTRY_KEY;

	list.ended = false;
	list.alone = low == high;
	if (list.of_all)
	{
		index = passage.store.positions;
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
		list.scan = begin_index_scan(passage.store.events, index, passage.snapshot, key_count);
		list.scan->xs_want_itup = true;
	}
	++passage.work->seeks;
	index_rescan(list.scan, keys, key_count, nullptr, 0);
}

/* Before the first entry at or past a position. */
void
place(EntryList &list, int64 position)
{
	if (list.passage->backwards())
		place_between(list, list.passage->after + 1, position);
	else
		place_between(list, position, list.passage->upto);
}

/* The first position at or past the given one that has an entry of one of the types. */
bool
next_of_types(const TypeFilter &filter, int64 *position)
{
	const EntryList *nearest = nullptr;

	for (int i = 0; i < filter.list_count; ++i)
	{
		EntryList &list = filter.lists[i];

		if (advance_to(list, *position) &&
		    (nearest == nullptr || list.passage->comes_before(list.position, nearest->position)))
			nearest = &list;
	}
	if (nearest == nullptr)
		return false;
	*position = nearest->position;
	return true;
}

} // namespace

bool
TypeFilter::passes(int64 key) const
{
	return count == 0 || std::binary_search(bits, bits + count, key & TYPE_MASK);
}

bool
step(EntryList &list)
{
	int rejected = 0;

	while (!list.ended)
	{
		/* Entries are never marked dead, see tag_index.cpp. */
		list.scan->kill_prior_tuple = false;
		if (index_getnext_tid(list.scan, list.passage->direction) == nullptr)
		{
			list.ended = true;
			break;
		}
		++list.passage->work->entries;
		CHECK_FOR_INTERRUPTS();

		bool isnull;
		if (list.of_all)
		{
			list.position = DatumGetInt64(index_getattr(list.scan->xs_itup, 1, list.scan->xs_itupdesc, &isnull));
			return true;
		}
		int64 key = DatumGetInt64(index_getattr(list.scan->xs_itup, ENTRY_KEY, list.scan->xs_itupdesc, &isnull));
		list.position = position_of(key);
		if (list.filter == nullptr || list.filter->passes(key))
			return true;

		/* A rare type among many entries of the tag: its own list knows where to look next. */
		if (++rejected == STEPS_BEFORE_SEEK)
		{
			if (!next_of_types(*list.filter, &list.position))
				list.ended = true;
			else
				place(list, list.position);
			rejected = 0;
		}
	}
	return false;
}

bool
seek(EntryList &list, int64 position)
{
	place(list, position);
	return step(list);
}

/*
 * Tries some steps first, and then whether the list has the very position: a scan without an end copies what is left of its
 * leaf page before it answers, which costs several times as much as the descent.
 */
bool
advance_to(EntryList &list, int64 position)
{
	const Passage &passage = *list.passage;

	if (list.scan != nullptr && !list.alone)
	{
		for (int i = 0; i < STEPS_BEFORE_SEEK; ++i)
		{
			if (list.ended)
				return false;
			if (!passage.comes_before(list.position, position))
				return true;
			step(list);
		}
		if (list.ended)
			return false;
		if (!passage.comes_before(list.position, position))
			return true;
	}
	else if (list.alone && !passage.comes_before(list.position, position))
		return true;

	if (!list.missed)
	{
		place_between(list, position, position);
		if (step(list))
			return true;
	}
	bool found = seek(list, position);
	list.missed = list.position != position;
	return found;
}

void
end_lists(EntryList *lists, int count)
{
	for (int i = 0; i < count; ++i)
		if (lists[i].scan != nullptr)
			index_endscan(lists[i].scan);
}

} // namespace dcb
