/*
 * A list: the run of tag index entries under one hash, in position order. The primary key is the list of all events.
 */
#pragma once

#include "scan.hpp"

namespace dcb {

/* What is read of lists, and how: the same for all that are read together. */
struct Passage
{
	Store store;
	Snapshot snapshot;
	ScanDirection direction;
	int64 after; /* exclusive */
	int64 upto;
	ScanWork *work; /* counted, nothing depends on it */

	bool backwards() const { return ScanDirectionIsBackward(direction); }
	/* Is `a` before `b` in the direction of reading? */
	bool comes_before(int64 a, int64 b) const { return backwards() ? a > b : a < b; }
};

struct EntryList;

/* Entries under a tag carry 24 bits of their type's hash. */
struct TypeFilter
{
	int64 *bits;      /* ascending */
	int count;        /* none: all types pass */
	EntryList *lists; /* where entries of these types are, asked when the filter rejects many */
	int list_count;

	bool passes(int64 key) const;
};

struct EntryList
{
	const Passage *passage;
	const TypeFilter *filter; /* may be null */
	bool of_all;              /* the primary key; there is no hash, and no filter */
	int64 hash;
	IndexScanDesc scan; /* null until the first seek */
	int64 position;     /* of the current entry */
	bool ended;
	bool alone;   /* the scan holds the entries of one position only */
	bool missed;  /* the position last sought is not in this list */
	bool trusted; /* scan.cpp: had the last candidate that it was asked for, and no row has belied it since */
};

/* To the next entry, to the first one at or past a position in the direction of reading; false at the end. */
bool step(EntryList &list);
bool seek(EntryList &list, int64 position);
/* Like seek, for a list that may be at or past the position, or near. */
bool advance_to(EntryList &list, int64 position);

void end_lists(EntryList *lists, int count);

} // namespace dcb
