/*
 * dcb.append_at_commit: the transaction goes on working without the append lock, which is taken at commit only.
 *
 * Requests are kept in the order they were made, each with the subtransaction that made it; a rollback to a savepoint
 * forgets those made since. At XACT_EVENT_PRE_COMMIT, when deferred triggers have run and an error still is an ordinary
 * error, they are appended store by store, in the order of the stores' table ids, so that two transactions that defer
 * appends to the same stores cannot wait for each other.
 */
#include "deferred.hpp"
#include "prepare.hpp"

namespace dcb {
namespace {

struct Deferred
{
	Deferred *next;
	SubTransactionId made_in;
	Oid events; /* the store's table */
	char *request;
	char store_name[NAMEDATALEN];
};

/* In TopTransactionContext, in order. */
Deferred *first = nullptr;
Deferred **end = &first;

void
forget_all()
{
	first = nullptr;
	end = &first;
}

char *
pack_into_transaction(const AppendRequest &request)
{
	for (Size capacity = 1024;; capacity *= 2)
	{
		auto *buffer = static_cast<char *>(MemoryContextAllocHuge(TopTransactionContext, capacity));
		if (pack(request, buffer, capacity))
			return buffer;
		pfree(buffer);
	}
}

/* The smallest table id above `above` among the deferred appends, or InvalidOid. */
Oid
next_store(Oid above)
{
	Oid smallest = InvalidOid;

	for (Deferred *d = first; d != nullptr; d = d->next)
		if (d->events > above && (!OidIsValid(smallest) || d->events < smallest))
			smallest = d->events;
	return smallest;
}

/* Rights were checked when the appends were asked for. */
void
append_deferred()
{
	Datum (*text)(const char *) = [](const char *s) { return PointerGetDatum(cstring_to_text(s)); };

	for (Oid events = next_store(InvalidOid); OidIsValid(events); events = next_store(events))
		for (Deferred *d = first; d != nullptr; d = d->next)
			if (d->events == events)
			{
				Store store = open_store(text(d->store_name), RowExclusiveLock, ACL_NO_RIGHTS);
				append(store, unpack(d->request));
				close_store(store);
			}
}

void
at_transaction_event(XactEvent event, void *)
{
	if (event == XACT_EVENT_PRE_COMMIT && first != nullptr)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		append_deferred();
		PopActiveSnapshot();
		forget_all();
	}
	else if (event == XACT_EVENT_ABORT)
		forget_all();
}

void
at_subtransaction_event(SubXactEvent event, SubTransactionId own, SubTransactionId parent, void *)
{
	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;

	Deferred **link = &first;
	while (*link != nullptr)
	{
		Deferred *d = *link;

		if (d->made_in == own && event == SUBXACT_EVENT_ABORT_SUB)
		{
			*link = d->next;
			continue;
		}
		if (d->made_in == own)
			d->made_in = parent;
		link = &d->next;
	}
	end = link;
}

} // namespace

void
append_at_commit(Datum store_name, const AppendRequest &request)
{
	Store store = open_store(store_name, RowExclusiveLock, rights_for(request));
	auto *d = static_cast<Deferred *>(MemoryContextAllocZero(TopTransactionContext, sizeof(Deferred)));

	d->made_in = GetCurrentSubTransactionId();
	d->events = RelationGetRelid(store.events);
	strlcpy(d->store_name, store.name, NAMEDATALEN);
	d->request = pack_into_transaction(request);
	forbid_prepare();
	*end = d;
	end = &d->next;
	close_store(store);
}

bool
has_deferred_appends()
{
	return first != nullptr;
}

void
install_deferred()
{
	RegisterXactCallback(at_transaction_event, nullptr);
	RegisterSubXactCallback(at_subtransaction_event, nullptr);
}

} // namespace dcb
