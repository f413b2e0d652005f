/*
 * The background worker: what is to be done at some time without a client.
 */
#pragma once

namespace dcb {

/* The database's worker looks for work once the transaction has committed; one is started if there is none. */
void wake_worker_at_commit();

/* Needs shared_preload_libraries; without, nothing works by itself: dcb.run_due and its like do it on demand. */
void install_worker();

} // namespace dcb
