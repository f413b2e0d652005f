/*
 * Events as clients hand them over: an array of dcb.new_event, or JSON.
 */
#include "composite.hpp"
#include "event.hpp"
#include "json.hpp"

namespace dcb {
namespace {

/* Attributes of the composite type dcb.new_event, in its order. */
enum NewEventAttribute
{
	ATTRIBUTE_TYPE,
	ATTRIBUTE_DATA,
	ATTRIBUTE_TAGS,
	ATTRIBUTE_METADATA,
	ATTRIBUTE_PAYLOAD,
	ATTRIBUTE_ID,
	NEW_EVENT_ATTRIBUTES
};

/* `number` counts from 1, as a client would. */
[[noreturn]] void
invalid(int number, const char *detail)
{
	ereport(ERROR, (errcode(INVALID_EVENT), errmsg("invalid event"), errdetail("Event %d of the append: %s", number, detail),
	                errhint("An event needs a type; make one with dcb.event(type, data, tags => ...), or as JSON: "
	                        "{\"type\": \"ItemAdded\", \"data\": {}, \"tags\": [\"cart:c1\"]}.")));
	pg_unreachable();
}

void
check_count(int count)
{
	if (count == 0)
		ereport(ERROR, (errcode(EMPTY_APPEND), errmsg("nothing to append"), errdetail("The list of events is empty."),
		                errhint("Leave the call out when a decision yields no event.")));
	if (count > MAX_EVENTS_PER_APPEND)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("too many events in one append"),
		                errdetail("There are %d; the limit is %d.", count, MAX_EVENTS_PER_APPEND),
		                errhint("Append them in several calls.")));
}

void
check_length(int number, const char *what, int length, int limit)
{
	if (length == 0)
		invalid(number, psprintf("an empty %s.", what));
	if (length > limit)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("the %s of an event is too long", what),
		                errdetail("Event %d of the append: the %s has %d bytes; the limit is %d.", number, what, length, limit),
		                errhint("Keep long values in the event's data.")));
}

void
finish(NewEvent &event, int number)
{
	if (event.type.data == nullptr)
		invalid(number, "the type is missing.");
	check_length(number, "type", event.type.length, MAX_TYPE_BYTES);
	check_tags(event, number);
	if (event.data.isnull)
		event.data = {DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")), false};
}

NullableDatum
detoasted(NullableDatum value)
{
	if (!value.isnull)
		value.value = PointerGetDatum(PG_DETOAST_DATUM(value.value));
	return value;
}

NewEvent
from_composite(HeapTupleHeader row, int number)
{
	NullableDatum attributes[NEW_EVENT_ATTRIBUTES];
	NewEvent event{};

	deform_row(row, attributes);
	if (!attributes[ATTRIBUTE_TYPE].isnull)
		event.type = to_string(attributes[ATTRIBUTE_TYPE].value);
	if (!attributes[ATTRIBUTE_TAGS].isnull)
	{
		ArrayType *tags = DatumGetArrayTypeP(attributes[ATTRIBUTE_TAGS].value);
		if (ARR_NDIM(tags) > 1)
			invalid(number, psprintf("tags have %d dimensions; give a flat array.", ARR_NDIM(tags)));
		event.tags = to_strings(tags);
	}
	event.data = detoasted(attributes[ATTRIBUTE_DATA]);
	event.metadata = detoasted(attributes[ATTRIBUTE_METADATA]);
	event.payload = detoasted(attributes[ATTRIBUTE_PAYLOAD]);
	event.id = attributes[ATTRIBUTE_ID];
	finish(event, number);
	return event;
}

NullableDatum
to_jsonb(const JsonbValue &value)
{
	if (value.type == jbvNull)
		return {0, true};
	return {JsonbPGetDatum(JsonbValueToJsonb(const_cast<JsonbValue *>(&value))), false};
}

NewEvent
from_json(const JsonbValue &object, int number)
{
	if (!is_object(object))
		invalid(number, "it is not a JSON object.");

	NewEvent event{};
	event.data.isnull = event.payload.isnull = event.metadata.isnull = event.id.isnull = true;

	auto text_of = [&](const JsonbValue &value, const char *key) {
		if (!is_string(value))
			invalid(number, psprintf("\"%s\" must be a string.", key));
		return string_of(value);
	};

	for_each_member(object.val.binary.data, [&](String key, const JsonbValue &value) {
		if (equals(key, "type"))
			event.type = text_of(value, "type");
		else if (equals(key, "data"))
			event.data = to_jsonb(value);
		else if (equals(key, "metadata"))
			event.metadata = to_jsonb(value);
		else if (equals(key, "tags"))
		{
			if (!is_array(value))
				invalid(number, "\"tags\" must be an array of strings.");
			event.tags = allocate_strings(JsonContainerSize(value.val.binary.data));
			for_each_element(value.val.binary.data, [&](const JsonbValue &tag) {
				event.tags.items[event.tags.count++] = text_of(tag, "tags");
			});
		}
		else if (equals(key, "payload") && value.type != jbvNull)
		{
			String base64 = text_of(value, "payload");
			event.payload.isnull = false;
			event.payload.value = read_input(
				[base64] {
					return DirectFunctionCall2(binary_decode,
				                               PointerGetDatum(cstring_to_text_with_len(base64.data, base64.length)),
				                               PointerGetDatum(cstring_to_text("base64")));
				},
				[number](const char *message) { invalid(number, psprintf("\"payload\" is not base64: %s.", message)); });
		}
		else if (equals(key, "id") && value.type != jbvNull)
		{
			String id = text_of(value, "id");
			event.id.isnull = false;
			event.id.value = read_input(
				[id] { return DirectFunctionCall1(uuid_in, CStringGetDatum(pnstrdup(id.data, id.length))); },
				[number](const char *message) { invalid(number, psprintf("\"id\" is not a uuid: %s.", message)); });
		}
		else if (!equals(key, "payload") && !equals(key, "id"))
			invalid(number, psprintf("\"%.*s\" is not a key of an event.", key.length, key.data));
	});
	finish(event, number);
	return event;
}

NewEvents
allocate_events(int count)
{
	check_count(count);
	return {static_cast<NewEvent *>(palloc0(sizeof(NewEvent) * count)), 0};
}

void
append_bytes(StringInfo out, const void *data, int length)
{
	appendBinaryStringInfo(out, reinterpret_cast<const char *>(&length), sizeof(length));
	appendBinaryStringInfo(out, static_cast<const char *>(data), length);
}

void
append_varlena(StringInfo out, NullableDatum value)
{
	appendStringInfoChar(out, value.isnull ? 0 : 1);
	if (!value.isnull)
		append_bytes(out, VARDATA_ANY(DatumGetPointer(value.value)), VARSIZE_ANY_EXHDR(DatumGetPointer(value.value)));
}

} // namespace

void
check_tags(NewEvent &event, int number)
{
	for (String tag : event.tags)
	{
		if (tag.data == nullptr)
			invalid(number, "a tag is null.");
		check_length(number, "tag", tag.length, MAX_TAG_BYTES);
	}
	event.tags.normalise();
	if (event.tags.count > MAX_TAGS_PER_EVENT)
		ereport(ERROR, (errcode(LIMIT_EXCEEDED), errmsg("too many tags on an event"),
		                errdetail("Event %d of the append has %d; the limit is %d.", number, event.tags.count,
		                          MAX_TAGS_PER_EVENT),
		                errhint("Tags are for identifiers that decisions ask for; keep other values in the data.")));
}

NewEvents
read_events(ArrayType *array)
{
	Datum *rows;
	bool *nulls;
	int count;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(INVALID_EVENT), errmsg("invalid list of events"),
		                errdetail("The array has %d dimensions.", ARR_NDIM(array)), errhint("Give a flat array.")));
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE, &rows, &nulls, &count);

	NewEvents events = allocate_events(count);
	for (; events.count < count; ++events.count)
	{
		int number = events.count + 1;
		if (nulls[events.count])
			invalid(number, "it is null.");
		events.items[events.count] = from_composite(DatumGetHeapTupleHeader(rows[events.count]), number);
	}
	return events;
}

NewEvents
read_events(const Jsonb *json)
{
	if (!JsonContainerIsArray(&json->root) || JsonContainerIsScalar(&json->root))
		ereport(ERROR, (errcode(INVALID_EVENT), errmsg("invalid list of events"),
		                errdetail("The JSON value is not an array."),
		                errhint("Give an array of events: [{\"type\": \"ItemAdded\", \"data\": {}, \"tags\": [\"cart:c1\"]}].")));

	NewEvents events = allocate_events(JsonContainerSize(&json->root));
	for_each_element(&json->root, [&](const JsonbValue &value) {
		events.items[events.count] = from_json(value, events.count + 1);
		++events.count;
	});
	return events;
}

Datum
to_json(NewEvents events)
{
	JsonbParseState *state = nullptr;
	auto push = [&](JsonbIteratorToken token, JsonbValue *value = nullptr) { return pushJsonbValue(&state, token, value); };
	auto string = [&](JsonbIteratorToken token, String s) {
		JsonbValue value{};
		value.type = jbvString;
		value.val.string.val = const_cast<char *>(s.data);
		value.val.string.len = s.length;
		push(token, &value);
	};
	auto key = [&](const char *name) { string(WJB_KEY, {name, static_cast<int>(std::strlen(name))}); };
	auto nested = [&](const char *name, Datum json, int number) {
		Jsonb *content = DatumGetJsonbP(json);
		JsonbValue value{};

		if (JB_ROOT_IS_SCALAR(content))
			JsonbExtractScalar(&content->root, &value);
		else
			JsonbToJsonbValue(content, &value);
		if (value.type == jbvNull)
			invalid(number, psprintf("the %s is JSON's null, which stands for none here.", name));
		key(name);
		push(WJB_VALUE, &value);
	};

	push(WJB_BEGIN_ARRAY);
	for (int i = 0; i < events.count; ++i)
	{
		const NewEvent &event = events.items[i];

		push(WJB_BEGIN_OBJECT);
		key("type");
		string(WJB_VALUE, event.type);
		key("tags");
		push(WJB_BEGIN_ARRAY);
		for (String tag : event.tags)
			string(WJB_ELEM, tag);
		push(WJB_END_ARRAY);
		nested("data", event.data.value, i + 1);
		if (!event.metadata.isnull)
			nested("metadata", event.metadata.value, i + 1);
		if (!event.payload.isnull)
		{
			key("payload");
			string(WJB_VALUE, to_string(DirectFunctionCall2(binary_encode, event.payload.value,
			                                                PointerGetDatum(cstring_to_text("base64")))));
		}
		if (!event.id.isnull)
		{
			const char *id = DatumGetCString(DirectFunctionCall1(uuid_out, event.id.value));

			key("id");
			string(WJB_VALUE, {id, UUID_LEN * 2 + 4});
		}
		push(WJB_END_OBJECT);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(push(WJB_END_ARRAY)));
}

Datum
digest(NewEvents events)
{
	StringInfoData content;

	initStringInfo(&content);
	for (const NewEvent &event : events)
	{
		append_bytes(&content, event.type.data, event.type.length);
		append_bytes(&content, &event.tags.count, sizeof(event.tags.count));
		for (String tag : event.tags)
			append_bytes(&content, tag.data, tag.length);
		append_varlena(&content, event.data);
		append_varlena(&content, event.payload);
		append_varlena(&content, event.metadata);
		appendStringInfoChar(&content, event.id.isnull ? 0 : 1);
		if (!event.id.isnull)
			append_bytes(&content, DatumGetUUIDP(event.id.value)->data, UUID_LEN);
	}
	return DirectFunctionCall1(sha256_bytea,
	                           PointerGetDatum(cstring_to_text_with_len(content.data, content.len)));
}

/* dcb.event(type, data, tags, metadata, payload, id) → dcb.new_event, whose attributes are the arguments; checked on append. */
DCB_FUNCTION(dcb_event)
{
	TupleDesc description;
	Datum values[NEW_EVENT_ATTRIBUTES];
	bool nulls[NEW_EVENT_ATTRIBUTES];

	if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "dcb.event has to return a row");
	for (int i = 0; i < NEW_EVENT_ATTRIBUTES; ++i)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i);
	}
	return HeapTupleGetDatum(heap_form_tuple(description, values, nulls));
}

} // namespace dcb
