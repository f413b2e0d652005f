/*
 * Waiting for synchronous standbys to confirm a commit, as far as the session's synchronous_commit asks for that.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

/* Then the commit record itself must say so, and nobody else's can stand in for it. */
bool waits_for_remote_apply();

/* Have they? True as well if there is nobody to ask. */
bool is_confirmed(XLogRecPtr commit);

/* For who committed, after the commit; cannot fail. */
void await_standbys_as_writer(XLogRecPtr commit);

/* For a member of a group, whose request stands in another session's commit: a cancel ends the wait with a warning. */
void await_standbys_as_member(XLogRecPtr commit);

/* For who only tells of it: a cancel is an error. */
void await_standbys_as_reader(XLogRecPtr commit);

void install_standby();

} // namespace dcb
