/*
 * The SQL procedures that append in a transaction of their own.
 */
#include "composite.hpp"
#include "durability.hpp"
#include "group.hpp"
#include "procedure.hpp"

namespace dcb {
namespace {

void
check_own_transaction(FunctionCallInfo fcinfo)
{
	if (!is_own_transaction(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
		                errmsg("dcb.submit cannot be called in a transaction block or a function, or after a write"),
		                errdetail("It is a transaction of its own, and commits."),
		                errhint("Use dcb.append to append within a transaction.")));
}

Datum
submit(FunctionCallInfo fcinfo, ReadEvents read)
{
	check_own_transaction(fcinfo);

	TupleDesc description = result_row(fcinfo);
	AppendRequest request = read_request(fcinfo, read);
	int64 position = append_and_commit(PG_GETARG_DATUM(ARGUMENT_APPEND_STORE), request);

	return make_row(description, Int64GetDatum(position));
}

/* Attributes of the composite type dcb.command, in its order. */
enum CommandAttribute
{
	COMMAND_EVENTS,
	COMMAND_CONDITION,
	COMMAND_AFTER,
	COMMAND_APPEND_ID,
	COMMAND_ATTRIBUTES
};

/* Attributes of dcb.outcome. */
enum OutcomeAttribute
{
	OUTCOME_POSITION,
	OUTCOME_ERROR,
	OUTCOME_CONFLICT,
	OUTCOME_ATTRIBUTES
};

struct Commands
{
	AppendRequest *requests;
	Outcome *outcomes;
	int count;
	AclMode rights;
};

/* Bad input in any command refuses them all, before anything is written. */
Commands
read_commands(ArrayType *array)
{
	Datum *rows;
	bool *nulls;
	Commands commands{};

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE, &rows, &nulls, &commands.count);
	if (commands.count == 0)
		ereport(ERROR, (errcode(EMPTY_APPEND), errmsg("nothing to append"), errdetail("The list of commands is empty."),
		                errhint("Leave the call out.")));
	commands.requests = static_cast<AppendRequest *>(palloc0(sizeof(AppendRequest) * commands.count));
	commands.outcomes = static_cast<Outcome *>(palloc0(sizeof(Outcome) * commands.count));
	for (int i = 0; i < commands.count; ++i)
	{
		NullableDatum command[COMMAND_ATTRIBUTES];

		if (nulls[i])
			null_argument("commands");
		deform_row(DatumGetHeapTupleHeader(rows[i]), command);
		if (command[COMMAND_EVENTS].isnull)
			ereport(ERROR, (errcode(EMPTY_APPEND), errmsg("nothing to append"),
			                errdetail("Command %d has no events.", i + 1), errhint("Leave it out.")));
		commands.requests[i] = make_request(typed_events(command[COMMAND_EVENTS].value), command[COMMAND_CONDITION],
		                                    command[COMMAND_AFTER], command[COMMAND_APPEND_ID]);
		commands.rights |= rights_for(commands.requests[i]);
	}
	return commands;
}

const char *
error_code(const Outcome &outcome)
{
	switch (outcome.kind)
	{
		case OutcomeKind::Appended:
			return nullptr;
		case OutcomeKind::ConditionFailed:
			return "DCB01";
		case OutcomeKind::BeyondHead:
			return "DCB09";
		case OutcomeKind::AppendIdReused:
			return "DCB07";
		case OutcomeKind::OtherTagRules:
			break; /* not of commands, whose session holds the table */
	}
	return nullptr;
}

Datum
outcome_row(TupleDesc description, const Outcome &outcome)
{
	Datum values[OUTCOME_ATTRIBUTES]{};
	bool nulls[OUTCOME_ATTRIBUTES] = {true, true, true};
	const char *error = error_code(outcome);

	if (error == nullptr)
		values[OUTCOME_POSITION] = Int64GetDatum(outcome.position);
	else
		values[OUTCOME_ERROR] = PointerGetDatum(cstring_to_text(error));
	if (outcome.kind == OutcomeKind::ConditionFailed)
		values[OUTCOME_CONFLICT] = Int64GetDatum(outcome.position);
	nulls[OUTCOME_POSITION] = error != nullptr;
	nulls[OUTCOME_ERROR] = error == nullptr;
	nulls[OUTCOME_CONFLICT] = outcome.kind != OutcomeKind::ConditionFailed;
	return HeapTupleGetDatum(heap_form_tuple(description, values, nulls));
}

Datum
outcome_array(const Commands &commands, Oid array_type)
{
	Oid type = get_element_type(array_type);
	TupleDesc description = lookup_rowtype_tupdesc(type, -1);
	Datum *rows = static_cast<Datum *>(palloc(sizeof(Datum) * commands.count));

	for (int i = 0; i < commands.count; ++i)
		rows[i] = outcome_row(description, commands.outcomes[i]);
	ReleaseTupleDesc(description);
	return PointerGetDatum(construct_array(rows, commands.count, type, -1, false, TYPALIGN_DOUBLE));
}

} // namespace

/* CALL dcb.submit(store, events dcb.new_event[], ..., INOUT position): dcb.append as a transaction of its own. */
DCB_FUNCTION(dcb_submit)
{
	return submit(fcinfo, typed_events);
}

DCB_FUNCTION(dcb_submit_json)
{
	return submit(fcinfo, json_events);
}

/*
 * CALL dcb.submit_many(store, commands dcb.command[], INOUT outcomes dcb.outcome[]): independent commands in one
 * transaction, each with its own condition and its own outcome; a later one sees the events of the earlier ones.
 */
DCB_FUNCTION(dcb_submit_many)
{
	check_own_transaction(fcinfo);
	check_may_write();
	if (PG_ARGISNULL(0))
		null_argument("store");
	if (PG_ARGISNULL(1))
		null_argument("commands");

	TupleDesc description = result_row(fcinfo);
	Commands commands = read_commands(PG_GETARG_ARRAYTYPE_P(1));
	append_all_and_commit(PG_GETARG_DATUM(0), commands.rights, commands.requests, commands.outcomes, commands.count);

	/* What was written is durable; what a refusal or a repeated append rests on need not be. */
	for (int i = 0; i < commands.count; ++i)
		make_grounds_durable(commands.outcomes[i]);
	return make_row(description, outcome_array(commands, TupleDescAttr(description, 0)->atttypid));
}

} // namespace dcb
