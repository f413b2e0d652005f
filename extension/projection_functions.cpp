/*
 * The SQL procedure that runs a projection.
 */
#include "prepare.hpp"
#include "projection.hpp"
#include "request.hpp"

extern "C" {
#include "tcop/pquery.h"
}

namespace dcb {
namespace {

/* Whose code it is that will run, as that role. */
void
check_is_owner(Datum store_name)
{
	Store store = open_store(store_name, AccessShareLock, ACL_SELECT);

	if (!has_privs_of_role(GetUserId(), store.events->rd_rel->relowner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to run projections of store \"%s\"", store.name),
		                errdetail("They run as its owner, \"%s\".", GetUserNameFromId(store.events->rd_rel->relowner, false)),
		                errhint("Be a member of that role, or leave it to the background worker.")));
	close_store(store);
}

} // namespace

/*
 * CALL dcb.run_projection(store, name, max_batches, INOUT batches): runs batches until it has caught up, in
 * transactions of its own, or in the caller's when it is called within one. Errors: 42501; those of open_store(),
 * dcb.poll.
 */
DCB_FUNCTION(dcb_run_projection)
{
	bool atomic = fcinfo->context == nullptr || !IsA(fcinfo->context, CallContext) ||
	              castNode(CallContext, fcinfo->context)->atomic;
	int max_batches = PG_ARGISNULL(2) ? INT_MAX : PG_GETARG_INT32(2);
	int batches = 0;
	TupleDesc description;

	check_may_write();
	if (PG_ARGISNULL(0))
		null_argument("store");
	if (PG_ARGISNULL(1))
		null_argument("name");
	if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a procedure of pg_dcb has to return a row");
	BlessTupleDesc(description);
	check_is_owner(PG_GETARG_DATUM(0));

	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	for (bool more = true; more && batches < max_batches; ++batches)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
		TimestampTz next = run_projection(PG_GETARG_DATUM(0), name, !atomic);
		more = next != CAUGHT_UP && next <= GetCurrentTimestamp();
		if (!atomic)
			SPI_commit();
		SPI_finish();
		if (!atomic)
			EnsurePortalSnapshotExists();
	}

	Datum value = Int32GetDatum(batches);
	bool isnull = false;
	return HeapTupleGetDatum(heap_form_tuple(description, &value, &isnull));
}

/* dcb.catch_up(store) → void: what an append does at its end. Errors: 42501; what a handler raises. */
DCB_FUNCTION(dcb_catch_up)
{
	check_may_write();
	if (PG_ARGISNULL(0))
		null_argument("store");
	check_is_owner(PG_GETARG_DATUM(0));

	Store store = open_store(PG_GETARG_DATUM(0), RowExclusiveLock, ACL_NO_RIGHTS);
	lock_for_append(store);
	forbid_prepare();
	run_inline_projections(store);
	close_store(store);
	PG_RETURN_VOID();
}

} // namespace dcb
