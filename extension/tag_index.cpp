/*
 * The access method behind tag_index.hpp.
 *
 * It is the server's B-tree with another front: pages, WAL, vacuum, scans and crash recovery are nbtree's own code; what
 * is ours is that one row becomes several entries, on insert and on build. An index is declared
 *
 *     CREATE INDEX ... USING dcb_tags (tags, dcb.index_key(position, type))
 *
 * and stores two int8 columns, the first by the operator class's STORAGE. Invariants:
 *
 * - No operator is registered in the operator classes and the cost is prohibitive: the planner never uses the index, only
 *   scan.cpp does, with plain scan keys. Rows are checked for visibility there, so that the index needs no more than
 *   every B-tree does.
 * - A row's hashes are distinct, so that (hash, key, row address) is unique, which nbtree relies on.
 * - Entries are never marked dead by scans, nor is the "index unchanged" hint passed: nbtree's deletion of single dead
 *   entries expects one entry per row on a page. VACUUM removes them all.
 */
#include "tag_index.hpp"

namespace dcb {
namespace {

/* Tests make it small to force collisions. */
#ifndef DCB_HASH_MASK
#define DCB_HASH_MASK PG_UINT64_MAX
#endif

constexpr uint64 TAG_SEED = 0x7461672e64636221;
constexpr uint64 TYPE_SEED = 0x747970652e646362;

int64
hash_bytes(const void *data, int length, uint64 seed)
{
	return static_cast<int64>(hash_bytes_extended(static_cast<const unsigned char *>(data), length, seed) & DCB_HASH_MASK);
}

/* What one row is stored as. */
struct Entries
{
	int64 *hashes;
	int count;
	int64 key;
};

Entries
entries_of(const Datum *values, const bool *nulls)
{
	if (nulls[0] || nulls[1])
		ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION), errmsg("an index of access method dcb_tags takes no nulls")));

	StringSet tags = to_strings(DatumGetArrayTypeP(values[0]));
	Entries entries{static_cast<int64 *>(palloc(sizeof(int64) * (tags.count + 1))), 0, DatumGetInt64(values[1])};

	for (String tag : tags)
		if (tag.data != nullptr)
			entries.hashes[entries.count++] = tag_hash(tag);
	entries.hashes[entries.count++] = type_hash(entries.key & TYPE_MASK);
	std::sort(entries.hashes, entries.hashes + entries.count);
	entries.count = static_cast<int>(std::unique(entries.hashes, entries.hashes + entries.count) - entries.hashes);
	return entries;
}

/* nbtree checks in assertions, and tuplesort up to 17 in earnest, that an index is a B-tree. */
struct Disguise
{
	Relation index;
	Oid method;
#if PG_VERSION_NUM >= 180000
	decltype(RelationData::rd_indam) routine;
#endif

	void put_on()
	{
		index->rd_rel->relam = BTREE_AM_OID;
#if PG_VERSION_NUM >= 180000
		static IndexAmRoutine ordered;
		ordered = *routine;
		ordered.amcanorder = true;
		index->rd_indam = &ordered;
#endif
	}
	void take_off()
	{
		index->rd_rel->relam = method;
#if PG_VERSION_NUM >= 180000
		index->rd_indam = routine;
#endif
	}
};

Disguise
disguise_for(Relation index)
{
#if PG_VERSION_NUM >= 180000
	return {index, index->rd_rel->relam, index->rd_indam};
#else
	return {index, index->rd_rel->relam};
#endif
}

/*
 * The build in progress. The core's build reads the table through its access method's range scan; we pass it a copy of
 * the table's relation whose range scan is ours, calls the real one, and hands on several entries for each row. The
 * copy's access method has no room for our state, hence the variable; builds nest (an index expression may run
 * anything), hence it is saved and restored.
 */
struct Build
{
	Relation table;
	Disguise *disguise;
	MemoryContext row_context;
	IndexBuildCallback callback;
	void *callback_state;
};

Build *current_build;

void
add_row(Relation index, ItemPointer row, Datum *values, bool *nulls, bool alive, void *state)
{
	auto *build = static_cast<Build *>(state);
	MemoryContext caller = MemoryContextSwitchTo(build->row_context);
	Entries entries = entries_of(values, nulls);
	MemoryContextSwitchTo(caller);

	for (int i = 0; i < entries.count; ++i)
	{
		Datum columns[2] = {Int64GetDatum(entries.hashes[i]), Int64GetDatum(entries.key)};
		bool no_nulls[2] = {false, false};
		build->callback(index, row, columns, no_nulls, alive, build->callback_state);
	}
	MemoryContextReset(build->row_context);
}

double
scan_table(Relation, Relation index, IndexInfo *info, bool allow_sync, bool anyvisible, bool progress, BlockNumber start,
           BlockNumber count, IndexBuildCallback callback, void *callback_state, TableScanDesc scan)
{
	Build *build = current_build;

#ifndef USE_ASSERT_CHECKING
	build->disguise->take_off(); /* the sort has begun, and the table's scan may look at the index */
#endif
	build->callback = callback;
	build->callback_state = callback_state;
	return build->table->rd_tableam->index_build_range_scan(build->table, index, info, allow_sync, anyvisible, progress,
	                                                        start, count, add_row, build, scan);
}

IndexBuildResult *
build_index(Relation table, Relation index, IndexInfo *info)
{
	Disguise disguise = disguise_for(index);
	Build build{};
	Build *outer = current_build;
	IndexBuildResult *volatile result = nullptr;

	if (index->rd_att->natts != 2 || index->rd_opcintype[0] != TEXTARRAYOID || index->rd_opcintype[1] != INT8OID)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("an index of access method dcb_tags has two columns, text[] and bigint"),
		                errhint("Use USING dcb_tags (tags, dcb.index_key(position, type)).")));

	build.table = table;
	build.disguise = &disguise;
	build.row_context = AllocSetContextCreate(CurrentMemoryContext, "dcb_tags build", ALLOCSET_DEFAULT_SIZES);

	TableAmRoutine method = *table->rd_tableam;
	method.index_build_range_scan = scan_table;
	RelationData copy = *table;
	copy.rd_tableam = &method;
	copy.rd_smgr = nullptr;

	/* Fill the caches now: a catalog access in disguise could rebuild the index's relation. */
	for (int i = 0; i < index->rd_att->natts; ++i)
		(void) get_opfamily_proc(index->rd_opfamily[i], index->rd_opcintype[i], index->rd_opcintype[i],
		                         BTSORTSUPPORT_PROC);
	PG_TRY();
	{
		current_build = &build;
		disguise.put_on();
		result = btbuild(&copy, index, info);
	}
	PG_FINALLY();
	{
		disguise.take_off();
		current_build = outer;
	}
	PG_END_TRY();
	MemoryContextDelete(build.row_context);
	return result;
}

void
insert_entry(Relation index, Relation table, int64 hash, int64 key, ItemPointer row)
{
	Datum columns[2] = {Int64GetDatum(hash), Int64GetDatum(key)};
	bool no_nulls[2] = {false, false};
	IndexTuple entry = index_form_tuple(RelationGetDescr(index), columns, no_nulls);

	entry->t_tid = *row;
	_bt_doinsert(index, entry, UNIQUE_CHECK_NO, false, table);
}

bool
insert_row(Relation index, Datum *values, bool *nulls, ItemPointer row, Relation table, IndexUniqueCheck,
           bool /* indexUnchanged */, IndexInfo *info)
{
	/* The caller's context may live as long as a bulk load. */
	if (info->ii_AmCache == nullptr)
		info->ii_AmCache = AllocSetContextCreate(info->ii_Context, "dcb_tags insert", ALLOCSET_SMALL_SIZES);
	auto row_context = static_cast<MemoryContext>(info->ii_AmCache);
	MemoryContext caller = MemoryContextSwitchTo(row_context);
	Entries entries = entries_of(values, nulls);

#ifdef USE_ASSERT_CHECKING
	Disguise disguise = disguise_for(index);
	PG_TRY();
	{
		disguise.put_on();
#endif
		for (int i = 0; i < entries.count; ++i)
			insert_entry(index, table, entries.hashes[i], entries.key, row);
#ifdef USE_ASSERT_CHECKING
	}
	PG_FINALLY();
	{
		disguise.take_off();
	}
	PG_END_TRY();
#endif
	MemoryContextSwitchTo(caller);
	MemoryContextReset(row_context);
	return false;
}

void
estimate_cost(PlannerInfo *, IndexPath *, double, Cost *startup, Cost *total, Selectivity *selectivity,
              double *correlation, double *pages)
{
	*startup = *total = disable_cost;
	*selectivity = 1;
	*correlation = 0;
	*pages = 0;
}

/* The operator classes come from our own script only. */
bool
validate(Oid)
{
	return true;
}

} // namespace

int64
tag_hash(String tag)
{
	return hash_bytes(tag.data, tag.length, TAG_SEED);
}

int64
type_bits(String type)
{
	return hash_bytes(type.data, type.length, TYPE_SEED) & TYPE_MASK;
}

int64
type_hash(int64 bits)
{
	/* Byte by byte, so that machines of either byte order agree on a physical copy's meaning. */
	unsigned char bytes[3] = {static_cast<unsigned char>(bits), static_cast<unsigned char>(bits >> 8),
	                          static_cast<unsigned char>(bits >> 16)};
	return hash_bytes(bytes, sizeof(bytes), TYPE_SEED);
}

bool
is_tag_index(Relation index)
{
	return index->rd_indam->aminsert == insert_row;
}

/* Handler of the access method: the B-tree's, with what an index of several entries per row cannot do turned off. */
DCB_FUNCTION(dcb_tags_handler)
{
	auto *routine = makeNode(IndexAmRoutine);

	*routine = *reinterpret_cast<const IndexAmRoutine *>(DatumGetPointer(DirectFunctionCall1(bthandler, Int32GetDatum(0))));
	routine->amcanorder = false;
	routine->amcanunique = false;
	routine->amoptionalkey = false;
	routine->amsearcharray = false;
	routine->amsearchnulls = false;
	routine->amstorage = true;
	routine->amclusterable = false;
	routine->amcanparallel = false;
	routine->amcaninclude = false;
#if PG_VERSION_NUM >= 170000
	routine->amcanbuildparallel = false;
#endif
#if PG_VERSION_NUM >= 180000
	routine->amconsistentequality = false;
	routine->amconsistentordering = false;
	routine->amtranslatestrategy = nullptr;
	routine->amtranslatecmptype = nullptr;
#endif
	routine->ambuild = build_index;
	routine->aminsert = insert_row;
	routine->amcanreturn = nullptr;
	routine->amcostestimate = estimate_cost;
	routine->amproperty = nullptr;
	routine->amvalidate = validate;
	routine->amadjustmembers = nullptr;
	routine->amestimateparallelscan = nullptr;
	routine->aminitparallelscan = nullptr;
	routine->amparallelrescan = nullptr;
	PG_RETURN_POINTER(routine);
}

/* dcb.index_key(position, type) → the second column of a tag index. Error: 22003 past the greatest position. */
DCB_FUNCTION(dcb_index_key)
{
	int64 position = PG_GETARG_INT64(0);

	if (position < 1 || position > MAX_POSITION)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("position is out of range"),
		                errdetail("Positions go from 1 to " INT64_FORMAT ".", MAX_POSITION)));
	PG_RETURN_INT64(index_key(position, type_bits(to_string(PG_GETARG_DATUM(1)))));
}

} // namespace dcb
