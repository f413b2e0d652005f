-- Parked events: those that a consumer gave up, so that the events behind them go on. They are not handed out again until they are resolved.

CREATE FUNCTION dcb.park(store text, name text, token bigint, "position" bigint, reason text, attempts int DEFAULT 1, partition int DEFAULT 0) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	held int;
BEGIN
	IF token IS NULL OR "position" IS NULL OR reason IS NULL OR attempts IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = format('"%s" must not be null', CASE WHEN token IS NULL THEN 'token' WHEN "position" IS NULL THEN 'position'
				WHEN reason IS NULL THEN 'reason' ELSE 'attempts' END),
			HINT = 'Say which event is parked and why.';
	END IF;
	IF dcb.recorded_at(store, "position") IS NULL THEN
		RAISE SQLSTATE 'DCB09' USING
			MESSAGE = format('there is no event at position %s of store "%s"', "position", store),
			DETAIL = format('The last event has position %s.', dcb.head(store)),
			HINT = 'Give the position of an event that dcb.poll has answered.';
	END IF;
	EXECUTE format('SELECT 1 FROM %I.checkpoint AS c WHERE c.name = $1 AND c.partition = $2 AND c.token = $3 FOR NO KEY UPDATE', store)
		INTO held USING name, partition, token;
	IF held IS NULL THEN
		PERFORM dcb.require_subscription(store, name, partition, token);
	END IF;
	EXECUTE format('INSERT INTO %I.parked AS p (name, position, partition, reason, attempts, parked_at) VALUES ($1, $2, $3, $4, $5, clock_timestamp())
	                ON CONFLICT (name, position) DO UPDATE SET reason = excluded.reason, attempts = p.attempts + excluded.attempts', store)
		USING name, "position", partition, reason, attempts;
	RAISE LOG 'event % of store "%" is parked by subscription "%"', "position", store, name USING DETAIL = reason;
END
$$;
COMMENT ON FUNCTION dcb.park(text, text, bigint, bigint, text, int, int) IS 'sets an event aside that cannot be dealt with';

CREATE FUNCTION dcb.parked_events(store text, name text)
	RETURNS TABLE ("position" bigint, partition int, reason text, attempts int, parked_at timestamptz, type text, tags text[], data jsonb, payload bytea,
	               metadata jsonb, id uuid, recorded_at timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.require_subscription(store, name);
	RETURN QUERY EXECUTE format('
		SELECT p.position, p.partition, p.reason, p.attempts, p.parked_at, e.type, e.tags, e.data, e.payload, e.metadata, e.id, e.recorded_at
		FROM %I.parked AS p LEFT JOIN LATERAL dcb.read($1, after => p.position - 1, upto => p.position) AS e ON true
		WHERE p.name = $2 ORDER BY p.position', store)
		USING store, name;
END
$$;
COMMENT ON FUNCTION dcb.parked_events(text, text) IS 'the parked events of a subscription, in order, with what is known of them';

CREATE FUNCTION dcb.resolve_parked(store text, name text, "position" bigint) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	resolved int;
BEGIN
	PERFORM dcb.require_subscription(store, name);
	EXECUTE format('DELETE FROM %I.parked AS p WHERE p.name = $1 AND p.position = $2', store) USING name, "position";
	GET DIAGNOSTICS resolved = ROW_COUNT;
	RETURN resolved > 0;
END
$$;
COMMENT ON FUNCTION dcb.resolve_parked(text, text, bigint) IS
	'takes a parked event off the list: to replay it, first in the transaction that does so and only if this answers true; or to discard it';
