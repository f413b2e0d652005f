/*
 * What the server reads from clients, under libFuzzer inside a backend: the functions of the extension, instrumented, on the server's own.
 *
 * fuzz(target, libFuzzer's arguments) does not return: libFuzzer ends the process. test/fuzz/server calls it in single-user mode.
 */
#include "../../extension/query.hpp"
#include "../../extension/request.hpp"
#include "../../extension/tag_expression.hpp"

#include <cstdio>
#include <cstdlib>

#include <sys/mman.h>

extern "C" {
PG_MODULE_MAGIC;
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
Datum dcb_query_in(PG_FUNCTION_ARGS);
Datum dcb_query_out(PG_FUNCTION_ARGS);
Datum dcb_query_recv(PG_FUNCTION_ARGS);
Datum dcb_query_send(PG_FUNCTION_ARGS);
Datum dcb_query_eq(PG_FUNCTION_ARGS);
Datum dcb_query_union(PG_FUNCTION_ARGS);
}

/*
 * The functions under test are compiled with these in place of palloc: each piece of up to a page ends where a page without any access
 * begins, so that a read or a write beyond it ends the run; the server's chunks would let most of them pass. All are given back after each
 * input.
 */
static constexpr Size PAGE = 4096;
static constexpr int SLOTS = 8192;
static constexpr int MAX_LARGE = 65536;
static char *slots; /* pages, every other one without access */
static int used_slots = 0;
static void *large[MAX_LARGE];
static int large_count = 0;

static void
prepare_slots()
{
	slots = static_cast<char *>(mmap(nullptr, 2 * PAGE * SLOTS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	if (slots == MAP_FAILED)
		std::abort();
	for (int i = 0; i < SLOTS; ++i)
		if (mprotect(slots + (2 * i + 1) * PAGE, PAGE, PROT_NONE) != 0)
			std::abort();
}

static void
give_back()
{
	used_slots = 0;
	while (large_count > 0)
		std::free(large[--large_count]);
}

extern "C" void *
palloc_extended(Size size, int flags)
{
	void *memory;

	if ((flags & MCXT_ALLOC_HUGE) == 0 && !AllocSizeIsValid(size))
		elog(ERROR, "invalid memory alloc request size %zu", size);
	if (size <= PAGE && used_slots < SLOTS)
		memory = slots + (2 * used_slots++ + 1) * PAGE - size;
	else if (large_count == MAX_LARGE || (memory = large[large_count++] = std::malloc(size)) == nullptr)
		std::abort();
	std::memset(memory, (flags & MCXT_ALLOC_ZERO) != 0 ? 0 : 0x7f, size);
	return memory;
}
extern "C" void *
palloc(Size size)
{
	return palloc_extended(size, 0);
}
extern "C" void *
palloc0(Size size)
{
	return palloc_extended(size, MCXT_ALLOC_ZERO);
}

namespace dcb {
namespace {

MemoryContext of_input;
bool accepted; /* what follows works on what we have taken, and may not fail */

void
require(bool holds, const char *promise)
{
	if (holds)
		return;
	std::fprintf(stderr, "broken promise: %s\n", promise);
	std::abort();
}

/* As the protocol hands text to the server: in the encoding of the database, ended by the only NUL. */
char *
as_text(String input)
{
	if (std::memchr(input.data, 0, input.length) != nullptr || !pg_verify_mbstr(PG_UTF8, input.data, input.length, true))
		return nullptr;

	char *text = static_cast<char *>(palloc(input.length + 1));
	std::memcpy(text, input.data, input.length);
	text[input.length] = '\0';
	return text;
}

Datum
receive(String input)
{
	StringInfoData message{};

	message.data = static_cast<char *>(palloc(input.length + 1)); /* a message ends with a NUL, too */
	std::memcpy(message.data, input.data, input.length);
	message.data[input.length] = '\0';
	message.len = message.maxlen = input.length;
	return DirectFunctionCall1(dcb_query_recv, PointerGetDatum(&message));
}

bool
same(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(dcb_query_eq, a, b));
}

void
check_query(Datum query)
{
	accepted = true;
	require(same(DirectFunctionCall1(dcb_query_in, DirectFunctionCall1(dcb_query_out, query)), query),
	        "a query's text is read as the same query");
	bytea *sent = DatumGetByteaPP(DirectFunctionCall1(dcb_query_send, query));
	require(same(receive({VARDATA_ANY(sent), static_cast<int>(VARSIZE_ANY_EXHDR(sent))}), query),
	        "a query's binary form is read as the same query");

	Query decoded = decode(query);
	for (int i = 0; i < decoded.count; ++i)
	{
		const QueryItem &item = decoded.items[i];
		String type = item.types.count > 0 ? item.types.items[0] : String{"any", 3};
		if (!item.except.contains(type))
			require(decoded.matches(type, item.tags), "what an item asks for matches");
	}
	if (decoded.count == 1)
		require(same(DirectFunctionCall2(dcb_query_union, query, query), query), "a query and itself are that query");
}

void
query_text(String input)
{
	if (char *text = as_text(input); text != nullptr)
		check_query(DirectFunctionCall1(dcb_query_in, CStringGetDatum(text)));
}

void
query_binary(String input)
{
	check_query(receive(input));
}

bool
same(NewEvents a, NewEvents b)
{
	bytea *of_a = DatumGetByteaPP(digest(a));
	bytea *of_b = DatumGetByteaPP(digest(b));
	return a.count == b.count && std::memcmp(VARDATA_ANY(of_a), VARDATA_ANY(of_b), VARSIZE_ANY_EXHDR(of_a)) == 0;
}

/* The JSON form of events, and what becomes of it on the way through memory that sessions share. */
void
events_json(String input)
{
	char *text = as_text(input);
	if (text == nullptr)
		return;

	AppendRequest request{};
	request.events = json_events(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	request.fail_if_events_match.isnull = true;
	accepted = true;
	require(same(json_events(to_json(request.events)), request.events), "events' JSON is read as the same events");

	bool fits = false;
	for (Size capacity = 64; !fits; capacity += capacity / 4)
	{
		char *buffer = static_cast<char *>(palloc(MAXALIGN(capacity)));
		fits = pack(request, buffer, MAXALIGN(capacity));
		if (fits)
			require(same(unpack(buffer).events, request.events), "packed events are unpacked as the same");
	}
}

/* A name, a path and data, in lines. Paths with regular expressions take as long as the server's take. */
void
tag_expression(String input)
{
	char *name = as_text(input);
	char *path = name == nullptr ? nullptr : std::strchr(name, '\n');
	char *data = path == nullptr ? nullptr : std::strchr(path + 1, '\n');
	if (data == nullptr || std::strstr(path, "like_regex") != nullptr)
		return;
	*path++ = *data++ = '\0';

	Datum json = DirectFunctionCall1(jsonb_in, CStringGetDatum(data));
	TagExpression expression = make_tag_expression(to_string(name), to_string(path));
	StringSet tags = derive_tags(expression, json, "The data");
	for (String tag : tags)
	{
		require(as_text(tag) != nullptr, "a derived tag is text");
		require(tag.length >= expression.prefix.length && std::memcmp(tag.data, expression.prefix.data, expression.prefix.length) == 0,
		        "a derived tag begins with its name");
	}
	tags.normalise();
	to_text_array(tags);
}

/* Ours, or the server's for data, limits and the protocol. */
bool
is_about_input(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return std::strncmp(unpack_sql_state(sqlstate), "DCB", 3) == 0 || category == ERRCODE_DATA_EXCEPTION ||
	       category == ERRCODE_PROGRAM_LIMIT_EXCEEDED || sqlstate == ERRCODE_PROTOCOL_VIOLATION;
}

template <void (*Target)(String)>
int
try_input(const uint8_t *data, size_t size)
{
	accepted = false;
	MemoryContextSwitchTo(of_input);
	PG_TRY();
	{
		Target({reinterpret_cast<const char *>(data), static_cast<int>(size)});
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(of_input);
		ErrorData *error = CopyErrorData();
		FlushErrorState();
		if (accepted || !is_about_input(error->sqlerrcode))
		{
			std::fprintf(stderr, "%s: %s\n", unpack_sql_state(error->sqlerrcode), error->message);
			require(false, accepted ? "what was taken makes no error later" : "the error names what is wrong with the input");
		}
	}
	PG_END_TRY();
	give_back();
	MemoryContextReset(of_input);
	return 0;
}

constexpr struct
{
	const char *name;
	int (*try_input)(const uint8_t *data, size_t size);
} TARGETS[] = {{"query_text", try_input<query_text>},
               {"query_binary", try_input<query_binary>},
               {"events_json", try_input<events_json>},
               {"tag_expression", try_input<tag_expression>}};

} // namespace

/* fuzz(target text, arguments text[]) */
DCB_FUNCTION(fuzz)
{
	prepare_slots();

	String name = to_string(PG_GETARG_DATUM(0));
	StringSet words = to_strings(PG_GETARG_ARRAYTYPE_P(1));
	char **arguments = static_cast<char **>(std::calloc(words.count + 2, sizeof(char *)));
	int count = 0;

	arguments[count++] = strndup(name.data, name.length);
	for (String word : words)
		arguments[count++] = strndup(word.data, word.length);
	give_back();
	of_input = AllocSetContextCreate(TopMemoryContext, "input", ALLOCSET_DEFAULT_SIZES);
	for (const auto &target : TARGETS)
		if (std::strcmp(target.name, arguments[0]) == 0)
			LLVMFuzzerRunDriver(&count, &arguments, target.try_input);
	elog(ERROR, "there is no target %s", arguments[0]);
	PG_RETURN_VOID();
}

} // namespace dcb
