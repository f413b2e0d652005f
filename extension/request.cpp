#include "request.hpp"

namespace dcb {

NewEvents
typed_events(Datum array)
{
	return read_events(DatumGetArrayTypeP(array));
}

NewEvents
json_events(Datum json)
{
	return read_events(DatumGetJsonbP(json));
}

AppendRequest
make_request(NewEvents events, NullableDatum fail_if_events_match, NullableDatum after, NullableDatum append_id)
{
	AppendRequest request{};

	request.events = events;
	request.fail_if_events_match = fail_if_events_match;
	if (!fail_if_events_match.isnull)
		request.fail_if_events_match.value = PointerGetDatum(PG_DETOAST_DATUM(fail_if_events_match.value));
	request.after = after.isnull ? 0 : DatumGetInt64(after.value);
	if (request.after < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"after\" must not be negative"),
		                errdetail("It is " INT64_FORMAT ".", request.after),
		                errhint("Give the position up to which events were read; 0 means none.")));
	if (request.after > 0 && fail_if_events_match.isnull)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"after\" is of no use without a query"),
		                errdetail("fail_if_events_match is null."),
		                errhint("Give fail_if_events_match, or leave \"after\" out for an unconditional append.")));
	if (!append_id.isnull)
	{
		request.append_id = DatumGetUUIDP(append_id.value);
		request.content = digest(events);
	}
	return request;
}

void
check_may_write()
{
	PreventCommandIfReadOnly("an append");
	PreventCommandIfParallelMode("an append");
	PreventCommandDuringRecovery("an append");
}

AppendRequest
read_request(FunctionCallInfo fcinfo, ReadEvents read)
{
	check_may_write();
	if (PG_ARGISNULL(ARGUMENT_APPEND_STORE))
		null_argument("store");
	if (PG_ARGISNULL(ARGUMENT_APPEND_EVENTS))
		ereport(ERROR, (errcode(EMPTY_APPEND), errmsg("nothing to append"), errdetail("The list of events is null."),
		                errhint("Leave the call out when a decision yields no event.")));
	return make_request(read(PG_GETARG_DATUM(ARGUMENT_APPEND_EVENTS)), fcinfo->args[ARGUMENT_APPEND_CONDITION],
	                    fcinfo->args[ARGUMENT_APPEND_AFTER], fcinfo->args[ARGUMENT_APPEND_ID]);
}

namespace {

/* Pieces follow one another, each from an aligned place. */
struct Packer
{
	char *at;
	char *end;
	bool fits = true;

	void put(const void *data, Size size)
	{
		if (!fits || MAXALIGN(size) > static_cast<Size>(end - at))
		{
			fits = false;
			return;
		}
		std::memcpy(at, data, size);
		at += MAXALIGN(size);
	}
	void number(int64 value) { put(&value, sizeof(value)); }
	void string(String s)
	{
		number(s.length);
		put(s.data, s.length);
	}
	void varlena(NullableDatum value)
	{
		Size size = value.isnull ? 0 : VARSIZE_ANY(DatumGetPointer(value.value));
		number(static_cast<int64>(size));
		if (size > 0)
			put(DatumGetPointer(value.value), size);
	}
	void uuid(const pg_uuid_t *id)
	{
		number(id != nullptr);
		if (id != nullptr)
			put(id, sizeof(*id));
	}
};

struct Unpacker
{
	const char *at;

	const void *take(Size size)
	{
		const char *piece = at;
		at += MAXALIGN(size);
		return piece;
	}
	int64 number() { return *static_cast<const int64 *>(take(sizeof(int64))); }
	String string()
	{
		int length = static_cast<int>(number());
		return {static_cast<const char *>(take(length)), length};
	}
	NullableDatum varlena()
	{
		Size size = static_cast<Size>(number());
		return size == 0 ? NullableDatum{0, true} : NullableDatum{PointerGetDatum(take(size)), false};
	}
	const pg_uuid_t *uuid() { return number() != 0 ? static_cast<const pg_uuid_t *>(take(sizeof(pg_uuid_t))) : nullptr; }
};

} // namespace

bool
pack(const AppendRequest &request, char *buffer, Size capacity)
{
	Packer p{buffer, buffer + capacity};

	p.number(request.after);
	p.number(static_cast<int64>(request.tag_rules));
	p.varlena(request.fail_if_events_match);
	p.uuid(request.append_id);
	p.varlena({request.content, request.append_id == nullptr});
	p.number(request.events.count);
	for (const NewEvent &event : request.events)
	{
		p.string(event.type);
		p.number(event.tags.count);
		for (String tag : event.tags)
			p.string(tag);
		p.varlena(event.data);
		p.varlena(event.payload);
		p.varlena(event.metadata);
		p.uuid(event.id.isnull ? nullptr : DatumGetUUIDP(event.id.value));
		if (!p.fits)
			break;
	}
	return p.fits;
}

AppendRequest
unpack(const char *buffer)
{
	Unpacker u{buffer};
	AppendRequest request{};

	request.after = u.number();
	request.tag_rules = static_cast<uint64>(u.number());
	request.fail_if_events_match = u.varlena();
	request.append_id = u.uuid();
	request.content = u.varlena().value;

	int count = static_cast<int>(u.number());
	request.events.items = static_cast<NewEvent *>(palloc0(sizeof(NewEvent) * count));
	for (; request.events.count < count; ++request.events.count)
	{
		NewEvent &event = request.events.items[request.events.count];

		event.type = u.string();
		int tags = static_cast<int>(u.number());
		event.tags = allocate_strings(tags);
		while (event.tags.count < tags)
			event.tags.items[event.tags.count++] = u.string();
		event.data = u.varlena();
		event.payload = u.varlena();
		event.metadata = u.varlena();
		const pg_uuid_t *id = u.uuid();
		event.id = {UUIDPGetDatum(id), id == nullptr};
	}
	return request;
}

} // namespace dcb
