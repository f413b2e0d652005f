-- Snapshots: states as of a position, so that a decision need not fold its events from the first. A cache, never the truth.
--
-- A snapshot stands for the answer of one query, under a name and a version of the caller's. It is found again only by the same query (in
-- canonical form), name and version, and only while the event at its position is the one that it was taken at: one that is ahead of the head,
-- or stems from another history of the store, as after a restore, does not exist. Rights on the table <store>.snapshot decide: SELECT to load,
-- SELECT, INSERT and UPDATE to save, DELETE to drop, with USAGE on the schema and SELECT on the events. Who may save decides what others load.

CREATE FUNCTION dcb.save_snapshot(store text, name text, query dcb.query, "position" bigint, state bytea, version bigint DEFAULT 0)
	RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
	recorded timestamptz;
	saved bigint;
BEGIN
	IF name IS NULL OR query IS NULL OR "position" IS NULL OR state IS NULL OR version IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('"%s" must not be null', CASE WHEN name IS NULL THEN 'name' WHEN query IS NULL THEN 'query'
				WHEN "position" IS NULL THEN 'position' WHEN state IS NULL THEN 'state' ELSE 'version' END),
			HINT = 'A snapshot is found by its name, its query and its version; it consists of a state and the position of its last event.';
	END IF;
	IF octet_length(name) NOT BETWEEN 1 AND 256 THEN
		RAISE SQLSTATE 'DCB06' USING
			MESSAGE = 'invalid name of a snapshot',
			DETAIL = format('It has %s bytes; the limit is 256.', octet_length(name)),
			HINT = 'Name the kind of state; identifiers stand in the query.';
	END IF;
	IF "position" < 1 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = '"position" must be positive',
			DETAIL = format('It is %s.', "position"),
			HINT = 'Give the position up to which the events of the state were read; without an event there is nothing to save.';
	END IF;
	SELECT e.recorded_at INTO recorded FROM dcb.read(store, after => "position" - 1, upto => "position") AS e;
	IF NOT FOUND THEN
		RAISE SQLSTATE 'DCB09' USING
			MESSAGE = format('position %s is beyond the head of store "%s"', "position", store),
			DETAIL = format('The last event has position %s.', dcb.head(store)),
			HINT = 'What was read is not in this store (any more), as after a restore or a failover; read again.';
	END IF;

	-- Whoever is in our way is saving a state as good as this one.
	EXECUTE format('INSERT INTO %I.snapshot AS s (name, query_hash, version, query, position, recorded_at, state)
	                VALUES ($1, sha256(convert_to($2, ''UTF8'')), $3, $2, $4, $5, $6)
	                ON CONFLICT (name, query_hash, version) DO UPDATE
	                SET query = excluded.query, position = excluded.position, recorded_at = excluded.recorded_at, state = excluded.state
	                WHERE s.position < excluded.position OR s.position > $7', store)
		USING name, query::text, version, "position", recorded, state, dcb.head(store);
	GET DIAGNOSTICS saved = ROW_COUNT;
	RETURN saved > 0;
EXCEPTION WHEN lock_not_available OR serialization_failure THEN
	RETURN false;
END
$$;
COMMENT ON FUNCTION dcb.save_snapshot(text, text, dcb.query, bigint, bytea, bigint) IS
	'keeps a state as of a position unless a later one is kept; answers whether it did, and never waits long';

CREATE FUNCTION dcb.load_snapshot(store text, name text, query dcb.query, version bigint DEFAULT 0)
	RETURNS TABLE ("position" bigint, state bytea)
	LANGUAGE c STABLE ROWS 1 PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_load_snapshot';
COMMENT ON FUNCTION dcb.load_snapshot(text, text, dcb.query, bigint) IS
	'the state that was saved for this name, query and version, with its position; no row when there is none';

CREATE FUNCTION dcb.drop_snapshots(store text, name text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	dropped bigint;
BEGIN
	PERFORM dcb.head(store);
	EXECUTE format('DELETE FROM %I.snapshot WHERE name = $1 OR $1 IS NULL', store) USING name;
	GET DIAGNOSTICS dropped = ROW_COUNT;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION dcb.drop_snapshots(text, text) IS 'removes the snapshots of that name, or all; answers how many there were';

-- Planned like dcb.read where it stands in FROM: the body becomes part of the statement. The greater of the watermark and the last position
-- is the `after` of a condition, as with dcb.watermark beside dcb.read.
CREATE FUNCTION dcb.load(store text, query dcb.query, name text, version bigint DEFAULT 0)
	RETURNS TABLE (watermark bigint, state bytea, "position" bigint, type text, tags text[], data jsonb, payload bytea, metadata jsonb, id uuid,
	               recorded_at timestamptz)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
	WITH snapshot AS (
		SELECT coalesce(s.position, 0) AS position, s.state
		FROM (VALUES (0)) AS always LEFT JOIN dcb.load_snapshot(load.store, load.name, load.query, load.version) AS s ON true)
	SELECT dcb.watermark(load.store), s.state, s.position, NULL::text, NULL::text[], NULL::jsonb, NULL::bytea, NULL::jsonb, NULL::uuid,
	       NULL::timestamptz
	FROM snapshot AS s
	UNION ALL
	SELECT NULL AS watermark, NULL AS state, e.position, e.type, e.tags, e.data, e.payload, e.metadata, e.id, e.recorded_at
	FROM snapshot AS s, dcb.read(load.store, load.query, after => s.position) AS e
	WHERE e.position > s.position; -- an item may have a position of its own
END;
COMMENT ON FUNCTION dcb.load(text, dcb.query, text, bigint) IS
	'a first row with the watermark and the snapshot (its position, 0 without one), then the events after that';
