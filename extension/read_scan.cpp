/*
 * dcb.read in FROM.
 *
 * A function in FROM spools all of its rows before the first one is used. So the planner is given another path for a call
 * of dcb.read there, a custom scan that fetches events as they are asked for: LIMIT and cursors stop early, nothing is
 * copied, ORDER BY position needs no sort, and EXPLAIN shows the work. The function is left for calls elsewhere, and for the
 * few uses in FROM that want more than its columns: WITH ORDINALITY, ROWS FROM of several, a row as a whole. The last
 * includes all statements that lock or change rows of a table joined with it, which is why a scan is never asked to
 * recheck a row (EvalPlanQual).
 *
 * The plan holds the call as an expression. Its arguments are evaluated, and the store's name is looked up and the rights
 * are checked, when the scan starts and again when it starts over: with the role, the search for names and the state of
 * the catalogue of that moment, as the function would. The plan depends on the function alone.
 *
 * What has been handed out cannot be taken back, so every event is made durable before it is handed out. Commit order is
 * position order: forwards one question per writing transaction does, backwards the first event answers for all.
 *
 * The planner calls the support function of dcb.read before it looks at paths, so the hook is in place even when this is
 * the first statement of a session to meet the module.
 */
#include "read_scan.hpp"
#include "durability.hpp"
#include "read.hpp"

namespace dcb {
namespace {

struct ReadScan
{
	CustomScanState custom; /* first: the executor knows no more */
	ExprState *arguments[READ_ARGUMENTS];
	MemoryContext context; /* holds the scan in progress */
	EventScan *events;     /* null: not started (again) yet */
	Reading reading;
	int64 remaining;
	bool backwards;
	TransactionId durable; /* the last writer known to be durable */
	ScanWork earlier_work; /* of scans that were started over */
};

ReadScan *
of(CustomScanState *node)
{
	return reinterpret_cast<ReadScan *>(node);
}

const FuncExpr *
call_of(const CustomScanState *node)
{
	return linitial_node(FuncExpr, castNode(CustomScan, node->ss.ps.plan)->custom_exprs);
}

/* Execution */

void
start(ReadScan *node)
{
	MemoryContext caller = MemoryContextSwitchTo(node->context);
	ExprContext *expressions = node->custom.ss.ps.ps_ExprContext;
	NullableDatum arguments[READ_ARGUMENTS];

	for (int i = 0; i < READ_ARGUMENTS; ++i)
		arguments[i].value = ExecEvalExpr(node->arguments[i], expressions, &arguments[i].isnull);

	ReadRequest request = read_request(arguments);
	node->reading = begin_reading(arguments[ARGUMENT_STORE], node->custom.ss.ps.state->es_snapshot);
	auto *query = static_cast<Query *>(palloc(sizeof(Query)));
	*query = request.query;
	node->events = begin_event_scan(node->reading.store, *query, node->reading.snapshot, request.range);
	node->remaining = request.max_count;
	node->backwards = request.range.backwards;
	node->durable = InvalidTransactionId;
	MemoryContextSwitchTo(caller);
}

void
stop(ReadScan *node)
{
	if (node->events != nullptr)
	{
		ScanWork work = work_of(node->events);

		node->earlier_work.seeks += work.seeks;
		node->earlier_work.entries += work.entries;
		node->earlier_work.rows += work.rows;
		end_event_scan(node->events);
		end_reading(node->reading);
		node->events = nullptr;
	}
	MemoryContextReset(node->context);
}

TupleTableSlot *
fetch(ScanState *state)
{
	auto *node = reinterpret_cast<ReadScan *>(state);

	if (node->events == nullptr)
		start(node);
	if (node->remaining == 0)
		return nullptr;

	MemoryContext caller = MemoryContextSwitchTo(node->context);
	TupleTableSlot *row = next_event(node->events);
	MemoryContextSwitchTo(caller);
	if (row == nullptr)
	{
		node->remaining = 0; /* the executor may ask again */
		return nullptr;
	}
	--node->remaining;
	if (TransactionId writer = writer_of(row);
	    writer != node->durable && !(node->backwards && TransactionIdIsValid(node->durable)))
	{
		make_durable(writer);
		node->durable = writer;
	}
	return row;
}

bool
recheck(ScanState *, TupleTableSlot *)
{
	elog(ERROR, "a scan of dcb.read cannot recheck a row");
}

TupleTableSlot *
execute(CustomScanState *node)
{
	return ExecScan(&node->ss, fetch, recheck);
}

void
begin(CustomScanState *node, EState *estate, int)
{
	const FuncExpr *call = call_of(node);
	ScanState *scan = &node->ss;

	if (!may_call(call->funcid, GetUserId()))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(call->funcid));

	/* Rows come in the slots of the event scan, which are those of a heap: projection and filter have to know. */
	ExecInitScanTupleSlot(estate, scan, scan->ss_ScanTupleSlot->tts_tupleDescriptor, &TTSOpsBufferHeapTuple);
	ExecAssignScanProjectionInfoWithVarno(scan, INDEX_VAR);
	scan->ps.qual = ExecInitQual(scan->ps.plan->qual, &scan->ps);

	for (int i = 0; i < READ_ARGUMENTS; ++i)
		of(node)->arguments[i] = ExecInitExpr(static_cast<Expr *>(list_nth(call->args, i)), &scan->ps);
	of(node)->context = AllocSetContextCreate(estate->es_query_cxt, "dcb.read", ALLOCSET_DEFAULT_SIZES);
}

void
rescan(CustomScanState *node)
{
	stop(of(node));
	ExecScanReScan(&node->ss);
}

void
end(CustomScanState *node)
{
	stop(of(node));
}

/* EXPLAIN */

void
explain(CustomScanState *node, ::List *ancestors, ExplainState *es)
{
	static const char *const labels[READ_ARGUMENTS] = {"Store", "Query", "After", "Max Count", "Backwards", "Upto"};
	::List *context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, ancestors);
	ListCell *cell;

	foreach (cell, call_of(node)->args)
	{
		auto *argument = static_cast<Node *>(lfirst(cell));
		int number = foreach_current_index(cell);
		auto *constant = IsA(argument, Const) ? castNode(Const, argument) : nullptr;
		bool given =
			constant == nullptr || (!constant->constisnull && (number <= ARGUMENT_QUERY || constant->constvalue != 0));

		if (given)
			ExplainPropertyText(labels[number], deparse_expression(argument, context, false, false), es);
		if (given && constant != nullptr && number == ARGUMENT_QUERY)
		{
			Query query = decode(constant->constvalue);
			::List *accesses = NIL;

			for (int i = 0; i < query.count; ++i)
				accesses = lappend(accesses, const_cast<char *>(describe_access(query.items[i])));
			ExplainPropertyList("Access", accesses, es);
		}
	}
	if (es->analyze)
	{
		ScanWork work = of(node)->earlier_work;
		if (of(node)->events != nullptr)
		{
			ScanWork current = work_of(of(node)->events);
			work = {work.seeks + current.seeks, work.entries + current.entries, work.rows + current.rows};
		}
		ExplainPropertyInteger("Index Seeks", nullptr, work.seeks, es);
		ExplainPropertyInteger("Index Entries", nullptr, work.entries, es);
		ExplainPropertyInteger("Rows Looked At", nullptr, work.rows, es);
	}
}

const CustomExecMethods exec_methods = {
	.CustomName = "dcb.read",
	.BeginCustomScan = begin,
	.ExecCustomScan = execute,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
	.MarkPosCustomScan = nullptr,
	.RestrPosCustomScan = nullptr,
	.EstimateDSMCustomScan = nullptr,
	.InitializeDSMCustomScan = nullptr,
	.ReInitializeDSMCustomScan = nullptr,
	.InitializeWorkerCustomScan = nullptr,
	.ShutdownCustomScan = nullptr,
	.ExplainCustomScan = explain,
};

Node *
create_state(CustomScan *)
{
	auto *state = static_cast<ReadScan *>(palloc0(sizeof(ReadScan)));

	NodeSetTag(state, T_CustomScanState);
	state->custom.methods = &exec_methods;
	return reinterpret_cast<Node *>(state);
}

/* Planning */

constexpr Oid INT8_GREATER = 413; /* as pg_operator.dat has it, which names only the lesser */

const CustomScanMethods scan_methods = {.CustomName = "dcb.read", .CreateCustomScanState = create_state};

Plan *
make_plan(PlannerInfo *, RelOptInfo *rel, CustomPath *path, ::List *targets, ::List *clauses, ::List *)
{
	auto *scan = makeNode(CustomScan);
	auto *call = linitial_node(FuncExpr, path->custom_private);
	TupleDesc row;

	get_expr_result_type(reinterpret_cast<Node *>(call), nullptr, &row);
	scan->scan.plan.targetlist = targets;
	scan->scan.plan.qual = extract_actual_clauses(clauses, false);
	scan->flags = path->flags;
	scan->custom_exprs = list_make1(call);
	for (int i = 0; i < EVENT_COLUMNS; ++i)
	{
		Form_pg_attribute column = TupleDescAttr(row, i);
		Var *var = makeVar(rel->relid, i + 1, column->atttypid, -1, column->attcollation, 0);

		scan->custom_scan_tlist =
			lappend(scan->custom_scan_tlist, makeTargetEntry(reinterpret_cast<Expr *>(var), i + 1, nullptr, false));
	}
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

const CustomPathMethods path_methods = {
	.CustomName = "dcb.read", .PlanCustomPath = make_plan, .ReparameterizeCustomPathByChild = nullptr};

extern "C" PGDLLEXPORT Datum dcb_read_support(PG_FUNCTION_ARGS);

/* The one call of dcb.read that the range table entry consists of, or null. */
FuncExpr *
read_call(const RangeTblEntry *entry)
{
	if (entry->rtekind != RTE_FUNCTION || entry->funcordinality || list_length(entry->functions) != 1)
		return nullptr;

	auto *function = linitial_node(RangeTblFunction, entry->functions);
	if (!IsA(function->funcexpr, FuncExpr) || function->funccolcount != EVENT_COLUMNS)
		return nullptr;

	auto *call = castNode(FuncExpr, function->funcexpr);
	Oid support = get_func_support(call->funcid);
	FmgrInfo support_function;
	if (!OidIsValid(support) || list_length(call->args) != READ_ARGUMENTS)
		return nullptr;
	fmgr_info(support, &support_function);
	return support_function.fn_addr == dcb_read_support ? call : nullptr;
}

bool
uses_whole_row(const RelOptInfo *rel)
{
	Bitmapset *columns = nullptr;
	ListCell *cell;

	pull_varattnos(reinterpret_cast<Node *>(rel->reltarget->exprs), rel->relid, &columns);
	foreach (cell, rel->baserestrictinfo)
		pull_varattnos(reinterpret_cast<Node *>(lfirst_node(RestrictInfo, cell)->clause), rel->relid, &columns);
	return bms_is_member(-FirstLowInvalidHeapAttributeNumber, columns);
}

/* The order of the rows, if it is known while planning. */
::List *
order_of(PlannerInfo *root, RelOptInfo *rel, const FuncExpr *call)
{
	auto *backwards = static_cast<Node *>(list_nth(call->args, ARGUMENT_BACKWARDS));
	if (!IsA(backwards, Const))
		return NIL;

	auto *constant = castNode(Const, backwards);
	bool descending = !constant->constisnull && DatumGetBool(constant->constvalue);
	Var *position = makeVar(rel->relid, COLUMN_POSITION + 1, INT8OID, -1, InvalidOid, 0);
	return pathkeys_by(root, rel, reinterpret_cast<Expr *>(position), descending ? INT8_GREATER : Int8LessOperator);
}

set_rel_pathlist_hook_type next_hook;

void
plan_read(PlannerInfo *root, RelOptInfo *rel, Index relid, RangeTblEntry *entry)
{
	if (next_hook != nullptr)
		next_hook(root, rel, relid, entry);

	/* A volatile argument has to keep its value when the rows are asked for again. */
	FuncExpr *call = read_call(entry);
	if (call == nullptr || uses_whole_row(rel) || contain_volatile_functions(reinterpret_cast<Node *>(call->args)))
		return;

	auto *path = makeNode(CustomPath);
	Cost per_row = cpu_index_tuple_cost + cpu_tuple_cost + rel->baserestrictcost.per_tuple;
	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.param_info = get_baserel_parampathinfo(root, rel, rel->lateral_relids);
	path->path.parallel_safe = rel->consider_parallel;
	path->path.rows = rel->rows;
	path->path.startup_cost = rel->baserestrictcost.startup + rel->reltarget->cost.startup;
	path->path.total_cost =
		path->path.startup_cost + per_row * rel->tuples + rel->reltarget->cost.per_tuple * rel->rows;
	path->path.pathkeys = order_of(root, rel, call);
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_private = list_make1(call);
	path->methods = &path_methods;

	rel->pathlist = list_make1(path);
	rel->partial_pathlist = NIL;
}

} // namespace

/* dcb.read_support(internal) → internal: how many rows dcb.read may return, as far as its arguments tell. */
DCB_FUNCTION(dcb_read_support)
{
	constexpr double UNKNOWN_ROWS = 1000; /* what the planner assumes of any function */
	auto *node = reinterpret_cast<Node *>(PG_GETARG_POINTER(0));

	if (!IsA(node, SupportRequestRows) || !IsA(reinterpret_cast<SupportRequestRows *>(node)->node, FuncExpr))
		PG_RETURN_POINTER(nullptr);

	auto *request = reinterpret_cast<SupportRequestRows *>(node);
	auto *max_count = static_cast<Node *>(list_nth(castNode(FuncExpr, request->node)->args, ARGUMENT_MAX_COUNT));
	request->rows = UNKNOWN_ROWS;
	if (IsA(max_count, Const) && !castNode(Const, max_count)->constisnull)
		request->rows = std::clamp<double>(DatumGetInt64(castNode(Const, max_count)->constvalue), 1, UNKNOWN_ROWS);
	PG_RETURN_POINTER(request);
}

void
install_read_scan()
{
	RegisterCustomScanMethods(&scan_methods);
	next_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = plan_read;
}

} // namespace dcb
