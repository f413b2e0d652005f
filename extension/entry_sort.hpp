/*
 * Sorts entries of a tag index, with the server's sort.
 */
#pragma once

#include "tag_index.hpp"

extern "C" {
#include "utils/tuplesort.h"
}

namespace dcb {

/* Of the tag index: one that is there, or one that a row asks for. */
struct Entry
{
	int64 hash;
	int64 key;
	ItemPointerData row;
};

/* The order of the index. */
inline int
compare(Entry &a, Entry &b)
{
	if (a.hash != b.hash)
		return a.hash < b.hash ? -1 : 1;
	if (a.key != b.key)
		return a.key < b.key ? -1 : 1;
	return ItemPointerCompare(&a.row, &b.row);
}

/* Entries that come in any order and go in that of the index; in maintenance_work_mem, and on disk what exceeds it. */
class EntrySort
{
public:
	EntrySort()
	{
		TupleDesc columns = CreateTemplateTupleDesc(COLUMNS);
		TupleDescInitEntry(columns, ENTRY_HASH, "hash", INT8OID, -1, 0);
		TupleDescInitEntry(columns, ENTRY_KEY, "key", INT8OID, -1, 0);
		TupleDescInitEntry(columns, ENTRY_ROW, "row", TIDOID, -1, 0);
		AttrNumber by[COLUMNS] = {ENTRY_HASH, ENTRY_KEY, ENTRY_ROW};
		Oid order[COLUMNS] = {Int8LessOperator, Int8LessOperator, TIDLessOperator};
		Oid collations[COLUMNS] = {};
		bool nulls_first[COLUMNS] = {};

		sort = tuplesort_begin_heap(columns, COLUMNS, by, order, collations, nulls_first, maintenance_work_mem, nullptr,
		                            TUPLESORT_NONE);
		in = MakeSingleTupleTableSlot(columns, &TTSOpsVirtual);
		out = MakeSingleTupleTableSlot(columns, &TTSOpsMinimalTuple);
	}

	void add(Entry entry)
	{
		ExecClearTuple(in);
		in->tts_values[0] = Int64GetDatum(entry.hash);
		in->tts_values[1] = Int64GetDatum(entry.key);
		in->tts_values[2] = PointerGetDatum(&entry.row);
		std::fill_n(in->tts_isnull, COLUMNS, false);
		tuplesort_puttupleslot(sort, ExecStoreVirtualTuple(in));
	}

	void finish()
	{
		tuplesort_performsort(sort);
	}

	/* False at the end. */
	bool next(Entry *entry)
	{
		if (!tuplesort_gettupleslot(sort, true, false, out, nullptr))
			return false;
		slot_getallattrs(out);
		*entry = {DatumGetInt64(out->tts_values[0]), DatumGetInt64(out->tts_values[1]),
		          *reinterpret_cast<ItemPointer>(DatumGetPointer(out->tts_values[2]))};
		return true;
	}

	void end()
	{
		ExecDropSingleTupleTableSlot(in);
		ExecDropSingleTupleTableSlot(out);
		tuplesort_end(sort);
	}

private:
	static constexpr AttrNumber ENTRY_ROW = ENTRY_KEY + 1;
	static constexpr int COLUMNS = ENTRY_ROW;

	Tuplesortstate *sort;
	TupleTableSlot *in;
	TupleTableSlot *out;
};

} // namespace dcb
