/*
 * In-database projections: subscriptions whose consumer is a function in the database.
 */
#pragma once

#include "store.hpp"

namespace dcb {

/*
 * Within the current transaction, with SPI connected: the next batch of an asynchronous projection, as the store's
 * owner. Answers when to come again: at once if there may be more, at a time if it failed and is to be tried again,
 * CAUGHT_UP when there is no more, soon if somebody else is at it, DT_NOEND when it is not active. What a handler
 * raises is noted in the projection's status.
 *
 * With `at_end` the transaction ends after this: deferred constraints are checked now, where a failure is the
 * projection's.
 */
constexpr TimestampTz CAUGHT_UP = DT_NOBEGIN;
TimestampTz run_projection(Datum store_name, const char *name, bool at_end);

/*
 * Projections that are part of each append. Theirs are the store's appends one by one: they run as part of the
 * appender's transaction, and what they raise is the append's error.
 */
bool has_inline_projections(const Store &store);
void run_inline_projections(const Store &store);

} // namespace dcb
