-- Reading.

-- Tells the planner what it wants to know about dcb.read, and loads the module before a plan with it is made.
CREATE FUNCTION dcb.read_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_read_support';

CREATE FUNCTION dcb.read(store text, query dcb.query DEFAULT dcb.all(), after bigint DEFAULT 0,
                         max_count bigint DEFAULT NULL, backwards boolean DEFAULT false, upto bigint DEFAULT NULL)
	RETURNS TABLE ("position" bigint, type text, tags text[], data jsonb, payload bytea, metadata jsonb, id uuid,
	               recorded_at timestamptz)
	LANGUAGE c STABLE PARALLEL RESTRICTED SUPPORT dcb.read_support AS 'MODULE_PATHNAME', 'dcb_read';
COMMENT ON FUNCTION dcb.read(text, dcb.query, bigint, bigint, boolean, bigint) IS
	'the matching events after one position and up to another, in position order';

CREATE FUNCTION dcb.head(store text) RETURNS bigint
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_head';
COMMENT ON FUNCTION dcb.head(text) IS 'position of the last event, 0 when there is none';

CREATE FUNCTION dcb.watermark(store text) RETURNS bigint
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_watermark';
COMMENT ON FUNCTION dcb.watermark(text) IS
	'a position up to which all events are visible and durable, without waiting: use it, or a later position read in the same statement, as "after"';

CREATE FUNCTION dcb.exists(store text, query dcb.query DEFAULT dcb.all(), after bigint DEFAULT 0) RETURNS boolean
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_exists';
COMMENT ON FUNCTION dcb.exists(text, dcb.query, bigint) IS 'is there a matching event after that position?';

CREATE FUNCTION dcb.count(store text, query dcb.query DEFAULT dcb.all(), after bigint DEFAULT 0) RETURNS bigint
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_count';
COMMENT ON FUNCTION dcb.count(text, dcb.query, bigint) IS 'number of matching events after that position';

CREATE FUNCTION dcb.last(store text, query dcb.query DEFAULT dcb.all()) RETURNS bigint
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_last';
COMMENT ON FUNCTION dcb.last(text, dcb.query) IS 'position of the last matching event, NULL when there is none';

CREATE FUNCTION dcb.position_at(store text, "time" timestamptz) RETURNS bigint
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_position_at';
COMMENT ON FUNCTION dcb.position_at(text, timestamptz) IS
	'the last position recorded at that time or before, 0 when there is none';

CREATE FUNCTION dcb.recorded_at(store text, "position" bigint) RETURNS timestamptz
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_recorded_at';
COMMENT ON FUNCTION dcb.recorded_at(text, bigint) IS 'when the event at that position was recorded, NULL when there is none';

-- The head for a view of all stores: one that cannot be read must not spoil the others.
CREATE FUNCTION dcb.head_if_readable(store text) RETURNS bigint
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN dcb.head(store);
EXCEPTION WHEN OTHERS THEN
	RETURN NULL;
END
$$;

-- A store is a schema whose table "event" has an index of our access method.
CREATE VIEW dcb.stores AS
	SELECT n.nspname AS store, pg_get_userbyid(c.relowner) AS owner, dcb.head_if_readable(n.nspname) AS head
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname = 'event' AND EXISTS (
		SELECT FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
		JOIN pg_catalog.pg_am am ON am.oid = ic.relam
		WHERE i.indrelid = c.oid AND i.indisvalid AND am.amname = 'dcb_tags');
COMMENT ON VIEW dcb.stores IS 'the stores of this database; head is null for one that the current role may not read';
