#include "durability.hpp"

namespace dcb {

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

void
make_durable(TransactionId writer)
{
	if (!TransactionIdIsValid(writer) || RecoveryInProgress())
		return;

	/* Known for asynchronous commits only, and possibly that of a neighbour, which is later: never too early. */
	XLogRecPtr commit = TransactionIdGetCommitLSN(writer);
	if (!XLogRecPtrIsInvalid(commit))
		XLogFlush(commit);
}

} // namespace dcb
