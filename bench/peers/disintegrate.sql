-- What Disintegrate (Rust, disintegrate-postgres 4) does in PostgreSQL, written anew from its published schema and behaviour; way_peers.cpp sends
-- the statements of an append. It stands for: one column with a partial index per kind of identifier; positions from a sequence; SERIALIZABLE
-- transactions as the guard of the condition; and an epoch, up to which readers trust the log, found by looking for the position that each writer
-- has announced in its advisory locks.

CREATE SCHEMA disintegrate;
SET search_path = disintegrate;

CREATE SEQUENCE position_of_event;
CREATE TABLE event (
	event_id bigint PRIMARY KEY DEFAULT nextval('position_of_event'),
	event_type varchar(255),
	payload bytea,
	inserted_at timestamp DEFAULT now(),
	cart text,
	customer text,
	shop text);
CREATE INDEX ON event (event_type);
CREATE INDEX ON event (cart) WHERE cart IS NOT NULL;
CREATE INDEX ON event (customer) WHERE customer IS NOT NULL;
CREATE INDEX ON event (shop) WHERE shop IS NOT NULL;

-- A writer says where it starts: its position in the halves of two lock keys, beside a lock on the database that marks it as a writer.
CREATE FUNCTION announce_writer() RETURNS void
	LANGUAGE plpgsql SET search_path = disintegrate AS $$
DECLARE
	start bigint;
	this_database integer;
BEGIN
	SELECT last_value INTO start FROM position_of_event;
	SELECT oid INTO this_database FROM pg_database WHERE datname = current_database();
	PERFORM pg_try_advisory_xact_lock_shared(this_database, 0);
	PERFORM pg_try_advisory_xact_lock_shared(1, (start & x'ffffffff'::bigint)::bit(32)::integer);
	PERFORM pg_try_advisory_xact_lock_shared(2, (start >> 32)::bit(32)::integer);
END
$$;

-- The newest position, or the oldest that a writer at work has announced if that is lower.
CREATE FUNCTION trusted_position() RETURNS bigint
	LANGUAGE plpgsql SET search_path = disintegrate AS $$
DECLARE
	newest bigint;
	oldest_start bigint;
	this_database integer;
BEGIN
	SELECT coalesce(max(event_id), 0) INTO newest FROM event;
	SELECT oid INTO this_database FROM pg_database WHERE datname = current_database();
	SELECT min((high.objid::bigint << 32) + low.objid::bigint) INTO oldest_start
	FROM pg_locks writer
	JOIN pg_locks low ON low.pid = writer.pid
	JOIN pg_locks high ON high.pid = writer.pid
	WHERE writer.locktype = 'advisory' AND writer.classid = this_database AND low.classid = 1 AND high.classid = 2;
	RETURN least(coalesce(oldest_start, newest), newest);
END
$$;

CREATE PROCEDURE fill(total bigint)
	LANGUAGE plpgsql AS $$
BEGIN
	FOR start IN 1..total BY 20000 LOOP
		INSERT INTO disintegrate.event (event_type, payload, cart, customer, shop)
		SELECT type, payload, cart, customer, shop FROM bench.events(start, least(start + 19999, total), total) ORDER BY number;
		COMMIT;
	END LOOP;
END
$$;

RESET search_path;
