/*
 * Values of our composite types.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/* The N attributes of a composite value. */
template <int N>
void
deform_row(HeapTupleHeader row, NullableDatum (&attributes)[N])
{
	TupleDesc description = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple{};
	Datum values[N];
	bool nulls[N];

	if (description->natts != N)
		elog(ERROR, "a composite type of pg_dcb has %d attributes instead of %d", description->natts, N);
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	heap_deform_tuple(&tuple, description, values, nulls);
	ReleaseTupleDesc(description);
	for (int i = 0; i < N; ++i)
		attributes[i] = {values[i], nulls[i]};
}

} // namespace dcb
