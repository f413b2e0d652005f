/*
 * The canonical form of a query, its bytes and its JSON text.
 *
 * Bytes, integers big-endian: version (1); uint16 items; per item: flags (bit 0: has an own `after`), [int64 after], then
 * the lists types, except, tags, each: uint16 count, and per string uint16 length and its bytes.
 */
#include "json.hpp"
#include "query.hpp"

namespace dcb {
namespace {

constexpr uint8 FORMAT_VERSION = 1;
constexpr uint8 HAS_AFTER = 1;

[[noreturn]] void
invalid(const char *detail)
{
	ereport(ERROR,
	        (errcode(INVALID_QUERY), errmsg("invalid event query"), errdetail("%s", detail),
	         errhint("A query looks like {\"items\": [{\"types\": [\"ItemAdded\"], \"tags\": [\"cart:c1\"]}]}; an item may "
	                 "also have \"except\" (types) and \"after\" (a position).")));
	pg_unreachable();
}

void
check_strings(StringSet set, const char *list, int max_bytes)
{
	if (set.count > MAX_STRINGS_PER_LIST)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("too many %s in a query item", list),
		                errdetail("There are %d; the limit is %d.", set.count, MAX_STRINGS_PER_LIST),
		                errhint("Split the item into several, or use fewer %s.", list)));
	for (String s : set)
	{
		if (s.data == nullptr)
			invalid(psprintf("A null is among the %s.", list));
		if (s.length == 0)
			invalid(psprintf("An empty string is among the %s.", list));
		if (s.length > max_bytes)
			ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("a string among the %s of a query is too long", list),
			                errdetail("It has %d bytes; the limit is %d.", s.length, max_bytes),
			                errhint("No stored event has a longer one.")));
	}
}

int
compare(StringSet a, StringSet b)
{
	for (int i = 0; i < a.count && i < b.count; ++i)
		if (int order = dcb::compare(a.items[i], b.items[i]); order != 0)
			return order;
	return a.count - b.count;
}

int
compare(const QueryItem &a, const QueryItem &b)
{
	if (int order = compare(a.types, b.types); order != 0)
		return order;
	if (int order = compare(a.except, b.except); order != 0)
		return order;
	if (int order = compare(a.tags, b.tags); order != 0)
		return order;
	if (a.has_after != b.has_after)
		return a.has_after ? 1 : -1;
	return a.after == b.after ? 0 : a.after < b.after ? -1 : 1;
}

/* Writes into memory that was measured before. */
struct Writer
{
	char *at;

	void byte(uint8 v) { *at++ = static_cast<char>(v); }
	void uint16_be(int v)
	{
		byte(static_cast<uint8>(v >> 8));
		byte(static_cast<uint8>(v));
	}
	void int64_be(int64 v)
	{
		for (int shift = 56; shift >= 0; shift -= 8)
			byte(static_cast<uint8>(v >> shift));
	}
	void strings(StringSet set)
	{
		uint16_be(set.count);
		for (String s : set)
		{
			uint16_be(s.length);
			std::memcpy(at, s.data, s.length);
			at += s.length;
		}
	}
};

/* Reads bytes that encode() has written. */
struct Reader
{
	const char *at;

	uint8 byte() { return static_cast<uint8>(*at++); }
	int uint16_be()
	{
		int high = byte();
		return high << 8 | byte();
	}
	int64 int64_be()
	{
		uint64 v = 0;
		for (int i = 0; i < 8; ++i)
			v = v << 8 | byte();
		return static_cast<int64>(v);
	}
	StringSet strings()
	{
		int count = uint16_be();
		StringSet set = allocate_strings(count);

		for (; set.count < count; ++set.count)
		{
			int length = uint16_be();
			set.items[set.count] = {at, length};
			at += length;
		}
		return set;
	}
};

Size
size_of(StringSet set)
{
	Size size = 2;
	for (String s : set)
		size += 2 + s.length;
	return size;
}

StringSet
parse_strings(const JsonbValue &value, const char *key)
{
	if (!is_array(value))
		invalid(psprintf("\"%s\" must be an array of strings.", key));

	StringSet set = allocate_strings(JsonContainerSize(value.val.binary.data));
	for_each_element(value.val.binary.data, [&](const JsonbValue &element) {
		if (!is_string(element))
			invalid(psprintf("\"%s\" must hold strings only.", key));
		set.items[set.count++] = string_of(element);
	});
	return set;
}

int64
parse_position(const JsonbValue &value)
{
	static constexpr char expected[] = "\"after\" must be a position, a whole number.";

	if (value.type != jbvNumeric)
		invalid(expected);

	Datum number = NumericGetDatum(value.val.numeric);
	Datum position = read_input([number] { return DirectFunctionCall1(numeric_int8, number); },
	                            [](const char *) { invalid(expected); });
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, number, DirectFunctionCall1(int8_numeric, position))))
		invalid(expected);
	return DatumGetInt64(position);
}

QueryItem
parse_item(const JsonbValue &value)
{
	if (!is_object(value))
		invalid("An item must be an object.");

	QueryItem item{};
	for_each_member(value.val.binary.data, [&](String key, const JsonbValue &member) {
		if (equals(key, "types"))
			item.types = parse_strings(member, "types");
		else if (equals(key, "except"))
			item.except = parse_strings(member, "except");
		else if (equals(key, "tags"))
			item.tags = parse_strings(member, "tags");
		else if (equals(key, "after"))
		{
			item.after = parse_position(member);
			item.has_after = true;
		}
		else
			invalid(psprintf("\"%.*s\" is not a key of a query item.", key.length, key.data));
	});
	return item;
}

void
print_list(StringInfo out, const char *key, StringSet set, const char **separator)
{
	if (set.count == 0)
		return;
	appendStringInfo(out, "%s\"%s\": [", *separator, key);
	for (int i = 0; i < set.count; ++i)
	{
		if (i > 0)
			appendStringInfoString(out, ", ");
		escape_json(out, pnstrdup(set.items[i].data, set.items[i].length));
	}
	appendStringInfoChar(out, ']');
	*separator = ", ";
}

} // namespace

void
check_item_count(int count)
{
	if (count > MAX_ITEMS_PER_QUERY)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("too many items in a query"),
		                errdetail("There are %d or more; the limit is %d.", count, MAX_ITEMS_PER_QUERY),
		                errhint("Put types of the same tags into one item.")));
}

void
normalise(Query &query)
{
	int strings = 0;

	if (query.count == 0)
		ereport(ERROR, (errcode(INVALID_QUERY), errmsg("invalid event query"), errdetail("The query has no items."),
		                errhint("Use dcb.all() to match every event.")));
	check_item_count(query.count);
	for (int i = 0; i < query.count; ++i)
	{
		QueryItem &item = query.items[i];

		check_strings(item.types, "types", MAX_TYPE_BYTES);
		check_strings(item.except, "excluded types", MAX_TYPE_BYTES);
		check_strings(item.tags, "tags", MAX_TAG_BYTES);
		if (item.has_after && item.after < 0)
			invalid("\"after\" must not be negative.");
		item.types.normalise();
		item.except.normalise();
		item.tags.normalise();
		strings += item.types.count + item.except.count + item.tags.count;
	}
	if (strings > MAX_STRINGS_PER_QUERY)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("too many types and tags in a query"),
		                errdetail("There are %d; the limit is %d.", strings, MAX_STRINGS_PER_QUERY),
		                errhint("Split the query into several.")));
	std::sort(query.items, query.items + query.count,
	          [](const QueryItem &a, const QueryItem &b) { return compare(a, b) < 0; });
	query.count = static_cast<int>(std::unique(query.items, query.items + query.count,
	                                           [](const QueryItem &a, const QueryItem &b) { return compare(a, b) == 0; }) -
	                               query.items);
}

struct varlena *
encode(const Query &query)
{
	Size size = VARHDRSZ + 1 + 2;

	for (int i = 0; i < query.count; ++i)
	{
		const QueryItem &item = query.items[i];
		size += 1 + (item.has_after ? 8 : 0) + size_of(item.types) + size_of(item.except) + size_of(item.tags);
	}

	auto *result = static_cast<struct varlena *>(palloc(size));
	SET_VARSIZE(result, size);

	Writer w{VARDATA(result)};
	w.byte(FORMAT_VERSION);
	w.uint16_be(query.count);
	for (int i = 0; i < query.count; ++i)
	{
		const QueryItem &item = query.items[i];

		w.byte(item.has_after ? HAS_AFTER : 0);
		if (item.has_after)
			w.int64_be(item.after);
		w.strings(item.types);
		w.strings(item.except);
		w.strings(item.tags);
	}
	Assert(w.at == reinterpret_cast<char *>(result) + size);
	return result;
}

Query
decode(Datum datum)
{
	Reader r{VARDATA_ANY(PG_DETOAST_DATUM_PACKED(datum))};

	if (r.byte() != FORMAT_VERSION)
		elog(ERROR, "stored event query has an unknown format");

	Query query{nullptr, r.uint16_be()};
	query.items = static_cast<QueryItem *>(palloc0(sizeof(QueryItem) * query.count));
	for (int i = 0; i < query.count; ++i)
	{
		QueryItem &item = query.items[i];

		item.has_after = (r.byte() & HAS_AFTER) != 0;
		if (item.has_after)
			item.after = r.int64_be();
		item.types = r.strings();
		item.except = r.strings();
		item.tags = r.strings();
	}
	return query;
}

Query
parse_query(const JsonbContainer *json)
{
	Query query{};
	bool seen = false;

	if (!JsonContainerIsObject(json))
		invalid("A query must be a JSON object.");
	for_each_member(json, [&](String key, const JsonbValue &value) {
		if (!equals(key, "items"))
			invalid(psprintf("\"%.*s\" is not a key of a query.", key.length, key.data));
		if (!is_array(value))
			invalid("\"items\" must be an array.");
		seen = true;
		query.items = static_cast<QueryItem *>(
			palloc_extended(sizeof(QueryItem) * (JsonContainerSize(value.val.binary.data) + 1), MCXT_ALLOC_HUGE));
		for_each_element(value.val.binary.data,
		                 [&](const JsonbValue &item) { query.items[query.count++] = parse_item(item); });
	});
	if (!seen)
		invalid("The key \"items\" is missing.");
	normalise(query);
	return query;
}

void
print_query(StringInfo out, const Query &query)
{
	appendStringInfoString(out, "{\"items\": [");
	for (int i = 0; i < query.count; ++i)
	{
		const QueryItem &item = query.items[i];
		const char *separator = "";

		appendStringInfoString(out, i > 0 ? ", {" : "{");
		print_list(out, "types", item.types, &separator);
		print_list(out, "except", item.except, &separator);
		print_list(out, "tags", item.tags, &separator);
		if (item.has_after)
			appendStringInfo(out, "%s\"after\": " INT64_FORMAT, separator, item.after);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoString(out, "]}");
}

} // namespace dcb
