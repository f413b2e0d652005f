/*
 * Appending in groups: what many sessions submit commits in one transaction.
 */
#pragma once

#include "append.hpp"

namespace dcb {

/*
 * Appends in a transaction of its own, which is committed when this returns or raises a conflict; possibly together with
 * other sessions' requests. To be called from a non-atomic procedure only. Errors: those of answer() and open_store().
 */
int64 append_and_commit(Datum store_name, const AppendRequest &request);

/* Appends one after the other in one transaction, which is committed; answers nothing but the outcomes. */
void append_all_and_commit(Datum store_name, AclMode rights, const AppendRequest *requests, Outcome *outcomes, int count);

/* For the commit of a group, see durability.cpp; does nothing outside of one. */
void group_is_durable(XLogRecPtr commit);

/* Needs shared_preload_libraries; without, every session appends for itself. */
void install_group();

} // namespace dcb
