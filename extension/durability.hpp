/*
 * What is handed out is durable.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/*
 * An event can be visible before the record of its commit is on disk (synchronous_commit = off). Whoever hands events or
 * positions to the outside notes the transaction that wrote the last of them, and makes it durable before answering: the
 * earlier ones are durable then too, since commit order is position order.
 */

/* The transaction that wrote a row read through an index; none for one that is durable for certain, or our own. */
TransactionId writer_of(TupleTableSlot *event);

/* Free when the record is flushed already; does nothing on a standby, or for no transaction. */
void make_durable(TransactionId writer);

} // namespace dcb
