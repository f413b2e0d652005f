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
