-- Projections in the database: subscriptions whose events a function here handles, in the transaction that moves the checkpoint.
--
-- They are made by the store's owner and run as the store's owner (see decision 0012); a handler that is to have other rights is SECURITY DEFINER. The worker
-- runs those of mode 'async'; those of mode 'inline' run at the end of each append, in its transaction.

CREATE TYPE dcb.stored_event AS ("position" bigint, type text, tags text[], data jsonb, payload bytea, metadata jsonb, id uuid, recorded_at timestamptz);
COMMENT ON TYPE dcb.stored_event IS 'an event as dcb.read answers it; what handlers of projections are called with';

-- The name of a function that can be called with this, in a form that no search_path changes.
CREATE FUNCTION dcb.callable(function regprocedure, arguments oidvector, role oid, what text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	name text;
BEGIN
	IF function IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = format('"%s" must not be null', what), HINT = 'Name a function with its parameters.';
	END IF;
	SELECT format('%I.%I', n.nspname, p.proname) INTO name FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
	WHERE p.oid = function AND p.prokind = 'f' AND NOT p.proretset AND p.proargtypes = arguments;
	IF name IS NULL THEN
		RAISE invalid_function_definition USING
			MESSAGE = format('%s cannot be called as "%s"', function, what),
			DETAIL = CASE what WHEN 'swap' THEN 'It has to be a function without parameters.'
			         ELSE 'It has to be a function of one parameter, dcb.stored_event or dcb.stored_event[].' END,
			HINT = 'It answers void.';
	END IF;
	IF NOT has_function_privilege(role, function, 'EXECUTE') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('permission denied for function %s', function),
			DETAIL = format('The store''s owner, "%s", may not execute it.', pg_get_userbyid(role)),
			HINT = 'Projections run as the owner of their store.';
	END IF;
	RETURN name;
END
$$;

CREATE FUNCTION dcb.is_per_batch(handler regprocedure) RETURNS boolean
	LANGUAGE sql STABLE RETURN (SELECT p.proargtypes[0] = 'dcb.stored_event[]'::regtype FROM pg_catalog.pg_proc AS p WHERE p.oid = handler);

CREATE FUNCTION dcb.handler_name(handler regprocedure, role oid) RETURNS text
	LANGUAGE sql STABLE
	RETURN dcb.callable(handler, CASE WHEN dcb.is_per_batch(handler) THEN 'dcb.stored_event[]'::regtype ELSE 'dcb.stored_event'::regtype END::oid::text::oidvector,
	                    role, 'handler');

-- The owner of a store; an error for who is not.
CREATE FUNCTION dcb.require_owner(store text) RETURNS oid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	owner oid;
BEGIN
	PERFORM dcb.recorded_at(store, 0);
	SELECT c.relowner INTO owner FROM pg_class AS c WHERE c.oid = to_regclass(format('%I.event', store));
	IF NOT pg_has_role(current_user, owner, 'USAGE') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('permission denied for the projections of store "%s"', store),
			DETAIL = format('They run as its owner, "%s".', pg_get_userbyid(owner)),
			HINT = 'Be a member of that role.';
	END IF;
	RETURN owner;
END
$$;

CREATE FUNCTION dcb.create_projection(store text, name text, query dcb.query, handler regprocedure, start_after bigint DEFAULT 0,
                                      batch_size int DEFAULT 100, on_error text DEFAULT 'retry', attempts int DEFAULT 5,
                                      mode text DEFAULT 'async') RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	owner pg_catalog.oid := dcb.require_owner(store); -- the search_path is the caller's
BEGIN
	PERFORM dcb.add_projection(store, name, query, dcb.handler_name(handler, owner), dcb.is_per_batch(handler), start_after, batch_size, on_error, attempts,
	                           mode, pg_catalog.current_setting('search_path'));
END
$$;
COMMENT ON FUNCTION dcb.create_projection(text, text, dcb.query, regprocedure, bigint, int, text, int, text) IS
	'lets a function handle the events of a query, by the worker (async) or with each append (inline)';

-- The settings of the caller are those of the handler: so search_path is noted before it is set to ours.
CREATE FUNCTION dcb.add_projection(store text, name text, query dcb.query, handler text, per_batch boolean, start_after bigint, batch_size int, on_error text,
                                   attempts int, mode text, search_path text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF batch_size IS NULL OR batch_size NOT BETWEEN 1 AND 100000 OR attempts IS NULL OR attempts NOT BETWEEN 1 AND 1000 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'invalid batch_size or attempts',
			DETAIL = format('They are %s and %s; the limits are 1 to 100000, and 1 to 1000.', batch_size, attempts),
			HINT = 'Leave them out to get their defaults.';
	END IF;
	IF on_error IS NULL OR on_error NOT IN ('retry', 'park', 'stop') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('"%s" is not an on_error', on_error),
			HINT = 'retry: try again, and stop after the last attempt; park: try again, and then leave the event out; stop: stop at once.';
	END IF;
	IF mode IS NULL OR mode NOT IN ('async', 'inline') THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('"%s" is not a mode', mode), HINT = 'async: by the worker; inline: with each append, in its transaction.';
	END IF;
	IF mode = 'inline' THEN
		EXECUTE format('CREATE OR REPLACE TRIGGER inline_projections AFTER INSERT ON %I.event FOR EACH STATEMENT EXECUTE FUNCTION dcb.inline_projections()', store);
	END IF;
	PERFORM dcb.create_subscription(store, name, query, start_after);
	EXECUTE format('UPDATE %I.subscription AS s SET kind = ''projection'' WHERE s.name = $1', store) USING name;
	EXECUTE format('INSERT INTO %I.projection (name, handler, per_batch, batch_size, on_error, attempts, mode, search_path)
	                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', store)
		USING name, handler, per_batch, batch_size, on_error, attempts, mode, search_path;
	IF mode = 'inline' THEN
		PERFORM dcb.catch_up(store);
	ELSE
		PERFORM dcb.wake_worker();
	END IF;
END
$$;

-- Marks an event table whose appends have projections to run. Appends write past the executor, so it never fires.
CREATE FUNCTION dcb.inline_projections() RETURNS trigger
	LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;

CREATE FUNCTION dcb.catch_up(store text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_catch_up';
COMMENT ON FUNCTION dcb.catch_up(text) IS 'runs the inline projections of a store, as an append would';

CREATE FUNCTION dcb.drop_projection(store text, name text) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	dropped int;
	inline boolean;
BEGIN
	PERFORM dcb.require_owner(store);
	EXECUTE format('DELETE FROM %1$I.subscription AS s WHERE s.name = $1 AND s.kind = ''projection''', store) USING name;
	GET DIAGNOSTICS dropped = ROW_COUNT;
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.projection AS p WHERE p.mode = ''inline'')', store) INTO inline;
	IF NOT inline AND EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = format('%I.event', store)::regclass AND t.tgname = 'inline_projections') THEN
		EXECUTE format('DROP TRIGGER inline_projections ON %I.event', store);
	END IF;
	RETURN dropped > 0;
END
$$;
COMMENT ON FUNCTION dcb.drop_projection(text, text) IS 'removes a projection, not the tables that it has filled; answers whether there was one';

CREATE FUNCTION dcb.rebuild_projection(store text, name text, handler regprocedure, swap regprocedure) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	owner pg_catalog.oid := dcb.require_owner(store); -- the search_path is the caller's
BEGIN
	RETURN dcb.add_rebuild(store, name, dcb.handler_name(handler, owner), dcb.is_per_batch(handler), dcb.callable(swap, '', owner, 'swap'),
	                       pg_catalog.current_setting('search_path'));
END
$$;
COMMENT ON FUNCTION dcb.rebuild_projection(text, text, regprocedure, regprocedure) IS
	'lets a new handler handle all events beside the running one; when it has caught up, swap() is called and it takes over. Answers its name until then';

CREATE FUNCTION dcb.add_rebuild(store text, name text, handler text, per_batch boolean, swap text, search_path text) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	beside text := name || ' (rebuild)';
	query text;
	batch_size int;
	on_error text;
	attempts int;
BEGIN
	EXECUTE format('SELECT s.query, p.batch_size, p.on_error, p.attempts FROM %1$I.subscription AS s JOIN %1$I.projection AS p ON p.name = s.name
	                WHERE s.name = $1 AND p.replaces IS NULL', store)
		INTO query, batch_size, on_error, attempts USING name;
	IF query IS NULL THEN
		RAISE SQLSTATE 'DCB13' USING
			MESSAGE = format('projection "%s" of store "%s" does not exist', name, store),
			HINT = format('Look at dcb.projections(%L).', store);
	END IF;
	PERFORM dcb.create_subscription(store, beside, query::dcb.query);
	EXECUTE format('UPDATE %I.subscription AS s SET kind = ''projection'' WHERE s.name = $1', store) USING beside;
	EXECUTE format('INSERT INTO %I.projection (name, handler, per_batch, batch_size, on_error, attempts, mode, search_path, swap, replaces)
	                VALUES ($1, $2, $3, $4, $5, $6, ''async'', $7, $8, $9)', store)
		USING beside, handler, per_batch, greatest(batch_size, 1000), on_error, attempts, search_path, swap, name;
	PERFORM dcb.wake_worker();
	RETURN beside;
END
$$;

-- The definition and the checkpoint of the new version become those of the one that it replaces.
CREATE FUNCTION dcb.take_over(store text, name text, replaces text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('UPDATE %1$I.projection AS p SET handler = n.handler, per_batch = n.per_batch, search_path = n.search_path, retry_at = NULL
	                FROM %1$I.projection AS n WHERE p.name = $2 AND n.name = $1 AND n.replaces = $2', store) USING name, replaces;
	EXECUTE format('UPDATE %1$I.checkpoint AS c SET position = n.position, recorded_at = n.recorded_at, updated_at = clock_timestamp(), failures = 0,
	                    last_error = NULL, token = dcb.next_token(c.token)
	                FROM %1$I.checkpoint AS n WHERE c.name = $2 AND n.name = $1', store) USING name, replaces;
	EXECUTE format('UPDATE %I.subscription AS s SET state = ''active'', reason = NULL WHERE s.name = $1 AND s.state = ''stopped''', store) USING replaces;
	EXECUTE format('DELETE FROM %I.parked AS p WHERE p.name = $1', store) USING replaces;
	EXECUTE format('UPDATE %I.parked AS p SET name = $2 WHERE p.name = $1', store) USING name, replaces;
	EXECUTE format('DELETE FROM %I.subscription AS s WHERE s.name = $1', store) USING name;
END
$$;

CREATE PROCEDURE dcb.run_projection(store text, name text, max_batches int DEFAULT NULL, INOUT batches int DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_run_projection';
COMMENT ON PROCEDURE dcb.run_projection(text, text, int, int) IS
	'runs a projection until it has caught up, as the worker does; for servers without it, and for tests';

CREATE FUNCTION dcb.projections(store text)
	RETURNS TABLE (name text, state text, reason text, mode text, handler text, "position" bigint, head bigint, lag_events bigint, lag interval,
	               failures int, last_error text, retry_at timestamptz, parked bigint, on_error text, attempts int, batch_size int, query text,
	               replaces text, per_second numeric)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.head(store);
	RETURN QUERY EXECUTE format('
		SELECT s.name, s.state, s.reason, p.mode, p.handler, s.position, s.head, s.lag_events, s.lag, s.failures, s.last_error,
		       CASE WHEN s.failures > 0 THEN p.retry_at END, s.parked, p.on_error, p.attempts, p.batch_size, s.query, p.replaces,
		       round((s.position / greatest(extract(epoch FROM s.updated_at - d.created_at), 0.001))::numeric, 1)
		FROM dcb.subscriptions($1) AS s JOIN %1$I.projection AS p ON p.name = s.name JOIN %1$I.subscription AS d ON d.name = s.name
		ORDER BY s.name', store)
		USING store;
END
$$;
COMMENT ON FUNCTION dcb.projections(text) IS
	'every projection: where it is, why it does not go on, how far it is behind; per_second: positions that it has passed since it was made';

-- NOTIFY

CREATE FUNCTION dcb.set_notify(store text, notify boolean) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.require_owner(store);
	EXECUTE format('DELETE FROM %I.subscription AS s WHERE s.kind = ''notify''', store);
	IF notify THEN
		PERFORM dcb.create_subscription(store, 'NOTIFY', start_after => NULL);
		EXECUTE format('UPDATE %I.subscription AS s SET kind = ''notify'' WHERE s.name = ''NOTIFY''', store);
		PERFORM dcb.wake_worker();
	END IF;
END
$$;
COMMENT ON FUNCTION dcb.set_notify(text, boolean) IS
	'lets the worker send NOTIFY on the channel of the store''s name, with the head as payload, once for all appends since the last';

-- For the worker. Answers whether the store has asked for it.
CREATE FUNCTION dcb.notify_head(store text) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	own record;
	head bigint;
BEGIN
	EXECUTE format('SELECT c.name, c.token, c.position FROM %1$I.subscription AS s JOIN %1$I.checkpoint AS c ON c.name = s.name
	                WHERE s.kind = ''notify'' AND s.state = ''active''', store) INTO own;
	IF own.name IS NULL THEN
		RETURN false;
	END IF;
	head := dcb.head(store);
	IF head > own.position THEN
		PERFORM dcb.checkpoint(store, own.name, own.token, head);
		PERFORM pg_notify(store, head::text);
	END IF;
	RETURN true;
END
$$;
