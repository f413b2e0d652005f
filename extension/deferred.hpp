/*
 * Appends that wait for the transaction's commit.
 */
#pragma once

#include "append.hpp"

namespace dcb {

/*
 * Checks the rights now, and the condition at commit. Errors of answer() surface at COMMIT, as those of deferred
 * constraints do, and roll the transaction back.
 */
void append_at_commit(Datum store_name, const AppendRequest &request);

/* Has the transaction appends to make at its commit? */
bool has_deferred_appends();

/* After install_durability(), so that its callback runs later at commit and sees what was written. */
void install_deferred();

} // namespace dcb
