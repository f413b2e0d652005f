/*
 * The language is the server's jsonpath, evaluated by its immutable function: nothing of a session's settings, rights or
 * time zone plays a part, and no user's code runs.
 */
#include "tag_expression.hpp"
#include "json.hpp"

namespace dcb {
namespace {

[[noreturn]] void
invalid(const char *detail)
{
	ereport(ERROR, (errcode(INVALID_TAG_EXPRESSION), errmsg("invalid tag expression"), errdetail("%s", detail),
	                errhint("Give a name and an SQL/JSON path, such as 'customer' and '$.customer.id', for tags like "
	                        "customer:42.")));
	pg_unreachable();
}

[[noreturn]] void
failed(const TagExpression &expression, const char *who, const char *detail)
{
	ereport(ERROR, (errcode(TAG_EXPRESSION_FAILED),
	                errmsg("tag \"%.*s\" cannot be derived from the data of an event", expression.prefix.length - 1,
	                       expression.prefix.data),
	                errdetail("%s: %s", who, detail),
	                errhint("A path has to lead to strings, numbers or booleans: \"[*]\" takes an array apart. One that is "
	                        "not strict passes over what is missing.")));
	pg_unreachable();
}

String
text_of(const JsonbValue &value)
{
	switch (value.type)
	{
		case jbvString:
			return string_of(value);
		case jbvNumeric:
		{
			char *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
			return {digits, static_cast<int>(std::strlen(digits))};
		}
		case jbvBool:
			return value.val.boolean ? String{"true", 4} : String{"false", 5};
		default:
			return {nullptr, 0};
	}
}

String
concatenate(String a, String b)
{
	auto *bytes = static_cast<char *>(palloc(a.length + b.length));

	std::memcpy(bytes, a.data, a.length);
	std::memcpy(bytes + a.length, b.data, b.length);
	return {bytes, a.length + b.length};
}

} // namespace

TagExpression
make_tag_expression(String name, String path)
{
	TagExpression expression{};

	if (name.length < 1 || name.length > MAX_TAG_NAME_BYTES)
		invalid(psprintf("The name has %d bytes; it may have 1 to %d.", name.length, MAX_TAG_NAME_BYTES));
	if (path.length > MAX_TAG_EXPRESSION_BYTES)
		invalid(psprintf("The path has %d bytes; the limit is %d.", path.length, MAX_TAG_EXPRESSION_BYTES));
	expression.prefix = concatenate(name, {":", 1});
	expression.path = read_input([path] { return DirectFunctionCall1(jsonpath_in, CStringGetDatum(pnstrdup(path.data, path.length))); },
	                             [](const char *message) { invalid(psprintf("The path is refused: %s.", message)); });
	expression.no_variables = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	return expression;
}

StringSet
derive_tags(const TagExpression &expression, Datum data, const char *who)
{
	Datum array = read_input(
		[&] {
			return DirectFunctionCall4(jsonb_path_query_array, data, expression.path, expression.no_variables,
		                               BoolGetDatum(false));
		},
		[&](const char *message) { failed(expression, who, psprintf("%s.", message)); });
	const JsonbContainer *values = &DatumGetJsonbP(array)->root;
	StringSet tags = allocate_strings(JsonContainerSize(values));

	for_each_element(values, [&](const JsonbValue &value) {
		if (value.type == jbvNull)
			return;
		if (String text = text_of(value); text.data != nullptr)
			tags.items[tags.count++] = concatenate(expression.prefix, text);
		else
			failed(expression, who, is_array(value) ? "the path leads to an array." : "the path leads to an object.");
	});
	return tags;
}

/*
 * dcb.derive_tags(name, expression, data) → the tags that a rule or a retag would give an event with that data; null for
 * null data. Errors: INVALID_TAG_EXPRESSION, TAG_EXPRESSION_FAILED, 22004.
 */
DCB_FUNCTION(dcb_derive_tags)
{
	if (PG_ARGISNULL(0))
		null_argument("name");
	if (PG_ARGISNULL(1))
		null_argument("expression");

	TagExpression expression = make_tag_expression(to_string(PG_GETARG_DATUM(0)), to_string(PG_GETARG_DATUM(1)));
	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();

	StringSet tags = derive_tags(expression, JsonbPGetDatum(PG_GETARG_JSONB_P(2)), "The data");
	tags.normalise();
	PG_RETURN_DATUM(to_text_array(tags));
}

} // namespace dcb
