/*
 * The SQLSTATEs that are ours, and the limits, each the same for every way into the store.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

constexpr int
sqlstate(const char (&code)[6])
{
	return MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
}

constexpr int CONDITION_FAILED = sqlstate("DCB01");
constexpr int INVALID_QUERY = sqlstate("DCB02");
constexpr int INVALID_EVENT = sqlstate("DCB03");
constexpr int EMPTY_APPEND = sqlstate("DCB04");
constexpr int UNKNOWN_STORE = sqlstate("DCB05");
constexpr int LIMIT_EXCEEDED = sqlstate("DCB06");
constexpr int APPEND_ID_REUSED = sqlstate("DCB07");
constexpr int PREPARED_APPEND = sqlstate("DCB08");
constexpr int POSITION_BEYOND_HEAD = sqlstate("DCB09");
constexpr int EVENTS_ARE_IMMUTABLE = sqlstate("DCB10");
constexpr int SUBSCRIPTION_TAKEN_OVER = sqlstate("DCB11");
constexpr int OTHER_HISTORY = sqlstate("DCB12");
constexpr int UNKNOWN_SUBSCRIPTION = sqlstate("DCB13");
constexpr int DUE_COMMAND_REUSED = sqlstate("DCB14");
constexpr int INVALID_TAG_EXPRESSION = sqlstate("DCB17");
constexpr int TAG_EXPRESSION_FAILED = sqlstate("DCB18");

constexpr int MAX_TYPE_BYTES = 256;
constexpr int MAX_TAG_BYTES = 1024;
constexpr int MAX_TAGS_PER_EVENT = 1024;
constexpr int MAX_EVENTS_PER_APPEND = 65536;
constexpr int MAX_ITEMS_PER_QUERY = 1024;
constexpr int MAX_STRINGS_PER_LIST = 1024;
/* A read keeps one index scan open per type or tag, about 45 kB each. */
constexpr int MAX_STRINGS_PER_QUERY = 4096;

[[noreturn]] inline void
null_argument(const char *name)
{
	ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("\"%s\" must not be null", name),
	                errhint("Leave an argument out to get its default.")));
	pg_unreachable();
}

/*
 * Calls one of the server's input functions. Where that refuses its input, refuse(message) reports it as part of what the
 * client gave us. Nothing but an error may follow: the transaction is not clean.
 */
template <class Call, class Refuse>
Datum
read_input(Call call, Refuse refuse)
{
	MemoryContext context = CurrentMemoryContext;
	Datum value{};

	PG_TRY();
	{
		value = call();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		ErrorData *error = CopyErrorData();
		FlushErrorState();
		bool is_about_input = ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION ||
		                      error->sqlerrcode == ERRCODE_SYNTAX_ERROR || error->sqlerrcode == ERRCODE_UNDEFINED_OBJECT;
		if (!is_about_input)
			ReThrowError(error);
		refuse(error->message);
	}
	PG_END_TRY();
	return value;
}

} // namespace dcb
