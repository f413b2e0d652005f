/*
 * Finding a store by name. There is no catalogue of stores: the schema, its table and the kinds of its indexes say it
 * all, so nothing can disagree with them after a dump, a restore or a rename.
 */
#include "store.hpp"
#include "tag_index.hpp"

namespace dcb {
namespace {

constexpr Oid EVENT_COLUMN_TYPES[EVENT_COLUMNS] = {INT8OID, TEXTOID,  TEXTARRAYOID, JSONBOID,
                                                   BYTEAOID, JSONBOID, UUIDOID,      TIMESTAMPTZOID};

constexpr Oid APPEND_ID_COLUMN_TYPES[] = {UUIDOID, BYTEAOID, INT8OID};

/* Distinguishes the append lock from other locks on the same table's object. */
constexpr uint16 APPEND_LOCK = 1;
constexpr uint16 RETAG_LOCK = 2;

[[noreturn]] void
unknown(const char *name)
{
	ereport(ERROR, (errcode(UNKNOWN_STORE), errmsg("store \"%s\" does not exist", name),
	                errdetail("There is no table \"event\" in a schema of that name."),
	                errhint("Create the store with SELECT dcb.create_store('%s'), or look at the view dcb.stores.", name)));
	pg_unreachable();
}

[[noreturn]] void
incomplete(const char *name, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("\"%s\" is not a complete store", name),
	                errdetail("%s", detail),
	                errhint("If its table holds events, SELECT dcb.attach_store('%s') makes index and guard anew.", name)));
	pg_unreachable();
}

/* A partial one is not for us. */
bool
is_usable_tag_index(Relation index)
{
	return is_tag_index(index) && index->rd_index->indisvalid &&
	       heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr);
}

void
check_rights(const Store &store, AclMode rights)
{
	Oid table = RelationGetRelid(store.events);

	if (pg_class_aclmask(table, GetUserId(), rights, ACLMASK_ALL) != rights)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for store \"%s\"", store.name),
		                errdetail("Role \"%s\" needs %s on table %s.event.", GetUserNameFromId(GetUserId(), false),
		                          rights == ACL_SELECT                ? "SELECT"
		                          : rights == ACL_INSERT              ? "INSERT"
		                          : rights == (ACL_SELECT | ACL_INSERT) ? "SELECT and INSERT"
		                                                              : "SELECT and UPDATE",
		                          quote_identifier(store.name)),
		                errhint("Reading and conditions need SELECT, appending needs INSERT, retagging SELECT and UPDATE.")));
	if (check_enable_rls(table, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("store \"%s\" has row-level security", store.name),
		                errdetail("A condition has to see every event."),
		                errhint("Give each tenant a store of its own instead.")));
}

/* Indexes in the making or left over by a failed build do not serve. */
void
open_indexes(Store &store)
{
	List *indexes = RelationGetIndexList(store.events);
	Oid primary_key = primary_key_index(store.events);
	ListCell *cell;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (RelationGetRelid(index) == primary_key && is_on_first_columns(index, 1))
			store.positions = index;
		else if (is_usable_tag_index(index) && store.tags == nullptr)
			store.tags = index;
		else
			index_close(index, NoLock);
	}
	list_free(indexes);
	if (store.positions == nullptr)
		incomplete(store.name, "Its table \"event\" has no primary key on the position.");
	if (store.tags == nullptr)
		incomplete(store.name, "Its table \"event\" has no valid index of the access method dcb_tags.");
}

} // namespace

bool
has_columns(Relation table, const Oid *types, int count)
{
	TupleDesc description = RelationGetDescr(table);
	bool same = description->natts == count && table->rd_rel->relkind == RELKIND_RELATION;

	for (int i = 0; same && i < count; ++i)
		same = TupleDescAttr(description, i)->atttypid == types[i] && !TupleDescAttr(description, i)->attisdropped;
	return same;
}

bool
is_on_first_columns(Relation index, int count)
{
	bool same = index->rd_index->indnkeyatts == count;

	for (int i = 0; same && i < count; ++i)
		same = index->rd_index->indkey.values[i] == i + 1;
	return same;
}

Store
open_store(Datum name, LOCKMODE lock, AclMode rights)
{
	Store store{};
	store.name = text_to_cstring(DatumGetTextPP(name));

	if (std::strlen(store.name) >= NAMEDATALEN)
		unknown(store.name);

	Oid schema = get_namespace_oid(store.name, true);
	if (!OidIsValid(schema))
		unknown(store.name);
	if (rights != ACL_NO_RIGHTS && !may_use_schema(schema, GetUserId()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for store \"%s\"", store.name),
		                errdetail("Role \"%s\" needs USAGE on schema %s.", GetUserNameFromId(GetUserId(), false),
		                          quote_identifier(store.name)),
		                errhint("Reading and conditions need SELECT on the event table, appending needs INSERT.")));

	RangeVar *table = makeRangeVar(const_cast<char *>(store.name), pstrdup("event"), -1);
	Oid relid = RangeVarGetRelid(table, lock, true);
	if (!OidIsValid(relid))
		unknown(store.name);

	store.events = table_open(relid, NoLock);
	if (!has_columns(store.events, EVENT_COLUMN_TYPES, EVENT_COLUMNS))
		incomplete(store.name, "Its table \"event\" does not have the columns of an event table.");
	if (rights != ACL_NO_RIGHTS)
		check_rights(store, rights);
	open_indexes(store);
	return store;
}

Oid
find_event_table(Datum name)
{
	Oid schema = get_namespace_oid(text_to_cstring(DatumGetTextPP(name)), true);

	return OidIsValid(schema) ? get_relname_relid("event", schema) : InvalidOid;
}

void
close_store(const Store &store)
{
	index_close(store.tags, NoLock);
	index_close(store.positions, NoLock);
	table_close(store.events, NoLock);
}

void
release_store(Store &store, LOCKMODE lock)
{
	index_close(store.tags, AccessShareLock);
	index_close(store.positions, AccessShareLock);
	table_close(store.events, lock);
	store = {};
}

Relation
open_append_ids(const Store &store, LOCKMODE lock)
{
	Oid relid = get_relname_relid("append_id", RelationGetNamespace(store.events));

	if (!OidIsValid(relid))
		incomplete(store.name, "Its table \"append_id\" is missing.");

	Relation table = table_open(relid, lock);
	Oid key = has_columns(table, APPEND_ID_COLUMN_TYPES, lengthof(APPEND_ID_COLUMN_TYPES)) ? primary_key_index(table) : InvalidOid;
	bool complete = OidIsValid(key);
	if (complete)
	{
		Relation index = index_open(key, AccessShareLock);
		complete = is_on_first_columns(index, 1);
		index_close(index, NoLock);
	}
	if (!complete)
		incomplete(store.name, "Its table \"append_id\" does not have the columns and the key of a table of append ids.");
	return table;
}

/*
 * The append lock is of the subtransaction that appends, as its rows are. The current resource owner may be that of a
 * cursor, which is older than a savepoint and gives up its locks when a later FETCH fails, while what it has appended stays.
 */
template <class Work>
static void
as_subtransaction(Work work)
{
	ResourceOwner caller = CurrentResourceOwner;

	CurrentResourceOwner = CurTransactionResourceOwner;
	work();
	CurrentResourceOwner = caller;
}

void
lock_for_append(const Store &store)
{
	as_subtransaction([&] {
		LockDatabaseObject(RelationRelationId, RelationGetRelid(store.events), APPEND_LOCK, ExclusiveLock);
	});
}

void
unlock_append(const Store &store)
{
	as_subtransaction([&] {
		UnlockDatabaseObject(RelationRelationId, RelationGetRelid(store.events), APPEND_LOCK, ExclusiveLock);
	});
}

void
lock_for_retag(const Store &store)
{
	LockDatabaseObject(RelationRelationId, RelationGetRelid(store.events), RETAG_LOCK, ExclusiveLock);
}

bool
append_lock_is_mine(const Store &store)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, RelationGetRelid(store.events), APPEND_LOCK);
	return lock_held_by_me(&tag, ExclusiveLock);
}

} // namespace dcb
