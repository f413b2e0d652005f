/*
 * The server's headers, and the only place that knows differences between its versions.
 *
 * Everything in this folder runs inside the server: errors leave functions by longjmp, so no object here may have a
 * destructor that has to run, memory comes from palloc, and nothing throws.
 */
#pragma once

#include <cstdint>
#include <utility>

/* 15 leaves it empty; the module is compiled with hidden visibility. */
#define PGDLLEXPORT __attribute__((visibility("default")))

extern "C" {
#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_class_d.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type_d.h"
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"
}

/* Defines a function that SQL can call. */
#define DCB_FUNCTION(name)                          \
	extern "C" {                                    \
	PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);       \
	PG_FUNCTION_INFO_V1(name);                      \
	}                                               \
	Datum name([[maybe_unused]] PG_FUNCTION_ARGS)

namespace dcb {

inline IndexScanDesc
begin_index_scan(Relation heap, Relation index, Snapshot snapshot, int keys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, nullptr, keys, 0);
#else
	return index_beginscan(heap, index, snapshot, keys, 0);
#endif
}

inline void
insert_index_entries(ResultRelInfo *target, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	ExecInsertIndexTuples(target, slot, estate, false, false, nullptr, NIL, false);
#else
	ExecInsertIndexTuples(target, slot, estate, false, false, nullptr, NIL);
#endif
}

/* A new version of a row that nobody else changes; the slot gets its address. Does it need index entries? */
inline bool
update_row(Relation table, ItemPointer old, TupleTableSlot *slot)
{
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes entries;
	simple_table_tuple_update(table, old, slot, SnapshotAny, &entries);
	return entries != TU_None;
#else
	bool entries;
	simple_table_tuple_update(table, old, slot, SnapshotAny, &entries);
	return entries;
#endif
}

inline Oid
primary_key_index(Relation table)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(table, false);
#else
	return RelationGetPrimaryKeyIndex(table);
#endif
}

inline bool
lock_held_by_me(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, false);
#else
	return LockHeldByMe(tag, mode);
#endif
}

/* Are there synchronous standbys, as far as the checkpointer has told the others? */
inline bool
standbys_are_defined()
{
	const volatile WalSndCtlData *state = WalSndCtl;
#ifdef SYNC_STANDBY_DEFINED /* from some minor version of each on */
	if (!(state->sync_standbys_status & SYNC_STANDBY_INIT))
		return SyncRepStandbyNames != nullptr && SyncRepStandbyNames[0] != '\0';
	return state->sync_standbys_status & SYNC_STANDBY_DEFINED;
#else
	return state->sync_standbys_defined;
#endif
}

/* May the role look into the schema? */
inline bool
may_use_schema(Oid schema, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK;
#else
	return pg_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK;
#endif
}

/* May the role call the function? */
inline bool
may_call(Oid function, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/* The order of a relation's rows by an expression, NIL when the query has no use for it. */
inline ::List *
pathkeys_by(PlannerInfo *root, RelOptInfo *rel, Expr *expression, Oid less_or_greater)
{
#if PG_VERSION_NUM >= 160000
	return build_expression_pathkey(root, expression, less_or_greater, rel->relids, false);
#else
	return build_expression_pathkey(root, expression, nullptr, less_or_greater, rel->relids, false);
#endif
}

} // namespace dcb
