/*
 * Executing due commands.
 *
 * Exactly once. The append and the command's new state are one transaction.
 *
 * In order. A command is chosen with the append lock held, until the transaction ends. So executors take turns, each
 * sees what the one before has done, and the order of execution is that of the due times, whoever executes. Only a
 * command that somebody is cancelling at that moment is passed over: nobody may wait for another's transaction with
 * the append lock.
 *
 * Lock order. The event table, the table of due commands (its owner's rights, not ours, apply there), the append
 * lock, then rows of due commands, without waiting.
 *
 * With whose rights. Those that the role has now which scheduled the command. The store's owner can write that
 * role's name into the table, and has functions of his own in the event table's indexes, perhaps. So the role's
 * rights are checked as that role, but what may run somebody's code runs as the owner of the table, as with REINDEX:
 * no role's rights reach any further than to say yes.
 */
#include "append.hpp"
#include "attempt.hpp"
#include "due.hpp"
#include "identity.hpp"
#include "prepare.hpp"
#include "tag_rule.hpp"

namespace dcb {
namespace {

/* id, due, scheduled_at, role, events, fail_if_events_match, after, state, position, sqlstate, error, executed_at */
constexpr Oid DUE_COLUMN_TYPES[] = {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, JSONBOID, TEXTOID,
                                    INT8OID, TEXTOID,        INT8OID,        TEXTOID, TEXTOID,  TIMESTAMPTZOID};

struct DueCommand
{
	Datum id;
	const char *role;
	Datum events; /* jsonb */
	NullableDatum fail_if_events_match; /* text */
	int64 after;
};

struct Result
{
	const char *state;
	int64 position; /* 0: none */
	const char *sqlstate;
	const char *error;
};

AppendRequest
read_command(const DueCommand &command)
{
	NullableDatum condition = command.fail_if_events_match;

	if (!condition.isnull)
		condition.value = query_from_text(condition.value);
	return make_request(json_events(command.events), condition, {Int64GetDatum(command.after), false}, {0, true});
}

/*
 * Raises an error unless it appended; then `result` has the position of the event that matched, if that was the
 * reason.
 */
void
append_as(Datum store_name, const DueCommand &command, Result *result)
{
	AppendRequest asked = read_command(command);
	Identity before = act_as(get_role_oid(command.role, false));
	Store store = open_store(store_name, RowExclusiveLock, rights_for(asked));

	act_again_as(before);
	AppendRequest request = apply_tag_rules(store, asked);
	Appender *appender = begin_appender(store);
	Outcome outcome = append_one(appender, request);
	end_appender(appender);
	if (outcome.kind == OutcomeKind::ConditionFailed)
		result->position = outcome.position;
	result->position = answer(store, request, outcome);
	close_store(store);
}

/* An error undoes this command alone. The current role is the tables' owner. */
Result
execute(Datum store_name, const DueCommand &command)
{
	Result result{};

	ErrorData *error = attempt([&] { append_as(store_name, command, &result); });
	result.state = error == nullptr ? "appended" : error->sqlerrcode == CONDITION_FAILED ? "refused" : "failed";
	if (error != nullptr)
	{
		result.sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
		result.error = describe(error);
	}
	return result;
}

bool
is_any_due(const DueTable &table)
{
	SPI_execute(psprintf("SELECT FROM %s WHERE state = 'pending' AND due <= clock_timestamp() LIMIT 1", table.name), false, 1);
	return SPI_processed > 0;
}

SPITupleTable *
choose_commands(const DueTable &table, int max_count)
{
	SPI_execute(psprintf("SELECT id, role, events, fail_if_events_match, after FROM %s "
	                     "WHERE state = 'pending' AND due <= clock_timestamp() "
	                     "ORDER BY due, scheduled_at, id LIMIT %d FOR UPDATE SKIP LOCKED",
	                     table.name, max_count),
	            false, 0);
	return SPI_tuptable;
}

DueCommand
command_of(SPITupleTable *rows, uint64 row)
{
	bool isnull;
	auto column = [&](int number) { return SPI_getbinval(rows->vals[row], rows->tupdesc, number, &isnull); };
	DueCommand command{};

	command.id = column(1);
	command.role = text_to_cstring(DatumGetTextPP(column(2)));
	command.events = column(3);
	command.fail_if_events_match.value = column(4);
	command.fail_if_events_match.isnull = isnull;
	command.after = DatumGetInt64(column(5));
	return command;
}

SPIPlanPtr
prepare_to_note(const DueTable &table)
{
	Oid types[] = {UUIDOID, TEXTOID, INT8OID, TEXTOID, TEXTOID};

	return SPI_prepare(psprintf("UPDATE %s SET state = $2, position = $3, sqlstate = $4, error = $5, executed_at = clock_timestamp() "
	                            "WHERE id = $1",
	                            table.name),
	                   lengthof(types), types);
}

void
note(SPIPlanPtr plan, const DueCommand &command, const Result &result)
{
	auto text = [](const char *s) { return s != nullptr ? CStringGetTextDatum(s) : Datum{0}; };
	Datum values[] = {command.id, text(result.state), Int64GetDatum(result.position), text(result.sqlstate), text(result.error)};
	char nulls[] = {' ', ' ', result.position == 0 ? 'n' : ' ', result.sqlstate == nullptr ? 'n' : ' ',
	                result.error == nullptr ? 'n' : ' ', '\0'};

	SPI_execute_plan(plan, values, nulls, false, 0);
}

} // namespace

DueTable
open_due_table(const Store &store)
{
	Oid relid = get_relname_relid("due", RelationGetNamespace(store.events));
	Relation table = OidIsValid(relid) ? relation_open(relid, RowExclusiveLock) : nullptr;

	if (table == nullptr || !has_columns(table, DUE_COLUMN_TYPES, lengthof(DUE_COLUMN_TYPES)) ||
	    table->rd_rel->relowner != store.events->rd_rel->relowner)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("store \"%s\" has no table of due commands", store.name),
		                errdetail("Table %s.due is missing, has other columns, or is not owned by the owner of the event table.",
		                          quote_identifier(store.name)),
		                errhint("Give it back to the store's owner, or restore it.")));

	DueTable due{quote_qualified_identifier(store.name, "due"), table->rd_rel->relowner};
	relation_close(table, NoLock);
	return due;
}

int
run_due(Datum store_name, AclMode rights, int max_count)
{
	Store store = open_store(store_name, RowExclusiveLock, rights);
	DueTable table = open_due_table(store);
	Identity before = act_as_owner(table.owner);
	int executed = 0;

	if (is_any_due(table))
	{
		lock_for_append(store);
		forbid_prepare(); /* also when none of them appends */

		SPITupleTable *rows = choose_commands(table, max_count);
		SPIPlanPtr plan = prepare_to_note(table);
		for (uint64 i = 0; i < rows->numvals; ++i)
		{
			DueCommand command = command_of(rows, i);
			note(plan, command, execute(store_name, command));
			++executed;
		}
	}
	act_again_as(before);
	close_store(store);
	return executed;
}

TimestampTz
next_due(const Store &store)
{
	DueTable table = open_due_table(store);
	Identity before = act_as_owner(table.owner);

	SPI_execute(psprintf("SELECT min(due) FROM %s WHERE state = 'pending'", table.name), false, 1);
	bool isnull;
	Datum due = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	act_again_as(before);
	return isnull ? DT_NOEND : DatumGetTimestampTz(due);
}

} // namespace dcb
