/*
 * The rules stand in the table tag_rule of the store and are applied by the session that asks for an append, before its
 * condition is checked. Every append whose transaction comes after that of a rule has the rule's tags:
 *
 * - Whoever appends holds RowExclusiveLock on the event table from before it looks at the rules until its transaction
 *   ends. Whoever changes a rule, in whatever way, meets the trigger below, which takes ShareRowExclusiveLock there: it
 *   waits for the appends that are under way, and the later ones wait for it. Reads go on.
 * - A session that waits in the queue of a group has given back its lock. Its request says under which rules it was made,
 *   and is sent back if they are others when its turn has come (append_one).
 *
 * The rules are kept in the session and forgotten by an invalidation of the event table's relcache entry, which the
 * trigger sends, and which arrives with the lock. A store without rules costs an append about a hundred instructions.
 */
#include "tag_rule.hpp"
#include "tag_expression.hpp"

extern "C" {
#include "utils/hsearch.h"
#include "utils/inval.h"
}

namespace dcb {
namespace {

/* Columns of the table tag_rule, 0-based; the first three are its key. */
enum TagRuleColumn
{
	TAG_RULE_COLUMN_TYPE,
	TAG_RULE_COLUMN_NAME,
	TAG_RULE_COLUMN_EXPRESSION,
	TAG_RULE_COLUMN_CREATED_BY,
	TAG_RULE_COLUMN_CREATED_AT,
	TAG_RULE_COLUMNS
};

constexpr Oid TAG_RULE_COLUMN_TYPES[TAG_RULE_COLUMNS] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};

struct TagRule
{
	String type;
	String name;
	String path;
	TagExpression expression;
};

struct TagRules
{
	Oid events; /* the event table: the key */
	bool valid;
	MemoryContext context; /* of the rules; null without any */
	TagRule *items;
	int count;
	uint64 version;
};

HTAB *known_rules = nullptr;       /* made with the first look; entries stay where they are until forget_invalid */
TagRules *recent_rules = nullptr; /* of the store that was used last */

bool
comes_before(const TagRule &a, const TagRule &b)
{
	if (int order = compare(a.type, b.type); order != 0)
		return order < 0;
	if (int order = compare(a.name, b.name); order != 0)
		return order < 0;
	return a.path < b.path;
}

String
copy_of(Datum text_datum)
{
	String s = to_string(text_datum);
	return {pnstrdup(s.data, s.length), s.length};
}

Relation
open_rule_table(const Store &store)
{
	Oid relid = get_relname_relid("tag_rule", RelationGetNamespace(store.events));
	Relation table = OidIsValid(relid) ? table_open(relid, AccessShareLock) : nullptr;

	if (table == nullptr || !has_columns(table, TAG_RULE_COLUMN_TYPES, TAG_RULE_COLUMNS))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("\"%s\" is not a complete store", store.name),
		                errdetail("Its table \"tag_rule\" is missing, or has other columns."),
		                errhint("Restore it from a backup; without it nobody knows which tags events have to have.")));
	return table;
}

uint64
version_of(const TagRule *rules, int count)
{
	uint64 version = 0;

	for (const TagRule *rule = rules; rule != rules + count; ++rule)
		for (String s : {rule->type, rule->name, rule->path})
			version = hash_bytes_extended(reinterpret_cast<const unsigned char *>(s.data), s.length, version + 1);
	return version;
}

/* Nobody is changing the rules but we ourselves, hence SnapshotSelf. */
void
load_rules(const Store &store, TagRules *rules)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dcb tag rules", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Relation table = open_rule_table(store);
	TableScanDesc scan = table_beginscan(table, SnapshotSelf, 0, nullptr);
	TupleTableSlot *row = table_slot_create(table, nullptr);
	int capacity = 8;
	auto *items = static_cast<TagRule *>(palloc(sizeof(TagRule) * capacity));
	int count = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, row))
	{
		slot_getallattrs(row);
		if (count == capacity)
			items = static_cast<TagRule *>(repalloc(items, sizeof(TagRule) * (capacity *= 2)));
		TagRule &rule = items[count++];
		rule.type = copy_of(row->tts_values[TAG_RULE_COLUMN_TYPE]);
		rule.name = copy_of(row->tts_values[TAG_RULE_COLUMN_NAME]);
		rule.path = copy_of(row->tts_values[TAG_RULE_COLUMN_EXPRESSION]);
		rule.expression = make_tag_expression(rule.name, rule.path);
	}
	ExecDropSingleTupleTableSlot(row);
	table_endscan(scan);
	table_close(table, NoLock);
	std::sort(items, items + count, comes_before);
	MemoryContextSwitchTo(caller);

	rules->items = items;
	rules->count = count;
	rules->version = version_of(items, count);
	rules->context = count > 0 ? context : nullptr;
	if (count > 0)
		MemoryContextSetParent(context, CacheMemoryContext);
	else
		MemoryContextDelete(context);
	rules->valid = true;
}

/* A change of any relation, or of all. */
void
forget_rules(Datum, Oid relation)
{
	HASH_SEQ_STATUS all;

	if (known_rules == nullptr)
		return;
	if (OidIsValid(relation))
	{
		if (auto *rules = static_cast<TagRules *>(hash_search(known_rules, &relation, HASH_FIND, nullptr)); rules != nullptr)
			rules->valid = false;
		return;
	}
	hash_seq_init(&all, known_rules);
	while (auto *rules = static_cast<TagRules *>(hash_seq_search(&all)))
		rules->valid = false;
}

/*
 * Those of stores that are gone are never looked at again. They go when a store is looked at for the first time, and not
 * when they become invalid, since whoever applies rules is still reading them then.
 */
void
forget_invalid()
{
	HASH_SEQ_STATUS all;

	recent_rules = nullptr;
	hash_seq_init(&all, known_rules);
	while (auto *rules = static_cast<TagRules *>(hash_seq_search(&all)))
		if (!rules->valid)
		{
			if (rules->context != nullptr)
				MemoryContextDelete(rules->context);
			(void) hash_search(known_rules, &rules->events, HASH_REMOVE, nullptr);
		}
}

const TagRules *
rules_of(const Store &store)
{
	Oid events = RelationGetRelid(store.events);

	if (recent_rules != nullptr && recent_rules->events == events && recent_rules->valid)
		return recent_rules;
	if (known_rules == nullptr)
	{
		HASHCTL control{};
		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(TagRules);
		control.hcxt = CacheMemoryContext;
		known_rules = hash_create("dcb tag rules", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}

	auto *rules = static_cast<TagRules *>(hash_search(known_rules, &events, HASH_FIND, nullptr));
	if (rules == nullptr)
	{
		forget_invalid();
		rules = static_cast<TagRules *>(hash_search(known_rules, &events, HASH_ENTER, nullptr));
		*rules = {.events = events};
	}
	if (!rules->valid)
	{
		if (rules->context != nullptr)
			MemoryContextDelete(rules->context);
		rules->context = nullptr;
		load_rules(store, rules);
	}
	recent_rules = rules;
	return rules;
}

/* Adds what the rules give to the event's tags; `number` counts from 1. */
void
add_tags(const TagRules *rules, NewEvent &event, int number)
{
	StringSet tags = event.tags;
	bool derived = false;

	for (const TagRule *rule = rules->items; rule != rules->items + rules->count; ++rule)
	{
		if (!(rule->type == event.type))
			continue;

		StringSet more = derive_tags(rule->expression, event.data.value, psprintf("Event %d of the append", number));
		StringSet all = allocate_strings(tags.count + more.count);
		all.count = tags.count + more.count;
		std::copy(more.begin(), more.end(), std::copy(tags.begin(), tags.end(), all.items));
		tags = all;
		derived = true;
	}
	if (derived)
	{
		event.tags = tags;
		check_tags(event, number);
	}
}

} // namespace

AppendRequest
apply_tag_rules(const Store &store, const AppendRequest &request)
{
	const TagRules *rules = rules_of(store);
	AppendRequest result = request;

	result.tag_rules = rules->version;
	if (rules->count == 0)
		return result;
	result.events.items = static_cast<NewEvent *>(palloc(sizeof(NewEvent) * request.events.count));
	std::copy(request.events.begin(), request.events.end(), result.events.items);
	for (int i = 0; i < result.events.count; ++i)
		add_tags(rules, result.events.items[i], i + 1);
	return result;
}

uint64
tag_rules_of(const Store &store)
{
	return rules_of(store)->version;
}

void
install_tag_rules()
{
	CacheRegisterRelcacheCallback(forget_rules, 0);
}

/* Trigger function dcb.change_tag_rules(), before every statement that changes a table tag_rule: see above. */
DCB_FUNCTION(dcb_change_tag_rules)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("dcb.change_tag_rules() is a trigger function")));

	auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
	Oid events = get_relname_relid("event", RelationGetNamespace(trigger->tg_relation));
	if (OidIsValid(events))
	{
		LockRelationOid(events, ShareRowExclusiveLock);
		CacheInvalidateRelcacheByRelid(events);
	}
	return PointerGetDatum(nullptr);
}

} // namespace dcb
