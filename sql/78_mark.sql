-- Marks: for checkpoints that are kept elsewhere, what a subscription keeps with its own.

CREATE FUNCTION dcb.mark(store text, "position" bigint) RETURNS text
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	recorded timestamptz := dcb.recorded_at(store, "position");
BEGIN
	IF "position" IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = '"position" must not be null', HINT = 'Give the position of an event, or 0.';
	END IF;
	IF recorded IS NULL AND "position" > 0 THEN
		RAISE SQLSTATE 'DCB09' USING
			MESSAGE = format('position %s is beyond the head of store "%s"', "position", store),
			DETAIL = format('The last event has position %s.', dcb.head(store)),
			HINT = 'Mark a position that was read.';
	END IF;
	RETURN coalesce((extract(epoch FROM recorded) * 1000000)::bigint, 0);
END
$$;
COMMENT ON FUNCTION dcb.mark(text, bigint) IS 'what tells the event at a position from another one that may come there after a restore; keep it with a checkpoint of your own';

CREATE FUNCTION dcb.check_mark(store text, "position" bigint, mark text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF mark IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = '"mark" must not be null', HINT = 'Give what dcb.mark has answered.';
	END IF;
	IF mark !~ '^[0-9]{1,18}$' THEN
		RAISE invalid_parameter_value USING MESSAGE = 'invalid mark', DETAIL = format('It is "%s".', mark), HINT = 'Give what dcb.mark has answered.';
	END IF;
	PERFORM dcb.require_event(store, "position", timestamptz 'epoch' + mark::bigint * interval '1 microsecond');
END
$$;
COMMENT ON FUNCTION dcb.check_mark(text, bigint, text) IS 'raises DCB12 unless the event at the position is the one that the mark was made for';
