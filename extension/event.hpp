/*
 * Events on their way in, and the columns of an event table.
 */
#pragma once

#include "error.hpp"
#include "strings.hpp"

namespace dcb {

/* The event table's columns, 0-based; the table is created with exactly these. dcb.read answers the same row. */
enum EventColumn
{
	COLUMN_POSITION,
	COLUMN_TYPE,
	COLUMN_TAGS,
	COLUMN_DATA,
	COLUMN_PAYLOAD,
	COLUMN_METADATA,
	COLUMN_ID,
	COLUMN_RECORDED_AT,
	EVENT_COLUMNS
};

/* Checked: type and tags within their limits, tags sorted and without duplicates. Datums are not toasted. */
struct NewEvent
{
	String type;
	StringSet tags;
	NullableDatum data; /* jsonb, never null */
	NullableDatum payload;
	NullableDatum metadata;
	NullableDatum id;
};

struct NewEvents
{
	NewEvent *items;
	int count;

	const NewEvent *begin() const { return items; }
	const NewEvent *end() const { return items + count; }
};

/* From dcb.new_event[] or from a JSON array of objects. Errors: INVALID_EVENT, EMPTY_APPEND, LIMIT_EXCEEDED. */
NewEvents read_events(ArrayType *array);
NewEvents read_events(const Jsonb *json);

/* As JSON that read_events() reads again. Error: INVALID_EVENT for what JSON cannot say. */
Datum to_json(NewEvents events);

/* Sorts an event's tags; `number` is that of the event, from 1. Errors: INVALID_EVENT, LIMIT_EXCEEDED. */
void check_tags(NewEvent &event, int number);

/* SHA-256 over everything that the events say, as bytea: what a repeated append must have in common with the first. */
Datum digest(NewEvents events);

} // namespace dcb
