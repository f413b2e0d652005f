/*
 * Tags from an event's data: a name and an SQL/JSON path, whose values become the tags `name:value`.
 */
#pragma once

#include "error.hpp"
#include "strings.hpp"

namespace dcb {

constexpr int MAX_TAG_NAME_BYTES = 512;
constexpr int MAX_TAG_EXPRESSION_BYTES = 1024;

struct TagExpression
{
	String prefix; /* name and colon */
	Datum path;    /* jsonpath */
	Datum no_variables;
};

/* In the current memory context. Error: INVALID_TAG_EXPRESSION. */
TagExpression make_tag_expression(String name, String path);

/*
 * The tags that the expression gives for a jsonb value, in the order of the path: one for each string, number or boolean,
 * none for a JSON null. They may be longer than an event's tag. `who` is the subject of an error's DETAIL.
 * Error: TAG_EXPRESSION_FAILED for an array or an object, and where the path itself fails, as strict paths do.
 */
StringSet derive_tags(const TagExpression &expression, Datum data, const char *who);

} // namespace dcb
