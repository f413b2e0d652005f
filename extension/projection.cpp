/*
 * Running projections.
 *
 * Exactly once. A batch's effects and the checkpoint are one transaction. Whoever runs a batch locks the
 * checkpoint's row, so that there is one at a time, and holds the subscription for good (the lease is infinite), so
 * that no client takes it. A server that crashes needs no lease to run out: the lock goes with the transaction.
 *
 * With whose rights. As the owner of the store, who alone can make a projection. A handler that is to do with fewer
 * rights, or with another role's, is SECURITY DEFINER. The row that names the handler is the owner's to write, so
 * nothing better than the owner's own rights may follow from it.
 *
 * Poison. When an event in the middle of a batch fails, the batch is rolled back to before the first event, and
 * applied up to the one before the poison. That one comes first in the next batch then, and its failure is judged by
 * itself.
 *
 * Lock order. The append lock (inline projections, and the end of their rebuilding), then rows of checkpoint: the
 * rebuilt version's before the one that it replaces, the latter without waiting.
 */
#include "append.hpp"
#include "attempt.hpp"
#include "identity.hpp"
#include "projection.hpp"

extern "C" {
#include "commands/trigger.h"
}

namespace dcb {
namespace {

constexpr char INLINE_TRIGGER[] = "inline_projections";
constexpr int FIRST_RETRY = 100; /* ms after the first failure; doubles up to */
constexpr int LAST_RETRY = 60000;
constexpr int LOCKED_RETRY = 100; /* ms, when somebody else runs it */

struct Projection
{
	Datum store; /* text */
	Datum name;  /* text */
	const char *schema; /* quoted */
	const char *handler; /* qualified and quoted, as swap */
	SPIPlanPtr call;
	bool per_batch;
	int batch_size;
	String on_error; /* retry, park, stop */
	int attempts;
	const char *search_path;
	const char *swap; /* null: it does not replace another one */
	Datum replaces;
	TimestampTz retry_at;
	int64 token;
	int64 position;
	bool is_held; /* by us, for good */
	int failures;
	bool at_end; /* of the transaction */
};

struct Batch
{
	int64 *positions;
	Datum *events; /* dcb.stored_event */
	int count;
	int64 reached; /* the log has been looked through up to here */
	int failed_at; /* after an attempt: the event that was being handled */
};

Oid
stored_event_type()
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("stored_event"),
	                       ObjectIdGetDatum(get_namespace_oid("dcb", false)));
}

/* The answer of a statement that has the projection's store and name as its first parameters. */
uint64
query(const Projection &p, const char *sql, std::initializer_list<std::pair<Oid, Datum>> more = {})
{
	Oid types[8] = {TEXTOID, TEXTOID};
	Datum values[8] = {p.store, p.name};
	int count = 2;

	for (auto [type, value] : more)
	{
		types[count] = type;
		values[count++] = value;
	}
	SPI_execute_with_args(sql, count, types, values, nullptr, false, 0);
	return SPI_processed;
}

Datum
answered(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* A handler that is missing is no event's fault: its error is raised. */
SPIPlanPtr
prepare(const char *handler, bool per_batch)
{
	Oid argument = per_batch ? get_array_type(stored_event_type()) : stored_event_type();
	SPIPlanPtr plan = SPI_prepare(psprintf("SELECT %s($1)", handler), 1, &argument);

	if (plan == nullptr)
		elog(ERROR, "cannot call %s: %s", handler, SPI_result_code_string(SPI_result));
	return plan;
}

/* False when it is not active. */
bool
load(Projection &p)
{
	if (query(p, psprintf("SELECT p.handler, p.per_batch, p.batch_size, p.on_error, p.attempts, p.search_path, p.swap, p.replaces, "
	                      "p.retry_at, c.token, c.failures, c.consumer IS NOT DISTINCT FROM 'pg_dcb', c.position "
	                      "FROM %1$s.subscription AS s, %1$s.projection AS p, %1$s.checkpoint AS c "
	                      "WHERE s.name = $2 AND p.name = $2 AND c.name = $2 AND c.partition = 0 AND s.state = 'active' "
	                      "AND $1 IS NOT NULL",
	                      p.schema)) == 0)
		return false;

	bool isnull;
	auto string = [&](int column) -> char * {
		Datum value = answered(0, column, &isnull);
		return isnull ? nullptr : text_to_cstring(DatumGetTextPP(value));
	};
	p.handler = string(1);
	p.per_batch = DatumGetBool(answered(0, 2, &isnull));
	p.batch_size = DatumGetInt32(answered(0, 3, &isnull));
	const char *on_error = string(4);
	p.on_error = {on_error, static_cast<int>(std::strlen(on_error))};
	p.attempts = DatumGetInt32(answered(0, 5, &isnull));
	p.search_path = string(6);
	p.swap = string(7);
	p.replaces = CStringGetTextDatum(p.swap != nullptr ? string(8) : "");
	TimestampTz retry_at = DatumGetTimestampTz(answered(0, 9, &isnull));
	p.retry_at = isnull ? DT_NOBEGIN : retry_at;
	p.token = DatumGetInt64(answered(0, 10, &isnull));
	p.failures = DatumGetInt32(answered(0, 11, &isnull));
	p.is_held = DatumGetBool(answered(0, 12, &isnull));
	p.position = DatumGetInt64(answered(0, 13, &isnull));
	p.call = prepare(p.handler, p.per_batch);
	return true;
}

/*
 * From here to the end of the transaction nobody else moves the checkpoint. False when somebody else has it, unless
 * that is waited for, or when it has moved since it was loaded.
 */
bool
lock(const Projection &p, bool wait)
{
	return query(p, psprintf("SELECT FROM %s.checkpoint WHERE name = $2 AND partition = 0 AND token = $3 AND position = $4 "
	                         "AND $1 IS NOT NULL FOR NO KEY UPDATE%s",
	                         p.schema, wait ? "" : " SKIP LOCKED"),
	             {{INT8OID, Int64GetDatum(p.token)}, {INT8OID, Int64GetDatum(p.position)}}) > 0;
}

/* For good; with the lock. */
void
hold(Projection &p)
{
	bool isnull;

	query(p, psprintf("UPDATE %s.checkpoint SET consumer = 'pg_dcb', lease_until = 'infinity', token = dcb.next_token(token) "
	                  "WHERE name = $2 AND partition = 0 AND $1 IS NOT NULL RETURNING token",
	                  p.schema));
	p.token = DatumGetInt64(answered(0, 1, &isnull));
	p.is_held = true;
}

Batch
poll(const Projection &p)
{
	Batch batch{};
	uint64 rows = query(p,
	                    "SELECT e.position, e.type IS NULL, "
	                    "ROW(e.position, e.type, e.tags, e.data, e.payload, e.metadata, e.id, e.recorded_at)::dcb.stored_event "
	                    "FROM dcb.poll($1, $2, $3, 0, $4) AS e",
	                    {{INT8OID, Int64GetDatum(p.token)}, {INT4OID, Int32GetDatum(p.batch_size)}});
	bool isnull;

	batch.positions = static_cast<int64 *>(palloc(sizeof(int64) * (rows + 1)));
	batch.events = static_cast<Datum *>(palloc(sizeof(Datum) * (rows + 1)));
	for (uint64 row = 0; row < rows; ++row)
	{
		batch.reached = batch.positions[row] = DatumGetInt64(answered(row, 1, &isnull));
		batch.events[row] = answered(row, 3, &isnull);
		batch.count += !DatumGetBool(answered(row, 2, &isnull));
	}
	return batch;
}

/* Deferred ones, while a failure still is the projection's, and while their triggers run as the current role. */
void
check_constraints(const Projection &p)
{
	if (p.at_end)
		SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0);
}

/* With the settings of the projection; what the handler sets is gone with it. */
void
call(const Projection &p, Datum argument)
{
	int settings = NewGUCNestLevel();

	set_search_path(p.search_path);
	SPI_execute_plan(p.call, &argument, nullptr, false, 0);
	SPI_freetuptable(SPI_tuptable);
	AtEOXact_GUC(false, settings);
}

/* The first so many events. */
void
handle(const Projection &p, Batch &batch, int count)
{
	if (p.per_batch && count > 0)
		call(p, PointerGetDatum(construct_array(batch.events, count, stored_event_type(), -1, false, TYPALIGN_DOUBLE)));
	else
		for (batch.failed_at = 0; batch.failed_at < count; ++batch.failed_at)
			call(p, batch.events[batch.failed_at]);
	check_constraints(p);
}

void
move_checkpoint(const Projection &p, int64 position)
{
	query(p, "SELECT dcb.checkpoint($1, $2, $3, $4)", {{INT8OID, Int64GetDatum(p.token)}, {INT8OID, Int64GetDatum(position)}});
}

TimestampTz
after_pause(int failures)
{
	int pause = failures < 10 ? FIRST_RETRY << failures : LAST_RETRY;

	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), std::min(pause, LAST_RETRY));
}

/* One event has failed by itself. Answers when to come again. */
TimestampTz
judge(const Projection &p, int64 position, const ErrorData *error)
{
	const char *reason = describe(error);
	bool last_attempt = p.failures + 1 >= p.attempts || p.on_error == String{"stop", 4};
	std::pair<Oid, Datum> token{INT8OID, Int64GetDatum(p.token)};
	std::pair<Oid, Datum> said{TEXTOID, CStringGetTextDatum(reason)};

	if (last_attempt && p.on_error == String{"park", 4})
	{
		query(p, "SELECT dcb.park($1, $2, $3, $4, $5, $6)",
		      {token, {INT8OID, Int64GetDatum(position)}, said, {INT4OID, Int32GetDatum(p.failures + 1)}});
		move_checkpoint(p, position);
		ereport(LOG, (errmsg("projection \"%s\" has parked event " INT64_FORMAT, text_to_cstring(DatumGetTextPP(p.name)), position),
		              errdetail("%s", reason)));
		return GetCurrentTimestamp();
	}

	said.second = CStringGetTextDatum(psprintf("event " INT64_FORMAT ": %s", position, reason));
	query(p, "SELECT dcb.fail($1, $2, $3, $4, $5)", {token, said, {BOOLOID, BoolGetDatum(last_attempt)}});
	if (last_attempt)
		return DT_NOEND;

	TimestampTz again = after_pause(p.failures);
	query(p, psprintf("UPDATE %s.projection SET retry_at = $3 WHERE name = $2 AND $1 IS NOT NULL", p.schema),
	      {{TIMESTAMPTZOID, TimestampTzGetDatum(again)}});
	return again;
}

/*
 * Handles the batch, or as much of it as can be, and moves the checkpoint. Answers when to come again; CAUGHT_UP
 * when all there was has been handled.
 */
TimestampTz
apply(const Projection &p, Batch &batch)
{
	int count = batch.count;
	bool complete = count < p.batch_size;
	ErrorData *error = nullptr;

	while (count > 0 && (error = attempt([&] { handle(p, batch, count); })) != nullptr)
	{
		int handled = p.per_batch || batch.failed_at >= count ? count / 2 : batch.failed_at;

		if (handled == 0)
			return judge(p, batch.positions[0], error);
		count = handled;
		complete = false;
	}
	if (complete && batch.reached > 0)
		move_checkpoint(p, batch.reached);
	else if (count > 0)
		move_checkpoint(p, batch.positions[count - 1]);
	return complete ? CAUGHT_UP : GetCurrentTimestamp();
}

/* The new version takes over name and subscription of the old one, in the transaction in which it has caught up. */
void
swap(const Projection &p)
{
	int settings = NewGUCNestLevel();

	set_search_path(p.search_path);
	SPI_execute(psprintf("SELECT %s()", p.swap), false, 0);
	AtEOXact_GUC(false, settings);
	check_constraints(p);
	query(p, "SELECT dcb.take_over($1, $2, $3)", {{TEXTOID, p.replaces}});
}

TimestampTz
take_over(const Store &store, Projection &p)
{
	bool isnull;
	auto old_one = [&](const char *columns, const char *locking) {
		return query(p,
		             psprintf("SELECT %2$s FROM %1$s.projection AS p, %1$s.checkpoint AS old, %1$s.checkpoint AS new "
		                      "WHERE p.name = $3 AND old.name = $3 AND new.name = $2 AND $1 IS NOT NULL %3$s",
		                      p.schema, columns, locking),
		             {{TEXTOID, p.replaces}});
	};

	/* An inline one is always at the head, which must not move now. */
	if (old_one("p.mode = 'inline'", "") > 0 && DatumGetBool(answered(0, 1, &isnull)))
	{
		lock_for_append(store);
		Batch rest = poll(p);
		if (TimestampTz next = apply(p, rest); next != CAUGHT_UP)
			return next;
	}
	if (old_one("old.position <= new.position", "FOR UPDATE OF old SKIP LOCKED") == 0 || !DatumGetBool(answered(0, 1, &isnull)))
		return CAUGHT_UP;

	ErrorData *error = attempt([&] { swap(p); });
	if (error == nullptr)
		return GetCurrentTimestamp();
	query(p, "SELECT dcb.fail($1, $2, $3, $4, true)",
	      {{INT8OID, Int64GetDatum(p.token)}, {TEXTOID, CStringGetTextDatum(psprintf("swap: %s", describe(error)))}});
	return DT_NOEND;
}

Projection
make_projection(const Store &store, Datum store_name, Datum name, bool at_end)
{
	Projection p{};

	p.store = store_name;
	p.name = name;
	p.schema = quote_identifier(store.name);
	p.at_end = at_end;
	return p;
}

/* Writes nothing, not even a lock, when there is nothing to do. */
TimestampTz
next_batch(const Store &store, Projection &p)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz soon = TimestampTzPlusMilliseconds(now, LOCKED_RETRY);

	if (p.retry_at > now)
		return p.retry_at;
	if (!p.is_held)
	{
		if (!lock(p, false))
			return soon;
		hold(p);
	}

	Batch batch = poll(p);
	if (batch.reached == 0 && p.swap == nullptr)
		return CAUGHT_UP;
	if (!lock(p, false))
		return soon;
	TimestampTz next = apply(p, batch);
	return next == CAUGHT_UP && p.swap != nullptr ? take_over(store, p) : next;
}

bool running_inline = false;

} // namespace

TimestampTz
run_projection(Datum store_name, const char *name, bool at_end)
{
	Store store = open_store(store_name, RowExclusiveLock, ACL_NO_RIGHTS);
	Identity before = act_as_owner(store.events->rd_rel->relowner, false);
	Projection p = make_projection(store, store_name, CStringGetTextDatum(name), at_end);
	TimestampTz next = load(p) ? next_batch(store, p) : DT_NOEND;

	act_again_as(before);
	close_store(store);
	return next;
}

bool
has_inline_projections(const Store &store)
{
	const TriggerDesc *triggers = store.events->trigdesc;

	for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i)
		if (std::strcmp(triggers->triggers[i].tgname, INLINE_TRIGGER) == 0)
			return true;
	return false;
}

/* A handler that appends does not come back here: the batches go on until nothing is left, its events included. */
void
run_inline_projections(const Store &store)
{
	if (running_inline)
		return;
	running_inline = true;
	PG_TRY();
	{
		SPI_connect();
		Datum store_name = CStringGetTextDatum(store.name);
		Identity before = act_as_owner(store.events->rd_rel->relowner, false);

		SPI_execute(psprintf("SELECT s.name FROM %1$s.subscription AS s JOIN %1$s.projection AS p ON p.name = s.name "
		                     "WHERE s.state = 'active' AND p.mode = 'inline' ORDER BY s.name",
		                     quote_identifier(store.name)),
		            false, 0);
		SPITupleTable *names = SPI_tuptable;
		for (uint64 row = 0; row < names->numvals; ++row)
		{
			bool isnull;
			Projection p = make_projection(store, store_name, SPI_getbinval(names->vals[row], names->tupdesc, 1, &isnull), false);

			for (bool more = true; more && load(p);)
				if (lock(p, true))
				{
					if (!p.is_held)
						hold(p);
					Batch batch = poll(p);
					handle(p, batch, batch.count);
					if (batch.reached > 0)
						move_checkpoint(p, batch.reached);
					more = batch.count > 0;
				}
		}
		act_again_as(before);
		SPI_finish();
	}
	PG_FINALLY();
	{
		running_inline = false;
	}
	PG_END_TRY();
}

} // namespace dcb
