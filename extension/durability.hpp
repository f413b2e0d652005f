/*
 * Durable commits that hold no lock, and readers that hand out nothing that is not durable.
 *
 * A commit that waits for the disk with the append lock held lets one append through per flush. So an append's
 * transaction commits in memory, as with synchronous_commit = off, releases its locks, and waits for the flush (and for
 * synchronous standbys) then, still before its client gets an answer; many wait for one flush. What an append saw from
 * another lies before it in the WAL, hence nothing durable can depend on something lost.
 *
 * In between an event is visible but not durable. Whoever hands events or positions to the outside notes the
 * transaction that wrote the last of them, and makes it durable before answering: the earlier ones are durable then
 * too, since commit order is position order. With synchronous standbys durable means that they have it: else a fail-over
 * could give what was read, or an `after` that stems from it, to other events.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/*
 * To be called before and after an append writes. The transaction's commit is flushed outside the locks if its appends
 * are all that it wrote; others' data must not be seen before it is durable.
 */
void before_append_writes();
void after_append_wrote();

/* The transaction that wrote a row read through an index; none for one that is durable for certain, or our own. */
TransactionId writer_of(TupleTableSlot *event);

/* Is its commit durable already? Never true too early. */
bool is_durable(TransactionId writer);

/*
 * On disk, and with the standbys that this session's synchronous_commit asks for. Free when it is already; does nothing on a
 * standby, or for no transaction.
 */
void make_durable(TransactionId writer);

/*
 * For an acknowledgement that rests on an earlier append. That one may have become an ordinary part of the log without standbys
 * having it, since its wait for them was cut short by the end of its session or of the server; only the whole log as it is now
 * surely holds it.
 */
void make_earlier_durable(TransactionId writer);

void install_durability();

} // namespace dcb
