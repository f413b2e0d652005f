-- Subscriptions: a query under a name, and how far its consumers are.
--
-- Who consumes. A partition is held by at most one consumer, by a lease that ends by itself. Leases are for progress, not for safety: a consumer
-- that was stopped for a while may believe in a lease that another one holds by now. Safety is the token, which changes whenever a partition
-- changes hands: dcb.checkpoint, called in the transaction that has the effects, raises DCB11 for a token that is not the current one, and locks
-- the partition's row until that transaction ends, so that nobody takes over from an effect that may still commit.
--
-- Nobody waits for a consumer. dcb.claim and dcb.release skip rows that an open transaction has locked (SKIP LOCKED); a partition whose consumer
-- hangs in a transaction is taken over once that transaction is gone. A consumer's session should have an idle_in_transaction_session_timeout.
--
-- Lock order: one row of checkpoint; nothing here takes the append lock. A consumer that appends as well calls dcb.append last.
--
-- Rights on the tables decide: SELECT on event to be handed events; on subscription and checkpoint SELECT and UPDATE to consume, pause and rewind, INSERT to create,
-- DELETE on subscription to drop; on subscription_member and parked SELECT, INSERT, UPDATE and DELETE to consume.

CREATE FUNCTION dcb.require_subscription(store text, name text, partition int DEFAULT 0, token bigint DEFAULT NULL) RETURNS void
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_require_subscription';
COMMENT ON FUNCTION dcb.require_subscription(text, text, int, bigint) IS 'raises an error unless the subscription exists and the token, if there is one, is current';

CREATE FUNCTION dcb.require_event(store text, "position" bigint, recorded_at timestamptz) RETURNS void
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_require_event';
COMMENT ON FUNCTION dcb.require_event(text, bigint, timestamptz) IS 'raises DCB12 unless the event at that position was recorded at that time';

CREATE FUNCTION dcb.pending(store text, name text, partition int DEFAULT 0, max_count bigint DEFAULT 100000, OUT events bigint, OUT since timestamptz)
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_pending';
COMMENT ON FUNCTION dcb.pending(text, text, int, bigint) IS
	'how many events a partition has not dealt with, counted up to max_count, and when the first of them was recorded';

CREATE FUNCTION dcb.partition_of(tags text[], partition_by text, partitions int) RETURNS int
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_partition_of';
COMMENT ON FUNCTION dcb.partition_of(text[], text, int) IS 'the partition of events with these tags; the same everywhere and for ever';

-- Wakes, at commit, who waits for the subscription's checkpoints to move, or for other changes of it.
CREATE FUNCTION dcb.announce(store text, name text, moved boolean) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_announce';

-- A token that was not given before, also not by a server that lost its last seconds in a failover.
CREATE FUNCTION dcb.next_token(token bigint) RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL SAFE RETURN greatest(token + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);

-- Creating and dropping

CREATE FUNCTION dcb.create_subscription(store text, name text, query dcb.query DEFAULT dcb.all(), start_after bigint DEFAULT 0, partitions int DEFAULT 1,
                                        partition_by text DEFAULT NULL, if_not_exists boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	head bigint := dcb.head(store);
	created int;
	same boolean;
BEGIN
	IF name IS NULL OR query IS NULL OR partitions IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('"%s" must not be null', CASE WHEN name IS NULL THEN 'name' WHEN query IS NULL THEN 'query' ELSE 'partitions' END),
			HINT = 'Leave an argument out to get its default.';
	END IF;
	IF octet_length(name) NOT BETWEEN 1 AND 256 THEN
		RAISE SQLSTATE 'DCB06' USING
			MESSAGE = 'invalid name of a subscription',
			DETAIL = format('It has %s bytes; the limit is 256.', octet_length(name)),
			HINT = 'Name what consumes the events.';
	END IF;
	IF partitions NOT BETWEEN 1 AND 1024 THEN
		RAISE SQLSTATE 'DCB06' USING
			MESSAGE = 'invalid number of partitions',
			DETAIL = format('It is %s; a subscription has 1 to 1024.', partitions),
			HINT = 'Have some more than there will be consumers; the number cannot be changed later.';
	END IF;
	IF partitions > 1 AND coalesce(octet_length(partition_by), 0) NOT BETWEEN 1 AND 256 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'a partitioned subscription needs the name of a tag in "partition_by"',
			HINT = 'With partition_by => ''cart'' the value of a tag like cart:c1 decides to which partition an event belongs.';
	END IF;
	IF start_after < 0 OR start_after > head THEN
		RAISE SQLSTATE 'DCB09' USING
			MESSAGE = format('position %s is beyond the ends of store "%s"', start_after, store),
			DETAIL = format('The last event has position %s.', head),
			HINT = 'Start after 0 to get all events, after NULL to get those that will come.';
	END IF;
	start_after := coalesce(start_after, head);

	EXECUTE format('INSERT INTO %I.subscription (name, kind, query, partitions, partition_by, state, created_at)
	                VALUES ($1, ''subscription'', $2, $3, $4, ''active'', clock_timestamp()) ON CONFLICT DO NOTHING', store)
		USING name, query::text, partitions, partition_by;
	GET DIAGNOSTICS created = ROW_COUNT;
	IF created = 0 AND if_not_exists THEN
		EXECUTE format('SELECT s.query = $2 AND s.partitions = $3 AND s.partition_by IS NOT DISTINCT FROM $4 FROM %I.subscription AS s WHERE s.name = $1', store)
			INTO same USING name, query::text, partitions, partition_by;
	END IF;
	IF created = 0 AND same IS NOT TRUE THEN
		RAISE duplicate_object USING
			MESSAGE = format('subscription "%s" of store "%s" exists already', name, store),
			DETAIL = CASE WHEN if_not_exists THEN 'It has another query or other partitions.' ELSE 'A name is given once.' END,
			HINT = 'Drop it, or give the new one another name: what was handed out by one query does not fit another.';
	END IF;
	IF created = 1 THEN
		EXECUTE format('INSERT INTO %I.checkpoint (name, partition, position, recorded_at, updated_at, token, failures)
		                SELECT $1, p, $3, $4, clock_timestamp(), dcb.next_token(0), 0 FROM generate_series(0, $2 - 1) AS p', store)
			USING name, partitions, start_after, dcb.recorded_at(store, start_after);
	END IF;
END
$$;
COMMENT ON FUNCTION dcb.create_subscription(text, text, dcb.query, bigint, int, text, boolean) IS
	'makes a subscription that starts after a position, NULL for the head; its partitions are told apart by the value of a tag';

CREATE FUNCTION dcb.drop_subscription(store text, name text) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	dropped int;
BEGIN
	PERFORM dcb.recorded_at(store, 0);
	IF name IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = '"name" must not be null', HINT = 'Name a subscription.';
	END IF;
	EXECUTE format('DELETE FROM %I.subscription AS s WHERE s.name = $1', store) USING name;
	GET DIAGNOSTICS dropped = ROW_COUNT;
	PERFORM dcb.announce(store, name, true), dcb.announce(store, name, false);
	RETURN dropped > 0;
END
$$;
COMMENT ON FUNCTION dcb.drop_subscription(text, text) IS 'removes a subscription with its checkpoints and parked events; answers whether there was one';

-- Consuming

-- Registers a member of a group for the time of its lease, forgets those who are gone, and answers how many partitions it is to have: the members, in the
-- order of their names, share what cannot be divided.
CREATE FUNCTION dcb.share_of(store text, name text, consumer text, lease interval, partitions int) RETURNS int
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	at_time timestamptz := clock_timestamp();
	own_until timestamptz;
	live int;
	before int;
	gone int;
BEGIN
	EXECUTE format('SELECT max(m.lease_until) FILTER (WHERE m.consumer = $2) FROM %I.subscription_member AS m WHERE m.name = $1', store)
		INTO own_until USING name, consumer;
	IF own_until IS NULL THEN
		EXECUTE format('INSERT INTO %I.subscription_member (name, consumer, lease_until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', store)
			USING name, consumer, at_time + lease;
	ELSIF own_until < at_time + lease * 0.7 THEN
		EXECUTE format('WITH own AS MATERIALIZED (
		                    SELECT m.consumer FROM %1$I.subscription_member AS m WHERE m.name = $1 AND m.consumer = $2 FOR NO KEY UPDATE SKIP LOCKED)
		                UPDATE %1$I.subscription_member AS m SET lease_until = $3 FROM own WHERE m.name = $1 AND m.consumer = own.consumer', store)
			USING name, consumer, at_time + lease;
	END IF;
	EXECUTE format('SELECT count(*) FILTER (WHERE m.lease_until > $3), count(*) FILTER (WHERE m.lease_until > $3 AND m.consumer < $2 COLLATE "C"),
	                       count(*) FILTER (WHERE m.lease_until <= $3)
	                FROM %I.subscription_member AS m WHERE m.name = $1', store)
		INTO live, before, gone USING name, consumer, at_time;
	IF gone > 0 THEN
		EXECUTE format('WITH gone AS MATERIALIZED (
		                    SELECT m.consumer FROM %1$I.subscription_member AS m WHERE m.name = $1 AND m.lease_until <= $2 FOR UPDATE SKIP LOCKED)
		                DELETE FROM %1$I.subscription_member AS m USING gone WHERE m.name = $1 AND m.consumer = gone.consumer', store)
			USING name, at_time;
	END IF;
	live := greatest(live, 1);
	RETURN partitions / live + (before < partitions % live)::int;
END
$$;

CREATE FUNCTION dcb.claim(store text, name text, consumer text, lease interval DEFAULT '30 s') RETURNS TABLE (partition int, token bigint)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	at_time timestamptz := clock_timestamp();
	partitions int;
	active boolean;
	quota int;
	held int;
	short int; -- of those held, how many leases are to be renewed
	free int;
	own record;
BEGIN
	PERFORM dcb.require_subscription(store, name);
	IF consumer IS NULL OR lease IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('"%s" must not be null', CASE WHEN consumer IS NULL THEN 'consumer' ELSE 'lease' END),
			HINT = 'A consumer has a name of its own, no other process uses it.';
	END IF;
	IF octet_length(consumer) NOT BETWEEN 1 AND 256 THEN
		RAISE SQLSTATE 'DCB06' USING
			MESSAGE = 'invalid name of a consumer',
			DETAIL = format('It has %s bytes; the limit is 256.', octet_length(consumer)),
			HINT = 'Something like host, process and start time.';
	END IF;
	IF lease <= interval '0' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = '"lease" must be positive', DETAIL = format('It is %s.', lease),
			HINT = 'Take some times longer than a batch takes.';
	END IF;
	IF pg_is_in_recovery() THEN
		RAISE read_only_sql_transaction USING
			MESSAGE = 'cannot consume a subscription on a standby',
			DETAIL = 'Its checkpoint and its lease can only be written on the primary.',
			HINT = 'A reader with a checkpoint of its own can use dcb.read and dcb.wait_for_query here.';
	END IF;

	EXECUTE format('SELECT s.partitions, s.state = ''active'' FROM %I.subscription AS s WHERE s.name = $1', store) INTO partitions, active USING name;
	IF active IS NOT TRUE THEN
		RETURN;
	END IF;
	quota := CASE partitions WHEN 1 THEN 1 ELSE dcb.share_of(store, name, consumer, lease, partitions) END;

	-- Most calls find that nothing has to be written.
	EXECUTE format('SELECT count(*) FILTER (WHERE c.consumer = $2 AND c.lease_until > $3),
	                       count(*) FILTER (WHERE c.consumer = $2 AND c.lease_until > $3 AND c.lease_until < $3 + $4 * 0.7),
	                       count(*) FILTER (WHERE c.lease_until > $3 IS NOT TRUE)
	                FROM %I.checkpoint AS c WHERE c.name = $1', store)
		INTO held, short, free USING name, consumer, at_time, lease;
	IF held > quota THEN
		EXECUTE format('WITH surplus AS MATERIALIZED (
		                    SELECT c.partition FROM %1$I.checkpoint AS c WHERE c.name = $1 AND c.consumer = $2
		                    ORDER BY c.partition DESC LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
		                UPDATE %1$I.checkpoint AS c SET consumer = NULL, lease_until = NULL, token = dcb.next_token(c.token)
		                FROM surplus WHERE c.name = $1 AND c.partition = surplus.partition', store)
			USING name, consumer, held - quota;
	END IF;
	IF short > 0 THEN
		EXECUTE format('WITH short AS MATERIALIZED (
		                    SELECT c.partition FROM %1$I.checkpoint AS c WHERE c.name = $1 AND c.consumer = $2 FOR NO KEY UPDATE SKIP LOCKED)
		                UPDATE %1$I.checkpoint AS c SET lease_until = $3 FROM short WHERE c.name = $1 AND c.partition = short.partition', store)
			USING name, consumer, at_time + lease;
	END IF;
	-- One whose lease ran out without anybody noticing keeps its token.
	IF held < quota AND free > 0 THEN
		EXECUTE format('WITH free AS MATERIALIZED (
		                    SELECT c.partition, c.consumer FROM %1$I.checkpoint AS c WHERE c.name = $1 AND c.lease_until > $3 IS NOT TRUE
		                    ORDER BY c.consumer IS DISTINCT FROM $2, c.partition LIMIT $5 FOR NO KEY UPDATE SKIP LOCKED)
		                UPDATE %1$I.checkpoint AS c SET consumer = $2, lease_until = $4,
		                    token = CASE WHEN free.consumer = $2 THEN c.token ELSE dcb.next_token(c.token) END
		                FROM free WHERE c.name = $1 AND c.partition = free.partition', store)
			USING name, consumer, at_time, at_time + lease, quota - held;
	END IF;

	FOR own IN EXECUTE format('SELECT c.partition, c.token, c.position, c.recorded_at FROM %I.checkpoint AS c
	                           WHERE c.name = $1 AND c.consumer = $2 AND c.lease_until > $3 ORDER BY c.partition', store)
		USING name, consumer, at_time
	LOOP
		PERFORM dcb.require_event(store, own.position, own.recorded_at);
		partition := own.partition;
		token := own.token;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION dcb.claim(text, text, text, interval) IS
	'takes, renews or gives back partitions for a consumer, up to its share; answers those that it holds now, and never waits';

CREATE FUNCTION dcb.release(store text, name text, consumer text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.require_subscription(store, name);
	EXECUTE format('WITH own AS MATERIALIZED (
	                    SELECT c.partition FROM %1$I.checkpoint AS c WHERE c.name = $1 AND c.consumer = $2 FOR NO KEY UPDATE SKIP LOCKED)
	                UPDATE %1$I.checkpoint AS c SET consumer = NULL, lease_until = NULL, token = dcb.next_token(c.token)
	                FROM own WHERE c.name = $1 AND c.partition = own.partition', store)
		USING name, consumer;
	EXECUTE format('WITH own AS MATERIALIZED (
	                    SELECT m.consumer FROM %1$I.subscription_member AS m WHERE m.name = $1 AND m.consumer = $2 FOR UPDATE SKIP LOCKED)
	                DELETE FROM %1$I.subscription_member AS m USING own WHERE m.name = $1 AND m.consumer = own.consumer', store)
		USING name, consumer;
END
$$;
COMMENT ON FUNCTION dcb.release(text, text, text) IS 'gives back what a consumer holds, so that others need not wait for its lease to end';

CREATE FUNCTION dcb.poll(store text, name text, token bigint, partition int DEFAULT 0, max_count int DEFAULT 100)
	RETURNS TABLE ("position" bigint, type text, tags text[], data jsonb, payload bytea, metadata jsonb, id uuid, recorded_at timestamptz)
	LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'dcb_poll';
COMMENT ON FUNCTION dcb.poll(text, text, bigint, int, int) IS
	'the next events of a partition; when they are fewer than max_count, at the end a row with a position only: how far the log was looked through';

CREATE FUNCTION dcb.checkpoint(store text, name text, token bigint, "position" bigint, partition int DEFAULT 0) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	recorded timestamptz := dcb.recorded_at(store, "position");
	moved int;
	reached bigint;
BEGIN
	IF token IS NULL OR "position" IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('"%s" must not be null', CASE WHEN token IS NULL THEN 'token' ELSE 'position' END),
			HINT = 'The token is dcb.claim''s, the position dcb.poll''s.';
	END IF;
	IF recorded IS NULL AND "position" > 0 THEN
		RAISE SQLSTATE 'DCB09' USING
			MESSAGE = format('position %s is beyond the head of store "%s"', "position", store),
			DETAIL = format('The last event has position %s.', dcb.head(store)),
			HINT = 'Give a position that dcb.poll has answered.';
	END IF;
	EXECUTE format('UPDATE %I.checkpoint AS c SET position = $4, recorded_at = $5, updated_at = clock_timestamp(), failures = 0
	                WHERE c.name = $1 AND c.partition = $2 AND c.token = $3 AND c.position < $4', store)
		USING name, partition, token, "position", recorded;
	GET DIAGNOSTICS moved = ROW_COUNT;
	IF moved = 0 THEN
		PERFORM dcb.require_subscription(store, name, partition, token);
		EXECUTE format('SELECT c.position FROM %I.checkpoint AS c WHERE c.name = $1 AND c.partition = $2', store) INTO reached USING name, partition;
		IF reached > "position" THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('the checkpoint of subscription "%s" does not go back', name),
				DETAIL = format('It is %s, and would be %s.', reached, "position"),
				HINT = 'To have events again: dcb.rewind.';
		END IF;
	END IF;
	PERFORM dcb.announce(store, name, true);
END
$$;
COMMENT ON FUNCTION dcb.checkpoint(text, text, bigint, bigint, int) IS
	'notes that a partition''s events up to a position are dealt with; call it in the transaction that has the effects';

-- Failing

CREATE FUNCTION dcb.fail(store text, name text, token bigint, error text, stop boolean DEFAULT false, partition int DEFAULT 0) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	noted int;
BEGIN
	IF token IS NULL OR error IS NULL OR stop IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('"%s" must not be null', CASE WHEN token IS NULL THEN 'token' WHEN error IS NULL THEN 'error' ELSE 'stop' END),
			HINT = 'Say what failed.';
	END IF;
	PERFORM dcb.recorded_at(store, 0);
	EXECUTE format('UPDATE %I.checkpoint AS c SET failures = c.failures + 1, last_error = left($4, 1000)
	                WHERE c.name = $1 AND c.partition = $2 AND c.token = $3', store)
		USING name, partition, token, error;
	GET DIAGNOSTICS noted = ROW_COUNT;
	IF noted = 0 THEN
		PERFORM dcb.require_subscription(store, name, partition, token);
	END IF;
	IF stop THEN
		EXECUTE format('UPDATE %I.subscription AS s SET state = ''stopped'', reason = $2 WHERE s.name = $1', store) USING name, error;
		RAISE WARNING 'subscription "%" of store "%" is stopped', name, store USING DETAIL = error, HINT = 'Once it can go on: dcb.resume.';
	END IF;
END
$$;
COMMENT ON FUNCTION dcb.fail(text, text, bigint, text, boolean, int) IS 'notes a failure, and stops the subscription if asked to; call it after the failed work was rolled back';

-- Operation

CREATE FUNCTION dcb.set_subscription_state(store text, name text, state text, reason text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.require_subscription(store, name);
	EXECUTE format('UPDATE %I.subscription AS s SET state = $2, reason = $3 WHERE s.name = $1', store) USING name, state, reason;
	PERFORM dcb.announce(store, name, false);
	PERFORM dcb.wake_worker();
END
$$;

CREATE FUNCTION dcb.pause(store text, name text, reason text DEFAULT NULL) RETURNS void
	LANGUAGE sql RETURN dcb.set_subscription_state(store, name, 'paused', reason);
COMMENT ON FUNCTION dcb.pause(text, text, text) IS 'nothing is handed out until dcb.resume; what was handed out may be finished';

CREATE FUNCTION dcb.resume(store text, name text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.set_subscription_state(store, name, 'active', NULL);
	EXECUTE format('UPDATE %I.checkpoint AS c SET failures = 0 WHERE c.name = $1 AND c.failures > 0', store) USING name;
END
$$;
COMMENT ON FUNCTION dcb.resume(text, text) IS 'goes on with a subscription that was paused or stopped';

CREATE FUNCTION dcb.rewind(store text, name text, "position" bigint) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.require_subscription(store, name);
	IF "position" IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = '"position" must not be null', HINT = 'To go by time, use dcb.position_at.';
	END IF;
	IF "position" < 0 OR "position" > dcb.head(store) THEN
		RAISE SQLSTATE 'DCB09' USING
			MESSAGE = format('position %s is beyond the ends of store "%s"', "position", store),
			DETAIL = format('The last event has position %s.', dcb.head(store)),
			HINT = 'The events after the position are handed out again; 0 means all.';
	END IF;
	-- Whoever is at work now must not move the checkpoint on.
	EXECUTE format('UPDATE %I.checkpoint AS c SET position = $2, recorded_at = $3, updated_at = clock_timestamp(), failures = 0,
	                    consumer = NULL, lease_until = NULL, token = dcb.next_token(c.token)
	                WHERE c.name = $1', store)
		USING name, "position", dcb.recorded_at(store, "position");
	PERFORM dcb.announce(store, name, true), dcb.announce(store, name, false);
	PERFORM dcb.wake_worker();
END
$$;
COMMENT ON FUNCTION dcb.rewind(text, text, bigint) IS 'moves the checkpoints of all partitions, back or ahead; waits for consumers that are at work';

CREATE FUNCTION dcb.subscriptions(store text, max_count bigint DEFAULT 100000)
	RETURNS TABLE (name text, partition int, partitions int, state text, reason text, "position" bigint, head bigint, lag_events bigint, lag interval,
	               consumer text, lease_until timestamptz, failures int, last_error text, parked bigint, query text, partition_by text, kind text,
	               updated_at timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format('
		SELECT s.name, c.partition, s.partitions, s.state,
		       coalesce(s.reason, CASE WHEN c.position > 0 AND c.recorded_at IS DISTINCT FROM dcb.recorded_at($1, c.position)
		                               THEN ''the checkpoint is not of this history of the store'' END),
		       c.position, $2, l.events, coalesce(clock_timestamp() - l.since, interval ''0''),
		       CASE WHEN c.lease_until > clock_timestamp() THEN c.consumer END, c.lease_until, c.failures, c.last_error,
		       (SELECT count(*) FROM %1$I.parked AS p WHERE p.name = s.name AND p.partition = c.partition),
		       s.query, s.partition_by, s.kind, c.updated_at
		FROM %1$I.subscription AS s JOIN %1$I.checkpoint AS c ON c.name = s.name, LATERAL dcb.pending($1, s.name, c.partition, $3) AS l
		ORDER BY s.name, c.partition', store)
		USING store, dcb.head(store), max_count;
END
$$;
COMMENT ON FUNCTION dcb.subscriptions(text, bigint) IS
	'every partition of every subscription: where it is, who holds it, what is wrong with it, and how many events it is behind, counted up to max_count';
