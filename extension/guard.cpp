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

} // namespace dcb
