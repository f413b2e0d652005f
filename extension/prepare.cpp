/*
 * A prepared transaction keeps its locks, across restarts too, until somebody decides about it. With the append lock
 * among them nobody else could append.
 */
#include "error.hpp"
#include "prepare.hpp"

namespace dcb {
namespace {

/* The outermost live subtransaction that has appended; ids of nested ones are greater. */
SubTransactionId appended_in = InvalidSubTransactionId;

void
at_transaction_event(XactEvent event, void *)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (appended_in != InvalidSubTransactionId)
				ereport(ERROR, (errcode(PREPARED_APPEND),
				                errmsg("cannot prepare a transaction that has appended to an event store"),
				                errdetail("Every other append would wait until the prepared transaction is finished."),
				                errhint("Commit it in one phase.")));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			appended_in = InvalidSubTransactionId;
			break;
		default:
			break;
	}
}

void
at_subtransaction_event(SubXactEvent event, SubTransactionId own, SubTransactionId parent, void *)
{
	if (own != appended_in)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		appended_in = parent;
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		appended_in = InvalidSubTransactionId;
}

} // namespace

void
forbid_prepare()
{
	if (appended_in == InvalidSubTransactionId)
		appended_in = GetCurrentSubTransactionId();
}

void
install_prepare_guard()
{
	RegisterXactCallback(at_transaction_event, nullptr);
	RegisterSubXactCallback(at_subtransaction_event, nullptr);
}

} // namespace dcb
