-- Events on their way in.

CREATE TYPE dcb.new_event AS (type text, data jsonb, tags text[], metadata jsonb, payload bytea, id uuid);
COMMENT ON TYPE dcb.new_event IS 'an event to append; make it with dcb.event()';

CREATE FUNCTION dcb.event(type text, data jsonb DEFAULT '{}', tags text[] DEFAULT '{}', metadata jsonb DEFAULT NULL,
                          payload bytea DEFAULT NULL, id uuid DEFAULT NULL) RETURNS dcb.new_event
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_event';
COMMENT ON FUNCTION dcb.event(text, jsonb, text[], jsonb, bytea, uuid) IS 'an event to append';
