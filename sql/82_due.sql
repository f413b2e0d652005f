-- Due commands: appends in the future. Each is executed once, when it is due, by the clock of the database, if its condition holds then.
--
-- Who may append may schedule: INSERT on the event table, and SELECT with a condition, both now and when it is due. Who has scheduled a
-- command may cancel it, and so may the store's owner, who also deletes what has been executed: DELETE FROM <store>.due WHERE state <> 'pending'.

CREATE FUNCTION dcb.schedule(store text, due timestamptz, events dcb.new_event[], fail_if_events_match dcb.query DEFAULT NULL,
                             after bigint DEFAULT 0, id uuid DEFAULT NULL) RETURNS uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_schedule';
COMMENT ON FUNCTION dcb.schedule(text, timestamptz, dcb.new_event[], dcb.query, bigint, uuid) IS
	'appends events once it is due, unless a later one matches then; answers the id of the due command';

CREATE FUNCTION dcb.schedule(store text, due timestamptz, events jsonb, fail_if_events_match dcb.query DEFAULT NULL,
                             after bigint DEFAULT 0, id uuid DEFAULT NULL) RETURNS uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_schedule_json';
COMMENT ON FUNCTION dcb.schedule(text, timestamptz, jsonb, dcb.query, bigint, uuid) IS
	'appends events given as a JSON array once it is due, unless a later one matches then; answers the id of the due command';

CREATE FUNCTION dcb.cancel(store text, id uuid) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_cancel';
COMMENT ON FUNCTION dcb.cancel(text, uuid) IS 'cancels a due command; answers whether it was still pending';

CREATE PROCEDURE dcb.run_due(store text, INOUT executed integer DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_run_due';
COMMENT ON PROCEDURE dcb.run_due(text, integer) IS
	'executes the commands that are due, as the worker does; for servers without it, and for tests';

CREATE FUNCTION dcb.due_commands(store text)
	RETURNS TABLE (id uuid, due timestamptz, state text, role text, events jsonb, condition dcb.query, after bigint, "position" bigint,
	               sqlstate text, error text, scheduled_at timestamptz, executed_at timestamptz)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.head(store);
	RETURN QUERY EXECUTE format('SELECT id, due, state, role, events, fail_if_events_match::dcb.query, after, position, sqlstate, error,
	                             scheduled_at, executed_at FROM %I.due ORDER BY due, scheduled_at, id', store);
END
$$;
COMMENT ON FUNCTION dcb.due_commands(text) IS
	'the due commands: pending, appended (at this position), refused (by the event at this position), failed, cancelled';

CREATE FUNCTION dcb.wake_worker() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_wake_worker';
COMMENT ON FUNCTION dcb.wake_worker() IS
	'lets the worker look for work in this database, as after a restore into a running server; for work made by our functions that is not needed';
