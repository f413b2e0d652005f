-- What the Python library eventsourcing (9.5, its module of DCB on PostgreSQL with a table of tags) does, written anew from its published schema and
-- behaviour. It stands for: a tag table beside the event table; one function call per append, which takes an EXCLUSIVE lock on the event table,
-- looks for a conflict by grouping the tags' rows, and inserts through a chain of CTEs; and a NOTIFY in every append.

CREATE SCHEMA pyeventsourcing;
SET search_path = pyeventsourcing;

CREATE TYPE event_to_append AS (type text, data bytea, tags text[], uuid uuid, metadata jsonb);
CREATE TYPE query_item AS (types text[], tags text[]);

CREATE TABLE event (id bigserial, type text NOT NULL, data bytea, tags text[] NOT NULL, uuid uuid, metadata jsonb)
	WITH (autovacuum_vacuum_threshold = 100000000, autovacuum_vacuum_scale_factor = 0.5,
	      autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.01);
CREATE UNIQUE INDEX ON event (id) INCLUDE (type);
CREATE TABLE tag (tag text, event_id bigint REFERENCES event (id))
	WITH (autovacuum_vacuum_threshold = 100000000, autovacuum_vacuum_scale_factor = 0.5,
	      autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX ON tag (tag, event_id);

CREATE FUNCTION append(events event_to_append[]) RETURNS SETOF bigint
	LANGUAGE plpgsql SET search_path = pyeventsourcing AS $$
BEGIN
	RETURN QUERY
	WITH stored AS (
		INSERT INTO event (type, data, tags, uuid, metadata)
		SELECT e.type, e.data, e.tags, e.uuid, e.metadata FROM unnest(events) e
		RETURNING id, event.tags),
	tagged AS (
		INSERT INTO tag (tag, event_id) SELECT t, s.id FROM stored s, unnest(s.tags) t)
	SELECT max(id) FROM stored;
	NOTIFY pyeventsourcing_event;
END
$$;

-- No row when an event after that position matches.
CREATE FUNCTION append_if(items query_item[], after bigint, events event_to_append[]) RETURNS SETOF bigint
	LANGUAGE plpgsql SET search_path = pyeventsourcing AS $$
DECLARE
	conflict boolean;
BEGIN
	SET LOCAL lock_timeout = '5s';
	LOCK TABLE event IN EXCLUSIVE MODE;

	WITH item AS (SELECT * FROM unnest(items) WITH ORDINALITY),
	candidate AS (
		SELECT t.event_id, t.tag, i.ordinality, i.types, i.tags
		FROM item i JOIN tag t ON t.tag = ANY (i.tags)
		WHERE t.event_id > coalesce(after, 0)),
	counted AS (
		SELECT event_id, ordinality, types, array_length(tags, 1) AS wanted, count(DISTINCT tag) AS hits
		FROM candidate GROUP BY event_id, ordinality, wanted, types),
	complete AS (SELECT event_id, types FROM counted WHERE hits = wanted),
	matching AS (
		SELECT e.id FROM event e JOIN complete c ON c.event_id = e.id
		WHERE e.id > coalesce(after, 0) AND (coalesce(array_length(c.types, 1), 0) = 0 OR e.type = ANY (c.types))
		LIMIT 1)
	SELECT EXISTS (SELECT FROM matching) INTO conflict;

	IF NOT conflict THEN
		RETURN QUERY
		WITH stored AS (
			INSERT INTO event (type, data, tags, uuid, metadata)
			SELECT e.type, e.data, e.tags, e.uuid, e.metadata FROM unnest(events) e
			RETURNING id, event.tags),
		tagged AS (
			INSERT INTO tag (tag, event_id) SELECT t, s.id FROM stored s, unnest(s.tags) t)
		SELECT max(id) FROM stored;
		NOTIFY pyeventsourcing_event;
	END IF;
END
$$;

-- The reference from tag to event is checked row by row, which is switched off for the filling.
CREATE PROCEDURE fill(total bigint)
	LANGUAGE plpgsql AS $$
BEGIN
	FOR start IN 1..total BY 20000 LOOP
		SET LOCAL session_replication_role = replica;
		PERFORM pyeventsourcing.append(array_agg(ROW(type, payload, ARRAY[cart, customer, shop], NULL, NULL)::pyeventsourcing.event_to_append
		                                         ORDER BY number))
		FROM bench.events(start, least(start + 19999, total), total);
		COMMIT;
	END LOOP;
END
$$;

RESET search_path;
