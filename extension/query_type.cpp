/*
 * The SQL type dcb.query: input, output, constructors, union, equality, matching.
 */
#include "query.hpp"

namespace dcb {

namespace {

Datum
to_datum(Query query)
{
	normalise(query);
	return PointerGetDatum(encode(query));
}

StringSet
strings_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR, (errcode(INVALID_QUERY), errmsg("invalid event query"), errdetail("%s is null.", name),
		                errhint("Leave the argument out, or give an empty array, to mean \"any\".")));

	ArrayType *array = PG_GETARG_ARRAYTYPE_P(number);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(INVALID_QUERY), errmsg("invalid event query"),
		                errdetail("%s has %d dimensions.", name, ARR_NDIM(array)), errhint("Give a flat array.")));
	return to_strings(array);
}

[[noreturn]] void
refuse_text(const char *detail)
{
	ereport(ERROR, (errcode(INVALID_QUERY), errmsg("invalid event query"), errdetail("%s", detail),
	                errhint("Name the arguments, as in dcb.query(types => '{ItemAdded}', tags => '{cart:c1}'), or write JSON: "
	                        "{\"items\": [{\"types\": [\"ItemAdded\"]}]}.")));
	pg_unreachable();
}

/* Lists of the wire form are in the client's encoding. */
void
send_strings(StringInfo out, StringSet set)
{
	pq_sendint16(out, set.count);
	for (String s : set)
	{
		char *converted = pg_server_to_client(s.data, s.length);
		int length = converted == s.data ? s.length : static_cast<int>(strlen(converted));

		if (length > PG_UINT16_MAX)
			ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("a string of an event query is too long in the client's encoding"),
			                errdetail("It has %d bytes.", length), errhint("Use client_encoding UTF8.")));
		pq_sendint16(out, length);
		pq_sendbytes(out, converted, length);
	}
}

StringSet
receive_strings(StringInfo in)
{
	int count = pq_getmsgint(in, 2);
	StringSet set = allocate_strings(count);

	while (set.count < count)
	{
		int length = pq_getmsgint(in, 2);
		int converted_length;
		const char *converted = pq_getmsgtext(in, length, &converted_length);
		set.items[set.count++] = {converted, converted_length};
	}
	return set;
}

} // namespace

/*
 * dcb.query_in(cstring) → dcb.query: JSON text. Errors: DCB02, DCB06.
 *
 * dcb.query('{A,B}') comes here too: SQL reads a call with one untyped argument as a cast to the type of that name.
 */
DCB_FUNCTION(dcb_query_in)
{
	const char *text = PG_GETARG_CSTRING(0);
	const char *start = text + strspn(text, " \t\r\n");

	if (*start != '{' || strchr("\"}", start[1 + strspn(start + 1, " \t\r\n")]) == nullptr)
		refuse_text(psprintf("\"%.*s\" is not a JSON object.", pg_mbcliplen(text, strlen(text), 60), text));
	PG_RETURN_DATUM(read_input(
		[text] {
			Datum json = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
			return PointerGetDatum(encode(parse_query(&DatumGetJsonbP(json)->root)));
		},
		[](const char *message) { refuse_text(psprintf("The text is not a query: %s.", message)); }));
}

/* dcb.query_out(dcb.query) → cstring: canonical JSON text. */
DCB_FUNCTION(dcb_query_out)
{
	StringInfoData out;

	initStringInfo(&out);
	print_query(&out, decode(PG_GETARG_DATUM(0)));
	PG_RETURN_CSTRING(out.data);
}

/* dcb.query_recv(internal) → dcb.query: the wire form of query.cpp. Errors: 08P01, DCB02, DCB06. */
DCB_FUNCTION(dcb_query_recv)
{
	auto in = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
	Query query{};

	if (int version = pq_getmsgbyte(in); version != 1)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("unknown format of a binary event query"),
		                errdetail("The version is %d; this server reads 1.", version)));
	query.count = pq_getmsgint(in, 2);
	query.items = static_cast<QueryItem *>(palloc0(sizeof(QueryItem) * std::max(query.count, 1)));
	for (int i = 0; i < query.count; ++i)
	{
		QueryItem &item = query.items[i];

		if (int flags = pq_getmsgbyte(in); flags == 1)
		{
			item.has_after = true;
			item.after = pq_getmsgint64(in);
		}
		else if (flags != 0)
			ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("unknown flags in a binary event query"),
			                errdetail("The flags are %d.", flags)));
		item.types = receive_strings(in);
		item.except = receive_strings(in);
		item.tags = receive_strings(in);
	}
	PG_RETURN_DATUM(to_datum(query));
}

/* dcb.query_send(dcb.query) → bytea: the wire form. */
DCB_FUNCTION(dcb_query_send)
{
	Query query = decode(PG_GETARG_DATUM(0));
	StringInfoData out;

	pq_begintypsend(&out);
	pq_sendbyte(&out, 1);
	pq_sendint16(&out, query.count);
	for (int i = 0; i < query.count; ++i)
	{
		const QueryItem &item = query.items[i];

		pq_sendbyte(&out, item.has_after ? 1 : 0);
		if (item.has_after)
			pq_sendint64(&out, item.after);
		send_strings(&out, item.types);
		send_strings(&out, item.except);
		send_strings(&out, item.tags);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

/* dcb.query(types, tags, except_types, after) → dcb.query of one item; without arguments it matches every event. */
DCB_FUNCTION(dcb_query_make)
{
	QueryItem item{};

	item.types = strings_argument(fcinfo, 0, "types");
	item.tags = strings_argument(fcinfo, 1, "tags");
	item.except = strings_argument(fcinfo, 2, "except_types");
	item.has_after = !PG_ARGISNULL(3);
	if (item.has_after)
		item.after = PG_GETARG_INT64(3);
	PG_RETURN_DATUM(to_datum({&item, 1}));
}

/* dcb.query || dcb.query → the items of both. */
DCB_FUNCTION(dcb_query_union)
{
	Query a = decode(PG_GETARG_DATUM(0));
	Query b = decode(PG_GETARG_DATUM(1));
	Query both{static_cast<QueryItem *>(palloc(sizeof(QueryItem) * (a.count + b.count))), a.count + b.count};

	std::copy_n(a.items, a.count, both.items);
	std::copy_n(b.items, b.count, both.items + a.count);
	PG_RETURN_DATUM(to_datum(both));
}

/* dcb.any_of(VARIADIC dcb.query[]) → the items of all of them. */
DCB_FUNCTION(dcb_query_any_of)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum *elements;
	bool *nulls;
	int count;
	Query all{};

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	auto *queries = static_cast<Query *>(palloc(sizeof(Query) * std::max(count, 1)));
	for (int i = 0; i < count; ++i)
	{
		if (nulls[i])
			null_argument("queries");
		queries[i] = decode(elements[i]);
		all.count += queries[i].count;
		check_item_count(all.count); /* before memory is taken for more than there may be */
	}
	all.items = static_cast<QueryItem *>(palloc(sizeof(QueryItem) * std::max(all.count, 1)));

	QueryItem *next = all.items;
	for (int i = 0; i < count; ++i)
		next = std::copy_n(queries[i].items, queries[i].count, next);
	PG_RETURN_DATUM(to_datum(all));
}

/* Equality of canonical forms: the same items with the same positions, however they were written. */
DCB_FUNCTION(dcb_query_eq)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);
	struct varlena *b = PG_GETARG_VARLENA_PP(1);

	PG_RETURN_BOOL(VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
	               std::memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0);
}

DCB_FUNCTION(dcb_query_ne)
{
	PG_RETURN_BOOL(!DatumGetBool(dcb_query_eq(fcinfo)));
}

DCB_FUNCTION(dcb_query_hash)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);

	return hash_any(reinterpret_cast<unsigned char *>(VARDATA_ANY(a)), VARSIZE_ANY_EXHDR(a));
}

DCB_FUNCTION(dcb_query_hash_extended)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);

	return hash_any_extended(reinterpret_cast<unsigned char *>(VARDATA_ANY(a)), VARSIZE_ANY_EXHDR(a), PG_GETARG_INT64(1));
}

/* dcb.matches(query, type, tags) → would an event of this type with these tags match? Positions do not count here. */
DCB_FUNCTION(dcb_matches)
{
	StringSet tags = strings_argument(fcinfo, 2, "tags");

	for (String tag : tags)
		if (tag.data == nullptr)
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a tag must not be null"),
			                errhint("Events have no null tags.")));
	tags.normalise();
	PG_RETURN_BOOL(decode(PG_GETARG_DATUM(0)).matches(to_string(PG_GETARG_DATUM(1)), tags));
}

Datum
query_from_text(Datum printed)
{
	return DirectFunctionCall1(dcb_query_in, CStringGetDatum(text_to_cstring(DatumGetTextPP(printed))));
}

} // namespace dcb
