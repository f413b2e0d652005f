#include "side_table.hpp"

namespace dcb {
namespace {

bool
is_complete(const SideTable &table, const SideTableShape &shape)
{
	if (!has_columns(table.table, shape.types, shape.columns) || table.key == nullptr ||
	    !is_on_first_columns(table.key, shape.key_columns))
		return false;
	for (int i = 0; i < shape.key_columns; ++i)
		if (shape.types[i] == TEXTOID && table.key->rd_indcollation[i] != C_COLLATION_OID)
			return false;
	return true;
}

} // namespace

SideTable
open_side_table(const Store &store, const SideTableShape &shape)
{
	Oid relid = get_relname_relid(shape.name, RelationGetNamespace(store.events));
	SideTable table{};

	if (OidIsValid(relid))
	{
		table.table = relation_open(relid, AccessShareLock);
		if (Oid key = primary_key_index(table.table); OidIsValid(key))
			table.key = index_open(key, AccessShareLock);
	}
	if (table.table == nullptr || !is_complete(table, shape))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("store \"%s\" has no table of %s", store.name, shape.contents),
		                errdetail("Table %s.%s is missing, or has other columns.", quote_identifier(store.name), shape.name),
		                errhint("A store's tables are made by dcb.create_store.")));
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("permission denied for the %s of store \"%s\"", shape.contents, store.name),
		                errdetail("Role \"%s\" needs SELECT on table %s.%s.", GetUserNameFromId(GetUserId(), false),
		                          quote_identifier(store.name), shape.name),
		                errhint("%s", shape.hint)));
	return table;
}

void
close_side_table(const SideTable &table)
{
	index_close(table.key, NoLock);
	relation_close(table.table, NoLock);
}

Datum
required_column(const SideTable &table, TupleTableSlot *row, int column)
{
	bool isnull;
	Datum value = slot_getattr(row, column + 1, &isnull);

	if (isnull)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("table \"%s\" has a null in column %d", RelationGetRelationName(table.table), column + 1),
		                errdetail("It was changed past the functions of dcb.")));
	return value;
}

} // namespace dcb
