/*
 * Inserting rows into one of a store's tables past the executor and the guard, with all the table's indexes kept.
 */
#pragma once

#include "pg.hpp"

namespace dcb {

struct TableWriter;

TableWriter *begin_table_writer(Relation table);

/* A slot to fill: set tts_values and tts_isnull, then call write_row. What they point at must live until they are flushed. */
TupleTableSlot *next_row(TableWriter *writer);
void write_row(TableWriter *writer);

/* Instead: puts a new version in the place of a row that nobody else changes, with entries in all indexes. */
void replace_row(TableWriter *writer, ItemPointer old, TupleTableSlot *row);

/* After this all rows written so far are in the table and its indexes. */
void flush_rows(TableWriter *writer);

void end_table_writer(TableWriter *writer);

} // namespace dcb
