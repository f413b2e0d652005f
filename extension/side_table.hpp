/*
 * The tables of a store beside its log, read by their primary keys without a plan.
 */
#pragma once

#include "store.hpp"

namespace dcb {

/* What a table has to look like: its columns are NOT NULL unless said otherwise where they are read. */
struct SideTableShape
{
	const char *name;
	const char *contents;   /* for messages, in the plural */
	const Oid *types;       /* of all columns */
	int columns;
	int key_columns;        /* the first ones are the primary key; texts among them by collation "C" */
	const char *hint;       /* which rights allow what */
};

struct SideTable
{
	Relation table;
	Relation key;
};

/*
 * Opens it, checks its shape and the current role's right to SELECT.
 * Errors: 55000 (no such table, or of another shape), 42501.
 */
SideTable open_side_table(const Store &store, const SideTableShape &shape);
void close_side_table(const SideTable &table);

/* A column's value; 55000 for a null where none may be. */
Datum required_column(const SideTable &table, TupleTableSlot *row, int column);

} // namespace dcb
