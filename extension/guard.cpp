/*
 * The guard of a store's tables: a statement trigger that refuses what SQL would do to them. The functions of the
 * extension write past the executor, so the guard never meets them. It does not fire in a session_replication_role of
 * replica, so that logical replication can feed a read copy, and pg_restore brings the rows before it makes triggers.
 */
#include "error.hpp"

namespace dcb {

/* Trigger function dcb.refuse_change(). Error: EVENTS_ARE_IMMUTABLE. */
DCB_FUNCTION(dcb_refuse_change)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("dcb.refuse_change() is a trigger function")));

	auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
	const char *command = TRIGGER_FIRED_BY_INSERT(trigger->tg_event)   ? "INSERT"
	                      : TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? "UPDATE"
	                      : TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? "DELETE"
	                                                                   : "TRUNCATE";
	char *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(trigger->tg_relation)),
	                                         RelationGetRelationName(trigger->tg_relation));

	ereport(ERROR, (errcode(EVENTS_ARE_IMMUTABLE), errmsg("%s is refused on table %s", command, table),
	                errdetail("Events are appended by the functions of pg_dcb only, and never changed or removed."),
	                TRIGGER_FIRED_BY_INSERT(trigger->tg_event)
	                    ? errhint("Use dcb.append or dcb.submit.")
	                    : errhint("Append an event that corrects the earlier one; dcb.drop_store removes a whole store.")));
	pg_unreachable();
}

/*
 * Trigger function dcb.owner_only(): rows that say with whose rights something is done are written by their table's owner, as whom
 * our functions act, after they have looked at who asks. Error: 42501.
 */
DCB_FUNCTION(dcb_owner_only)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("dcb.owner_only() is a trigger function")));

	Relation table = reinterpret_cast<TriggerData *>(fcinfo->context)->tg_relation;
	if (!has_privs_of_role(GetUserId(), table->rd_rel->relowner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("only its owner writes to table %s",
		                       quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
		                                                  RelationGetRelationName(table))),
		                errdetail("Its rows say with whose rights something will be done."),
		                errhint("Use the functions of pg_dcb.")));
	return PointerGetDatum(nullptr);
}

} // namespace dcb
