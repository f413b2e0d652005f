/*
 * The query: items joined by OR. An item matches an event whose type is one of its types (none given = any) and none of
 * its excluded types, and whose tags contain all of its tags.
 *
 * Stored and sent as the same bytes (see query_io.cpp), in canonical form, so that equality is equality of bytes.
 */
#pragma once

#include "error.hpp"
#include "strings.hpp"

namespace dcb {

struct QueryItem
{
	StringSet types;
	StringSet except;
	StringSet tags;
	int64 after;
	bool has_after; /* its own position, which wins over the call's */

	/* Does the item match an event of this type with these (normalised) tags? Its `after` is the caller's business. */
	bool matches(String type, StringSet event_tags) const
	{
		return (types.count == 0 || types.contains(type)) && !except.contains(type) && event_tags.contains_all(tags);
	}
};

struct Query
{
	QueryItem *items;
	int count;

	/* Gives every item a position of its own: that of the call unless it has one, and not before `at_least`. */
	void start_after(int64 after, int64 at_least)
	{
		for (int i = 0; i < count; ++i)
		{
			items[i].after = std::max(items[i].has_after ? items[i].after : after, at_least);
			items[i].has_after = true;
		}
	}

	bool matches(String type, StringSet event_tags) const
	{
		for (int i = 0; i < count; ++i)
			if (items[i].matches(type, event_tags))
				return true;
		return false;
	}
};

/* Error: LIMIT_EXCEEDED. */
void check_item_count(int count);

/* Checks the limits, sorts and folds duplicates; errors are INVALID_QUERY and LIMIT_EXCEEDED. */
void normalise(Query &query);

/* A new varlena in the current memory context; the query has to be normalised. */
struct varlena *encode(const Query &query);

/* The strings point into the datum's (detoasted) bytes. */
Query decode(Datum datum);

/* A dcb.query from its text form, as text, in which the tables of stores keep it. */
Datum query_from_text(Datum text);

Query parse_query(const JsonbContainer *json);
void print_query(StringInfo out, const Query &query);

} // namespace dcb
