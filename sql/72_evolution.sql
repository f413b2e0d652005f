-- Tags from the data of events: rules for those to come, dcb.retag for those that are there.
--
-- An expression is an SQL/JSON path over an event's data; each string, number or boolean that it leads to becomes a tag `name:value`.
-- Rights on the table <store>.tag_rule decide who may look at rules (SELECT), make (INSERT) and drop (DELETE) them.

CREATE FUNCTION dcb.derive_tags(name text, expression text, data jsonb) RETURNS text[]
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_derive_tags';
COMMENT ON FUNCTION dcb.derive_tags(text, text, jsonb) IS 'the tags that an expression gives an event with this data';

CREATE FUNCTION dcb.tag_rule(store text, type text, name text, expression text) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	is_there boolean;
BEGIN
	IF type IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = '"type" must not be null', HINT = 'A rule is for the events of one type.';
	END IF;
	IF octet_length(type) NOT BETWEEN 1 AND 256 THEN
		RAISE SQLSTATE 'DCB06' USING
			MESSAGE = 'no event can have this type',
			DETAIL = format('It has %s bytes; a type has 1 to 256.', octet_length(type)),
			HINT = 'Name a type of the events that are appended.';
	END IF;
	PERFORM dcb.head(store), dcb.derive_tags(name, expression, NULL);

	EXECUTE format('SELECT EXISTS (SELECT FROM %I.tag_rule AS r WHERE (r.type, r.name, r.expression) = ($1, $2, $3))', store)
		INTO is_there USING type, name, expression::jsonpath::text;
	IF is_there THEN
		RETURN false;
	END IF;
	EXECUTE format('INSERT INTO %I.tag_rule (type, name, expression) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', store)
		USING type, name, expression::jsonpath::text;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION dcb.tag_rule(text, text, text, text) IS
	'gives every later event of that type tags derived from its data; answers whether the rule is new';

CREATE FUNCTION dcb.drop_tag_rule(store text, type text, name text, expression text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	dropped bigint;
BEGIN
	PERFORM dcb.head(store);
	IF expression IS NOT NULL THEN
		PERFORM dcb.derive_tags('any', expression, NULL);
	END IF;
	EXECUTE format('DELETE FROM %I.tag_rule AS r WHERE (r.type, r.name) = ($1, $2) AND ($3 IS NULL OR r.expression = $3)', store)
		USING type, name, expression::jsonpath::text;
	GET DIAGNOSTICS dropped = ROW_COUNT;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION dcb.drop_tag_rule(text, text, text, text) IS
	'later events do not get these tags; events keep what they have; answers how many rules there were';

CREATE FUNCTION dcb.tag_rules(store text)
	RETURNS TABLE (type text, name text, expression text, created_by text, created_at timestamptz)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.head(store);
	RETURN QUERY EXECUTE format('SELECT r.type, r.name, r.expression, r.created_by, r.created_at FROM %I.tag_rule AS r
	                             ORDER BY r.type, r.name, r.expression', store);
END
$$;
COMMENT ON FUNCTION dcb.tag_rules(text) IS 'the rules that events are tagged by';

-- Needs SELECT and UPDATE on the event table, which appenders need not have. The table <store>.retag_log keeps what was done; SQL cannot change it.
CREATE PROCEDURE dcb.retag(store text, query dcb.query, name text, expression text, batch_size integer DEFAULT 1000,
                           INOUT changed bigint DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_retag';
COMMENT ON PROCEDURE dcb.retag(text, dcb.query, text, text, integer, bigint) IS
	'gives events tags derived from their data, in batches, while the store is in use; call it again if it was broken off';

CREATE FUNCTION dcb.retags(store text)
	RETURNS TABLE (run bigint, query text, name text, expression text, upto bigint, goal bigint, changed bigint, batches bigint, roles text[],
	               started_at timestamptz, last_at timestamptz)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM dcb.head(store);
	RETURN QUERY EXECUTE format('SELECT r.run, min(r.query), min(r.name), min(r.expression), max(r.upto), max(r.goal), sum(r.changed)::bigint,
	                                    count(*), array_agg(DISTINCT r.role), min(r.at), max(r.at)
	                             FROM %I.retag_log AS r GROUP BY r.run ORDER BY r.run', store);
END
$$;
COMMENT ON FUNCTION dcb.retags(text) IS 'what dcb.retag has done and who called it; a run is over when it has come up to its goal';
