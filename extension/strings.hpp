/*
 * Byte strings of the current memory context and ordered sets of them: tags, types.
 */
#pragma once

#include "pg.hpp"

#include <algorithm>
#include <cstring>

namespace dcb {

struct String
{
	const char *data;
	int length;
};

inline int
compare(String a, String b)
{
	int order = std::memcmp(a.data, b.data, std::min(a.length, b.length));
	return order != 0 ? order : a.length - b.length;
}

inline bool operator==(String a, String b) { return a.length == b.length && std::memcmp(a.data, b.data, a.length) == 0; }
inline bool operator<(String a, String b) { return compare(a, b) < 0; }

/* A view of a text datum that is not toasted, or of its detoasted copy. */
inline String
to_string(Datum text_datum)
{
	text *value = DatumGetTextPP(text_datum);
	return {VARDATA_ANY(value), static_cast<int>(VARSIZE_ANY_EXHDR(value))};
}

inline String
to_string(const char *text)
{
	return {text, static_cast<int>(std::strlen(text))};
}

/* Invariant after normalise(): ascending by bytes, no duplicates. */
struct StringSet
{
	String *items;
	int count;

	const String *begin() const { return items; }
	const String *end() const { return items + count; }

	void normalise()
	{
		std::sort(items, items + count);
		count = static_cast<int>(std::unique(items, items + count) - items);
	}
	bool contains(String wanted) const { return std::binary_search(begin(), end(), wanted); }
	bool contains_all(StringSet wanted) const
	{
		return std::includes(begin(), end(), wanted.begin(), wanted.end());
	}
};

inline StringSet
allocate_strings(int capacity)
{
	return {static_cast<String *>(palloc_extended(sizeof(String) * std::max(capacity, 1), MCXT_ALLOC_HUGE)), 0};
}

/* The elements of a text[]; a null element becomes a String without data, for the caller to refuse. */
inline StringSet
to_strings(ArrayType *array)
{
	Datum *elements;
	bool *nulls;
	int count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);

	StringSet set = allocate_strings(count);
	for (int i = 0; i < count; ++i)
		set.items[set.count++] = nulls[i] ? String{nullptr, 0} : to_string(elements[i]);
	return set;
}

inline Datum
to_text_array(StringSet set)
{
	Datum *elements = static_cast<Datum *>(palloc(sizeof(Datum) * std::max(set.count, 1)));

	for (int i = 0; i < set.count; ++i)
		elements[i] = PointerGetDatum(cstring_to_text_with_len(set.items[i].data, set.items[i].length));
	return PointerGetDatum(construct_array(elements, set.count, TEXTOID, -1, false, TYPALIGN_INT));
}

} // namespace dcb
