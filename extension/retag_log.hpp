/*
 * The store's table retag_log: who gave which events further tags. A row for each batch, in the order of their commits.
 */
#pragma once

#include "query.hpp"
#include "store.hpp"

namespace dcb {

/* What a run of dcb.retag is for; the texts are canonical. */
struct RetagTask
{
	String query;
	String name;
	String expression;
};

struct RetagBatch
{
	int64 run;     /* the number of its first batch */
	int64 goal;    /* the run ends at this position */
	int64 upto;    /* and has come to this one */
	int64 changed; /* events that got a tag in this batch */
};

/* Where the last run for this task was broken off, if it was: its `run` and `upto`. With the retag lock held. */
void find_unfinished(const Store &store, const RetagTask &task, RetagBatch *batch);

/* Adds a row; a run of 0 begins with it. `head` is the log's. With the retag lock held, and the append lock if events changed. */
void log_batch(const Store &store, const RetagTask &task, RetagBatch *batch, int64 head);

/*
 * Has an event at or before this position got a tag since, by which the query may find it now? Then an answer of the query
 * as of that position may lack it.
 */
bool gained_tags_since(const Store &store, Snapshot snapshot, const Query &query, int64 position);

} // namespace dcb
