-- Appending: the same checks and the same numbering behind every form.

CREATE FUNCTION dcb.append(store text, events dcb.new_event[], fail_if_events_match dcb.query DEFAULT NULL,
                           after bigint DEFAULT 0, append_id uuid DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_append';
COMMENT ON FUNCTION dcb.append(text, dcb.new_event[], dcb.query, bigint, uuid) IS
	'appends events within the transaction unless a later one matches; answers the position of the last';

CREATE FUNCTION dcb.append(store text, events jsonb, fail_if_events_match dcb.query DEFAULT NULL,
                           after bigint DEFAULT 0, append_id uuid DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_append_json';
COMMENT ON FUNCTION dcb.append(text, jsonb, dcb.query, bigint, uuid) IS
	'appends events given as a JSON array within the transaction unless a later one matches; answers the position of the last';

CREATE PROCEDURE dcb.submit(store text, events dcb.new_event[], fail_if_events_match dcb.query DEFAULT NULL,
                            after bigint DEFAULT 0, append_id uuid DEFAULT NULL, INOUT "position" bigint DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_submit';
COMMENT ON PROCEDURE dcb.submit(text, dcb.new_event[], dcb.query, bigint, uuid, bigint) IS
	'appends events in a transaction of its own';

CREATE PROCEDURE dcb.submit(store text, events jsonb, fail_if_events_match dcb.query DEFAULT NULL,
                            after bigint DEFAULT 0, append_id uuid DEFAULT NULL, INOUT "position" bigint DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_submit_json';
COMMENT ON PROCEDURE dcb.submit(text, jsonb, dcb.query, bigint, uuid, bigint) IS
	'appends events given as a JSON array in a transaction of its own';

CREATE FUNCTION dcb.append_at_commit(store text, events dcb.new_event[], fail_if_events_match dcb.query DEFAULT NULL,
                                     after bigint DEFAULT 0, append_id uuid DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_append_at_commit';
COMMENT ON FUNCTION dcb.append_at_commit(text, dcb.new_event[], dcb.query, bigint, uuid) IS
	'appends events when the transaction commits; until then it holds up nobody';

CREATE FUNCTION dcb.append_at_commit(store text, events jsonb, fail_if_events_match dcb.query DEFAULT NULL,
                                     after bigint DEFAULT 0, append_id uuid DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_append_at_commit_json';
COMMENT ON FUNCTION dcb.append_at_commit(text, jsonb, dcb.query, bigint, uuid) IS
	'appends events given as a JSON array when the transaction commits; until then it holds up nobody';

CREATE TYPE dcb.command AS (events dcb.new_event[], fail_if_events_match dcb.query, after bigint, append_id uuid);
COMMENT ON TYPE dcb.command IS 'one of the appends of dcb.submit_many; make it with dcb.command()';

CREATE FUNCTION dcb.command(events dcb.new_event[], fail_if_events_match dcb.query DEFAULT NULL, after bigint DEFAULT 0,
                            append_id uuid DEFAULT NULL) RETURNS dcb.command
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ROW(events, fail_if_events_match, after, append_id)::dcb.command;
COMMENT ON FUNCTION dcb.command(dcb.new_event[], dcb.query, bigint, uuid) IS 'an append for dcb.submit_many';

CREATE TYPE dcb.outcome AS ("position" bigint, error text, conflict bigint);
COMMENT ON TYPE dcb.outcome IS
	'of a command: the position of its last event, or the SQLSTATE of its error and the position of the event in conflict';

CREATE PROCEDURE dcb.submit_many(store text, commands dcb.command[], INOUT outcomes dcb.outcome[] DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_submit_many';
COMMENT ON PROCEDURE dcb.submit_many(text, dcb.command[], dcb.outcome[]) IS
	'many independent appends in one transaction, each with its own condition and outcome';
