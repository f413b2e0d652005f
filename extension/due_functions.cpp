/*
 * The SQL functions of due commands: dcb.schedule, dcb.cancel, dcb.run_due.
 *
 * Whoever may append may schedule. Rows are written as the tables' owner, since each says with whose rights it is to
 * be executed; a trigger refuses everybody else's writing (guard.cpp).
 */
#include "append.hpp"
#include "due.hpp"
#include "event_row.hpp"
#include "identity.hpp"
#include "prepare.hpp"
#include "worker.hpp"

extern "C" {
#include "tcop/pquery.h"
}

namespace dcb {
namespace {

enum ScheduleArgument
{
	ARGUMENT_SCHEDULE_STORE,
	ARGUMENT_SCHEDULE_DUE,
	ARGUMENT_SCHEDULE_EVENTS,
	ARGUMENT_SCHEDULE_CONDITION,
	ARGUMENT_SCHEDULE_AFTER,
	ARGUMENT_SCHEDULE_ID
};

TimestampTz
due_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARGUMENT_SCHEDULE_DUE))
		null_argument("due");

	TimestampTz due = PG_GETARG_TIMESTAMPTZ(ARGUMENT_SCHEDULE_DUE);
	if (TIMESTAMP_NOT_FINITE(due))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"due\" must be finite"),
		                errdetail("It is infinity."), errhint("Give the time at which to append.")));
	return due;
}

/* What was read must be in the store now; later it would be too late to say so. */
void
check_positions(const Store &store, const AppendRequest &request)
{
	if (request.fail_if_events_match.isnull)
		return;

	Query query = decode(request.fail_if_events_match.value);
	int64 head = read_head(store, SnapshotSelf).position;
	for (int i = 0; i < query.count; ++i)
		if (int64 from = query.items[i].has_after ? query.items[i].after : request.after; from > head)
			answer(store, request, {.kind = OutcomeKind::BeyondHead, .position = head, .after = from});
}

/* The condition in its text form, whose type does not go with the extension. */
NullableDatum
condition_text(const AppendRequest &request)
{
	StringInfoData text;

	if (request.fail_if_events_match.isnull)
		return {0, true};
	initStringInfo(&text);
	print_query(&text, decode(request.fail_if_events_match.value));
	return {PointerGetDatum(cstring_to_text_with_len(text.data, text.len)), false};
}

/* Did the statement find a row, or make one? Its parameters are those of INSERT in schedule(). */
bool
finds_command(const char *sql, const DueTable &table, Datum *values, const char *nulls)
{
	Oid types[] = {UUIDOID, TIMESTAMPTZOID, TEXTOID, JSONBOID, TEXTOID, INT8OID};

	SPI_execute_with_args(psprintf(sql, table.name), lengthof(types), types, values, nulls, false, 1);
	return SPI_processed > 0;
}

Datum
schedule(FunctionCallInfo fcinfo, ReadEvents read)
{
	check_may_write();
	if (PG_ARGISNULL(ARGUMENT_SCHEDULE_STORE))
		null_argument("store");
	if (PG_ARGISNULL(ARGUMENT_SCHEDULE_EVENTS))
		ereport(ERROR, (errcode(EMPTY_APPEND), errmsg("nothing to append"), errdetail("The list of events is null."),
		                errhint("Leave the call out when there is nothing to come.")));

	TimestampTz due = due_argument(fcinfo);
	AppendRequest request = make_request(read(PG_GETARG_DATUM(ARGUMENT_SCHEDULE_EVENTS)), fcinfo->args[ARGUMENT_SCHEDULE_CONDITION],
	                                     fcinfo->args[ARGUMENT_SCHEDULE_AFTER], {0, true});
	Datum id = PG_ARGISNULL(ARGUMENT_SCHEDULE_ID) ? DirectFunctionCall1(gen_random_uuid, Datum{0})
	                                              : PG_GETARG_DATUM(ARGUMENT_SCHEDULE_ID);
	Store store = open_store(PG_GETARG_DATUM(ARGUMENT_SCHEDULE_STORE), RowExclusiveLock, rights_for(request));
	check_positions(store, request);

	DueTable table = open_due_table(store);
	NullableDatum condition = condition_text(request);
	Datum values[] = {id,
	                  TimestampTzGetDatum(due),
	                  CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)),
	                  to_json(request.events),
	                  condition.value,
	                  Int64GetDatum(request.after)};
	const char nulls[] = {' ', ' ', ' ', ' ', condition.isnull ? 'n' : ' ', ' ', '\0'};

	SPI_connect();
	Identity before = act_as_owner(table.owner);
	bool is_new = finds_command("INSERT INTO %s (id, due, role, events, fail_if_events_match, after) VALUES ($1, $2, $3, $4, $5, $6) "
	                              "ON CONFLICT (id) DO NOTHING RETURNING id",
	                              table, values, nulls);
	if (!is_new && !finds_command("SELECT FROM %s WHERE id = $1 AND role = $3 "
	                                "AND events = $4 AND after = $6 "
	                                "AND fail_if_events_match IS NOT DISTINCT FROM $5 AND $2 IS NOT NULL",
	                                table, values, nulls))
		ereport(ERROR, (errcode(DUE_COMMAND_REUSED), errmsg("the id of a due command was used before for another one"),
		                errdetail("Id %s stands for other events, another condition or another role.",
		                          DatumGetCString(DirectFunctionCall1(uuid_out, id))),
		                errhint("Make a new id for each due command, and keep it only to repeat that very call.")));
	act_again_as(before);
	SPI_finish();

	forbid_prepare();
	wake_worker_at_commit();
	close_store(store);
	PG_RETURN_DATUM(id);
}

} // namespace

/*
 * dcb.schedule(store, due, events dcb.new_event[], fail_if_events_match, after, id) → id. Error: DUE_COMMAND_REUSED,
 * those of dcb.append.
 */
DCB_FUNCTION(dcb_schedule)
{
	return schedule(fcinfo, typed_events);
}

DCB_FUNCTION(dcb_schedule_json)
{
	return schedule(fcinfo, json_events);
}

/*
 * dcb.cancel(store, id) → was it pending? Only for the role that scheduled it, and for the store's owner. Errors:
 * those of open_store.
 */
DCB_FUNCTION(dcb_cancel)
{
	check_may_write();
	if (PG_ARGISNULL(0))
		null_argument("store");
	if (PG_ARGISNULL(1))
		null_argument("id");

	Store store = open_store(PG_GETARG_DATUM(0), RowExclusiveLock, ACL_INSERT);
	DueTable table = open_due_table(store);
	Oid types[] = {UUIDOID};
	Datum id = PG_GETARG_DATUM(1);

	SPI_connect();
	Identity before = act_as_owner(table.owner);
	SPI_execute_with_args(psprintf("SELECT role FROM %s WHERE id = $1 AND state = 'pending'", table.name), 1, types, &id, nullptr,
	                      false, 1);
	bool pending = SPI_processed > 0;
	if (pending)
	{
		const char *role = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		Oid scheduled_by = get_role_oid(role, true);

		if (!has_privs_of_role(before.role, table.owner) &&
		    !(OidIsValid(scheduled_by) && has_privs_of_role(before.role, scheduled_by)))
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to cancel a due command"),
			                errdetail("Role \"%s\" has scheduled it.", role),
			                errhint("Only that role, and the owner of the store, may cancel it.")));
		SPI_execute_with_args(psprintf("UPDATE %s SET state = 'cancelled', executed_at = clock_timestamp() "
		                               "WHERE id = $1 AND state = 'pending'",
		                               table.name),
		                      1, types, &id, nullptr, false, 0);
		pending = SPI_processed > 0;
	}
	act_again_as(before);
	SPI_finish();
	close_store(store);
	PG_RETURN_BOOL(pending);
}

/*
 * CALL dcb.run_due(store, INOUT executed): executes what is due, in transactions of its own, or in the caller's when
 * it is called within one. Needs INSERT on the event table. Errors: those of run_due().
 */
DCB_FUNCTION(dcb_run_due)
{
	bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
	              castNode(CallContext, fcinfo->context)->atomic;
	int executed = 0;
	int batch;
	TupleDesc description;

	check_may_write();
	if (PG_ARGISNULL(0))
		null_argument("store");
	if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a procedure of pg_dcb has to return a row");
	BlessTupleDesc(description);

	do
	{
		CHECK_FOR_INTERRUPTS();
		SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
		batch = run_due(PG_GETARG_DATUM(0), ACL_INSERT, DUE_COMMANDS_PER_TRANSACTION);
		executed += batch;
		if (!atomic)
			SPI_commit();
		SPI_finish();
		if (!atomic)
			EnsurePortalSnapshotExists();
	} while (batch > 0);

	Datum value = Int32GetDatum(executed);
	bool isnull = false;
	return HeapTupleGetDatum(heap_form_tuple(description, &value, &isnull));
}

} // namespace dcb
