/*
 * Rows go into the table many at a time, a page's worth under one WAL record, and then into its indexes one by one: also
 * into those that a user has added.
 */
#include "table_writer.hpp"

namespace dcb {

namespace {

constexpr int ROWS_PER_INSERT = 100;

} // namespace

struct TableWriter
{
	MemoryContext context; /* of slots, which outlive the caller's */
	EState *estate;
	ResultRelInfo *target;
	TupleTableSlot *slots[ROWS_PER_INSERT];
	int slot_count;
	int row_count; /* rows waiting in slots */
};

TableWriter *
begin_table_writer(Relation table)
{
	auto *writer = static_cast<TableWriter *>(palloc0(sizeof(TableWriter)));

	writer->context = CurrentMemoryContext;
	writer->estate = CreateExecutorState();
	writer->target = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->target, table, 1, nullptr, 0);
	ExecOpenIndices(writer->target, false);
	return writer;
}

TupleTableSlot *
next_row(TableWriter *writer)
{
	if (writer->row_count == writer->slot_count)
	{
		MemoryContext caller = MemoryContextSwitchTo(writer->context);
		writer->slots[writer->slot_count++] = table_slot_create(writer->target->ri_RelationDesc, nullptr);
		MemoryContextSwitchTo(caller);
	}
	return ExecClearTuple(writer->slots[writer->row_count]);
}

void
flush_rows(TableWriter *writer)
{
	Relation table = writer->target->ri_RelationDesc;

	if (writer->row_count == 0)
		return;
	table_multi_insert(table, writer->slots, writer->row_count, GetCurrentCommandId(true), 0, nullptr);
	for (int i = 0; i < writer->row_count; ++i)
	{
		insert_index_entries(writer->target, writer->slots[i], writer->estate);
		ResetPerTupleExprContext(writer->estate);
		ExecClearTuple(writer->slots[i]);
	}
	writer->row_count = 0;
	CHECK_FOR_INTERRUPTS();
}

void
write_row(TableWriter *writer)
{
	ExecStoreVirtualTuple(writer->slots[writer->row_count]);
	if (++writer->row_count == ROWS_PER_INSERT)
		flush_rows(writer);
}

void
replace_row(TableWriter *writer, ItemPointer old, TupleTableSlot *row)
{
	if (update_row(writer->target->ri_RelationDesc, old, row))
		insert_index_entries(writer->target, row, writer->estate);
	ResetPerTupleExprContext(writer->estate);
	CHECK_FOR_INTERRUPTS();
}

void
end_table_writer(TableWriter *writer)
{
	flush_rows(writer);
	for (int i = 0; i < writer->slot_count; ++i)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	ExecCloseIndices(writer->target);
	FreeExecutorState(writer->estate);
}

} // namespace dcb
