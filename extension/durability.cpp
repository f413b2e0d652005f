/*
 * Steps of a commit, and what happens here in each:
 *
 *  1. XACT_EVENT_PRE_COMMIT: if the appends are all that the transaction wrote, turn synchronous_commit off, the variable
 *     only, for this commit. A user who has it off keeps it off, and nothing more happens.
 *  2. The commit record is written, the effects become visible, the locks are released.
 *  3. RESOURCE_RELEASE_AFTER_LOCKS of the top transaction: restore the variable; flush; let the next group begin and answer
 *     the members of this one (group.cpp); wake who waits for events (wake.cpp); wait for standbys.
 *
 * An abort after step 1 restores the variable at XACT_EVENT_ABORT. From step 2 on an error would be a PANIC, so nothing
 * there allocates, looks at a catalog or reports an error; flushing and waiting are what an ordinary commit does there.
 *
 * A session with synchronous_commit = remote_apply commits as usual, since its commit record asks standbys for an answer.
 *
 * "All that it wrote" is read from the end of the transaction's last WAL record: nothing before its first append, and
 * nothing since its last one. Before it has an id, a transaction has written nothing that others see by its commit: such
 * records are a mere reader's, who prunes pages in passing. Those after an append make the commit an ordinary one.
 */
#include "durability.hpp"
#include "group.hpp"
#include "standby.hpp"
#include "wake.hpp"

namespace dcb {
namespace {

/* Of the current transaction. */
bool appended = false;
bool wrote_otherwise = false;
XLogRecPtr end_of_append = InvalidXLogRecPtr;

bool flush_after_locks = false;
int users_synchronous_commit = SYNCHRONOUS_COMMIT_ON;

void
restore_synchronous_commit()
{
	if (flush_after_locks)
		synchronous_commit = users_synchronous_commit;
	flush_after_locks = false;
}

void
at_transaction_event(XactEvent event, void *)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (appended && !wrote_otherwise && XactLastRecEnd == end_of_append &&
			    synchronous_commit > SYNCHRONOUS_COMMIT_OFF && !waits_for_remote_apply())
			{
				users_synchronous_commit = synchronous_commit;
				synchronous_commit = SYNCHRONOUS_COMMIT_OFF;
				flush_after_locks = true;
			}
			break;
		case XACT_EVENT_ABORT:
			restore_synchronous_commit();
			[[fallthrough]];
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			appended = wrote_otherwise = false;
			break;
		default:
			break;
	}
}

void
at_resource_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level, void *)
{
	if (phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_top_level || !is_commit)
		return;

	bool flush = flush_after_locks;
	restore_synchronous_commit();
	if (flush)
		XLogFlush(XactLastCommitEnd);
	group_is_durable(XactLastCommitEnd);
	wake_waiters();
	if (flush)
		await_standbys_as_writer(XactLastCommitEnd);
}

} // namespace

void
before_append_writes()
{
	if (XactLastRecEnd != (appended ? end_of_append : InvalidXLogRecPtr) && TransactionIdIsValid(GetTopTransactionIdIfAny()))
		wrote_otherwise = true;
}

void
after_append_wrote()
{
	appended = true;
	end_of_append = XactLastRecEnd;
}

TransactionId
writer_of(TupleTableSlot *event)
{
	HeapTuple tuple = reinterpret_cast<HeapTupleTableSlot *>(event)->tuple;

	Assert(TTS_IS_BUFFERTUPLE(event) && tuple != nullptr);
	/* The commit of a frozen row is older than a checkpoint, and its entry in the commit log may be gone. */
	if (HeapTupleHeaderXminFrozen(tuple->t_data))
		return InvalidTransactionId;

	TransactionId writer = HeapTupleHeaderGetXmin(tuple->t_data);
	return TransactionIdIsCurrentTransactionId(writer) ? InvalidTransactionId : writer;
}

/*
 * The commit log knows the records of asynchronous commits only, and for some dozens of neighbours together the latest
 * one: a flush up to there is never too short.
 */
static XLogRecPtr
commit_record(TransactionId writer)
{
	return TransactionIdIsValid(writer) && !RecoveryInProgress() ? TransactionIdGetCommitLSN(writer) : InvalidXLogRecPtr;
}

bool
is_durable(TransactionId writer)
{
	XLogRecPtr commit = commit_record(writer);

	return XLogRecPtrIsInvalid(commit) || (!XLogNeedsFlush(commit) && is_confirmed(commit));
}

void
make_durable(TransactionId writer)
{
	XLogRecPtr commit = commit_record(writer);

	if (XLogRecPtrIsInvalid(commit))
		return;
	XLogFlush(commit);
	await_standbys_as_reader(commit);
}

void
make_earlier_durable(TransactionId writer)
{
	make_durable(writer);
	if (synchronous_commit > SYNCHRONOUS_COMMIT_OFF)
		await_standbys_as_reader(GetFlushRecPtr(nullptr));
}

void
install_durability()
{
	RegisterXactCallback(at_transaction_event, nullptr);
	RegisterResourceReleaseCallback(at_resource_release, nullptr);
}

} // namespace dcb
