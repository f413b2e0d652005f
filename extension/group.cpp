/*
 * Combining: whoever comes first for a store leads, takes the append lock, and appends beside its own request those of all
 * who have queued up meanwhile; one transaction, one flush. There is no extra process, and a lone session waits for nobody.
 *
 * Invariants.
 * - A waiter holds no lock: it has written nothing and has given back the store. The leader waits for the append lock as
 *   any session does. So the server's deadlock detector sees every cycle there can be.
 * - An outcome is void before Committed, a conflict too: it may rest on a neighbour's event in the same group.
 * - The leader gives up its lead when its commit is durable, and in any abort or exit. What comes meanwhile is the next
 *   group: one flush then serves as many as there are, and the slower the disk, the more.
 * - From taking others' requests until it has answered them the leader processes no interrupts. A waiter whose request is
 *   taken does not either, and one that comes too late is dropped: it must not turn a stored append into an error.
 *
 * Rights are checked by every session itself, before it queues. Each has its own synchronous_commit respected: the leader
 * flushes for the group unless its own is off; a member flushes what is missing and waits for standbys by itself.
 *
 * The leader's settings have no bearing on others' requests: nothing evaluated for them depends on a session, as long as
 * expression indexes that a user adds are immutable, as PostgreSQL demands.
 *
 * The next leader is the one that has led most often: its caches are warm. Nobody starves by that, since every leader
 * serves all who wait.
 */
#include "group.hpp"
#include "group_queue.hpp"
#include "projection.hpp"
#include "standby.hpp"
#include "tag_rule.hpp"

extern "C" {
#include "tcop/pquery.h"
#include "utils/guc.h"
#include "utils/timeout.h"
}

namespace dcb {
namespace {

bool group_append = true; /* setting dcb.group_append */

/* Is this a CALL by the client itself? In a loop of calls a cancel is for the loop. */
bool top_level = false;

/*
 * A cancel or a statement_timeout must not turn what is stored into an error. From a commit on they are dropped until the
 * statement ends.
 */
void
outcome_is_known()
{
	if (!top_level)
		return;
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
}

void
commit()
{
	HOLD_INTERRUPTS();
	SPI_commit();
	outcome_is_known();
	RESUME_INTERRUPTS();
}

/* SPI is connected. */
void
append_all(const Store &store, const AppendRequest *asked, Outcome *outcomes, int count)
{
	auto *requests = static_cast<AppendRequest *>(palloc(sizeof(AppendRequest) * count));

	for (int i = 0; i < count; ++i)
		requests[i] = apply_tag_rules(store, asked[i]);
	lock_for_append(store);

	Appender *appender = begin_appender(store);
	for (int i = 0; i < count; ++i)
		outcomes[i] = append_one(appender, requests[i]);
	end_appender(appender);
	close_store(store);
	commit();
}

Outcome
append_alone(const Store &store, const AppendRequest &request)
{
	Outcome outcome;

	append_all(store, &request, &outcome, 1);
	return outcome;
}

/* The group's appends, in one transaction with its leader's. */
Outcome
append_group(const Store &store, const AppendRequest &asked)
{
	AppendRequest request = apply_tag_rules(store, asked);

	lock_for_append(store);
	HOLD_INTERRUPTS();
	take_members();

	Appender *appender = begin_appender(store);
	Outcome outcome = append_one(appender, request);
	serve_members(appender);
	end_appender(appender);
	close_store(store);
	commit();
	RESUME_INTERRUPTS();
	return outcome;
}

/* An error may be a member's: then everybody, the leader too, goes on alone. */
Outcome
lead(Datum store_name, const Store &store, const AppendRequest &request)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool had_members = false;
	Outcome outcome{};

	PG_TRY();
	{
		outcome = append_group(store, request);
	}
	PG_CATCH();
	{
		had_members = has_members();
		if (!had_members)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		SPI_rollback(); /* dismisses the members */
		EnsurePortalSnapshotExists();
	}
	PG_END_TRY();
	/* The error has ended the hold on interrupts. */
	if (had_members)
		outcome = append_alone(open_store(store_name, RowExclusiveLock, rights_for(request)), request);
	return outcome;
}

/* A member's own part of the commit. */
Outcome
finish_as_member()
{
	XLogRecPtr commit;
	Outcome outcome = take_outcome(&commit);

	if (outcome.kind == OutcomeKind::OtherTagRules)
		return outcome;
	if (synchronous_commit > SYNCHRONOUS_COMMIT_OFF || !outcome.wrote)
		XLogFlush(commit);
	if (synchronous_commit > SYNCHRONOUS_COMMIT_OFF && outcome.wrote)
		await_standbys_as_member(commit);
	outcome_is_known();
	return outcome;
}

/* SPI is connected, the request is in the slot. */
Outcome
append_in_group(Datum store_name, Store store, const AppendRequest &request)
{
	for (;;)
	{
		Oid events = RelationGetRelid(store.events);
		SlotState state = join_queue(events);

		if (state == SlotState::Queued)
		{
			release_store(store, RowExclusiveLock);
			state = wait_in_queue();
			if (state == SlotState::Committed)
			{
				if (Outcome outcome = finish_as_member(); outcome.kind != OutcomeKind::OtherTagRules)
					return outcome;
				state = SlotState::Retry;
			}
			else if (state == SlotState::Retry)
				free_slot();
			store = open_store(store_name, RowExclusiveLock, rights_for(request));
		}
		if (state == SlotState::Retry)
			return append_alone(store, request);
		if (state == SlotState::Leading && RelationGetRelid(store.events) == events && !has_inline_projections(store))
			return lead(store_name, store, request);
		if (state == SlotState::Leading)
			pass_lead(); /* the store has changed since; those who wait will find out too */
		if (has_inline_projections(store))
			return append_alone(store, request);
	}
}

} // namespace

int64
append_and_commit(Datum store_name, const AppendRequest &request)
{
	Store store = open_store(store_name, RowExclusiveLock, rights_for(request));
	Outcome outcome;

	top_level = !SPI_inside_nonatomic_context();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	/* Inline projections are to see one append at a time, and to fail it alone. */
	if (group_append && !waits_for_remote_apply() && !has_inline_projections(store) && offer_request(apply_tag_rules(store, request)))
		outcome = append_in_group(store_name, store, request);
	else
		outcome = append_alone(store, request);
	SPI_finish();
	if (outcome.kind == OutcomeKind::Appended && outcome.wrote)
		return outcome.position;

	/* In the transaction after the commit; a conflict's tags may be toasted, an earlier append not be durable. */
	EnsurePortalSnapshotExists();
	store = open_store(store_name, AccessShareLock, ACL_NO_RIGHTS);
	int64 position = answer(store, request, outcome);
	close_store(store);
	return position;
}

void
append_all_and_commit(Datum store_name, AclMode rights, const AppendRequest *requests, Outcome *outcomes, int count)
{
	Store store = open_store(store_name, RowExclusiveLock, rights);

	top_level = !SPI_inside_nonatomic_context();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	append_all(store, requests, outcomes, count);
	SPI_finish();
}

void
group_is_durable(XLogRecPtr commit)
{
	if (is_leading())
		pass_lead();
	dismiss_members(SlotState::Committed, commit);
}

void
install_group()
{
	DefineCustomBoolVariable("dcb.group_append", "Lets dcb.submit commit together with other sessions' appends.",
	                         "Needs pg_dcb in shared_preload_libraries.", &group_append, true, PGC_USERSET, 0, nullptr,
	                         nullptr, nullptr);
	if (process_shared_preload_libraries_in_progress)
		install_group_queue();
}

} // namespace dcb
