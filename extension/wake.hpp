/*
 * Waking sessions that wait for a store to change.
 */
#pragma once

#include "event.hpp"
#include "query.hpp"
#include "store.hpp"

namespace dcb {

/* What can be announced of a store. */
enum class Topic : uint8
{
	Tag,          /* of an event */
	Type,         /* of an event */
	Checkpoint,   /* of the subscription of that name, moved on */
	Subscription  /* of that name, changed otherwise */
};

/*
 * Topics fold into so many bits; two that share one wake each other's waiters, who look and go on waiting. A group announces
 * some dozens at once, to perhaps hundreds of waiters, and a look in vain costs as much as an append: so there are many bits.
 */
constexpr int TOPIC_BITS = 1 << 16;

/* What a session waits for. With too many topics it is woken by everything. */
struct WakeFilter
{
	static constexpr int MAX_TOPICS = 12;

	Oid events; /* the store's table; InvalidOid: any store of the database */
	bool everything;
	int count;
	uint16 topics[MAX_TOPICS];

	void add(Topic topic, String subject);
	/* What every event that matches has at least one of. */
	void add(const Query &query);

	bool operator==(const WakeFilter &other) const
	{
		return events == other.events && everything == other.everything && count == other.count &&
		       std::equal(topics, topics + count, other.topics);
	}
};

/*
 * From now on this session's latch is set whenever something that passes the filter has been committed; false if nobody will
 * do that: without shared memory, and on a standby. Ends by stop_waiting(), and when the transaction aborts.
 *
 * Nothing is missed in this order: ResetLatch, start_waiting, look with a new snapshot, WaitLatch.
 */
bool start_waiting(const WakeFilter &filter);
void stop_waiting();

/* To be announced if the transaction commits. */
void announce_event(Oid events, const NewEvent &event);
void announce(Oid events, Topic topic, String subject);

/* The transaction has committed, its locks are released: does what was announced. Cannot fail. */
void wake_waiters();

void install_wake();

} // namespace dcb
