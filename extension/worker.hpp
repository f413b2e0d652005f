/*
 * The background worker.
 */
#pragma once

namespace dcb {

/* The database's worker looks for work once the transaction has committed; one is started if there is none. */
void wake_worker_at_commit();

} // namespace dcb
