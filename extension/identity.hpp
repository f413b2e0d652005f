/*
 * Acting as another role.
 */
#pragma once

#include "pg.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace dcb {

struct Identity
{
	Oid role;
	int context;
	int settings;
};

/*
 * From here on the current role is another one, with settings of its own. Give what this answers to act_again_as();
 * an error does so by itself, as the end of any transaction or subtransaction in which this was called. As inside a
 * SECURITY DEFINER function, the role cannot be left from within.
 */
inline Identity
act_as(Oid role)
{
	Identity before;

	GetUserIdAndSecContext(&before.role, &before.context);
	before.settings = NewGUCNestLevel();
	SetUserIdAndSecContext(role, before.context | SECURITY_LOCAL_USERID_CHANGE);
	return before;
}

inline void
set_search_path(const char *path)
{
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * For SQL of ours over tables that are the role's: nothing in the caller's search_path means anything to it.
 * Restricted, code of the role's that it meets leaves nothing behind, in the session or for the commit.
 */
inline Identity
act_as_owner(Oid owner, bool restricted = true)
{
	Identity before = act_as(owner);

	if (restricted)
		SetUserIdAndSecContext(owner, before.context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	set_search_path("pg_catalog, pg_temp");
	return before;
}

inline void
act_again_as(Identity before)
{
	AtEOXact_GUC(false, before.settings);
	SetUserIdAndSecContext(before.role, before.context);
}

} // namespace dcb
