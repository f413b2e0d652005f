-- Stores: a schema that holds one log. Its tables belong to whoever creates it, not to the extension, so that dumps hold
-- them and DROP EXTENSION leaves the events where they are.

CREATE FUNCTION dcb.refuse_change() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_refuse_change';
CREATE FUNCTION dcb.change_tag_rules() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_change_tag_rules';

CREATE FUNCTION dcb.owner_only() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_owner_only';

-- Index and guard of a store's tables: the two things that depend on the extension.
CREATE FUNCTION dcb.attach_store(store text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	inline boolean;
BEGIN
	IF store IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = '"store" must not be null', HINT = 'Name a store.';
	END IF;
	IF (SELECT count(*) FROM pg_class
	    WHERE oid IN (to_regclass(format('%I.event', store)), to_regclass(format('%I.append_id', store))) AND relkind = 'r') < 2 THEN
		RAISE SQLSTATE 'DCB05' USING
			MESSAGE = format('store "%s" does not exist', store),
			DETAIL = 'There are no tables "event" and "append_id" in a schema of that name.',
			HINT = format('Create the store with SELECT dcb.create_store(%L).', store);
	END IF;
	EXECUTE format('CREATE INDEX IF NOT EXISTS event_tags ON %I.event USING dcb_tags (tags, dcb.index_key(position, type))',
	               store);
	EXECUTE format('CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I.event
	                FOR EACH STATEMENT EXECUTE FUNCTION dcb.refuse_change()', store);
	EXECUTE format('CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I.append_id
	                FOR EACH STATEMENT EXECUTE FUNCTION dcb.refuse_change()', store);
	IF to_regclass(format('%I.due', store)) IS NOT NULL THEN
		EXECUTE format('CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I.due
		                FOR EACH STATEMENT EXECUTE FUNCTION dcb.owner_only()', store);
	END IF;
	IF to_regclass(format('%I.tag_rule', store)) IS NOT NULL THEN
		EXECUTE format('CREATE OR REPLACE TRIGGER change BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I.tag_rule
		                FOR EACH STATEMENT EXECUTE FUNCTION dcb.change_tag_rules()', store);
	END IF;
	IF to_regclass(format('%I.retag_log', store)) IS NOT NULL THEN
		EXECUTE format('CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I.retag_log
		                FOR EACH STATEMENT EXECUTE FUNCTION dcb.refuse_change()', store);
	END IF;
	IF to_regclass(format('%I.projection', store)) IS NOT NULL THEN
		EXECUTE format('CREATE OR REPLACE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I.projection
		                FOR EACH STATEMENT EXECUTE FUNCTION dcb.owner_only()', store);
		EXECUTE format('SELECT EXISTS (SELECT FROM %I.projection WHERE mode = ''inline'')', store) INTO inline;
		IF inline THEN
			EXECUTE format('CREATE OR REPLACE TRIGGER inline_projections AFTER INSERT ON %I.event
			                FOR EACH STATEMENT EXECUTE FUNCTION dcb.inline_projections()', store);
		END IF;
	END IF;
	PERFORM dcb.wake_worker();
END
$$;
COMMENT ON FUNCTION dcb.attach_store(text) IS
	'makes index and guard of a store anew, after the extension was dropped and created again';

CREATE FUNCTION dcb.create_store(store text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF store IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = '"store" must not be null', HINT = 'Give the store a name.';
	END IF;
	IF octet_length(store) NOT BETWEEN 1 AND 63 THEN
		RAISE invalid_name USING
			MESSAGE = 'invalid name of a store',
			DETAIL = format('It has %s bytes.', octet_length(store)),
			HINT = 'A store is a schema; its name has 1 to 63 bytes.';
	END IF;
	IF store = 'dcb' OR store LIKE 'pg\_%' OR store = 'information_schema' THEN
		RAISE reserved_name USING
			MESSAGE = format('"%s" cannot be a store', store),
			DETAIL = 'The schema is that of the extension or of the system.',
			HINT = 'Choose another name.';
	END IF;
	IF to_regclass(format('%I.event', store)) IS NOT NULL THEN
		RAISE duplicate_table USING
			MESSAGE = format('store "%s" exists already', store),
			DETAIL = format('There is a table %I.event.', store),
			HINT = 'Choose another name.';
	END IF;
	IF to_regnamespace(quote_ident(store)) IS NULL THEN
		EXECUTE format('CREATE SCHEMA %I', store);
		EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', store);
	END IF;

	EXECUTE format('CREATE TABLE %I.event (
		position bigint PRIMARY KEY,
		type text NOT NULL,
		tags text[] NOT NULL,
		data jsonb NOT NULL,
		payload bytea,
		metadata jsonb,
		id uuid,
		recorded_at timestamptz NOT NULL)', store);
	EXECUTE format('CREATE TABLE %I.append_id (
		append_id uuid PRIMARY KEY,
		digest bytea NOT NULL,
		position bigint NOT NULL)', store);
	EXECUTE format('CREATE TABLE %I.snapshot (
		name text COLLATE "C",
		query_hash bytea,
		version bigint,
		query text NOT NULL,
		position bigint NOT NULL,
		recorded_at timestamptz NOT NULL,
		state bytea NOT NULL,
		PRIMARY KEY (name, query_hash, version))', store);
	EXECUTE format('CREATE TABLE %I.due (
		id uuid PRIMARY KEY,
		due timestamptz NOT NULL,
		scheduled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		role text NOT NULL,
		events jsonb NOT NULL,
		fail_if_events_match text,
		after bigint NOT NULL,
		state text NOT NULL DEFAULT ''pending'',
		position bigint,
		sqlstate text,
		error text,
		executed_at timestamptz)', store);
	EXECUTE format('CREATE INDEX due_pending ON %I.due (due, scheduled_at, id) WHERE state = ''pending''', store);
	EXECUTE format('CREATE TABLE %I.tag_rule (
		type text COLLATE "C" CHECK (octet_length(type) BETWEEN 1 AND 256),
		name text COLLATE "C" CHECK (octet_length(name) BETWEEN 1 AND 512),
		expression text COLLATE "C" CHECK (octet_length(expression) <= 1024 AND expression::jsonpath IS NOT NULL),
		created_by text NOT NULL DEFAULT current_user,
		created_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (type, name, expression))', store);
	EXECUTE format('CREATE TABLE %I.retag_log (
		batch bigint PRIMARY KEY,
		run bigint NOT NULL,
		query text NOT NULL,
		name text NOT NULL,
		expression text NOT NULL,
		goal bigint NOT NULL,
		upto bigint NOT NULL,
		changed bigint NOT NULL,
		head bigint NOT NULL,
		role text NOT NULL,
		at timestamptz NOT NULL)', store);
	EXECUTE format('REVOKE ALL ON TABLE %1$I.tag_rule, %1$I.retag_log FROM PUBLIC', store);
	EXECUTE format('REVOKE ALL ON TABLE %1$I.event, %1$I.append_id, %1$I.snapshot, %1$I.due FROM PUBLIC', store);
	EXECUTE format('COMMENT ON TABLE %I.event IS %L', store, 'the log of a pg_dcb store; append with dcb.append, read with dcb.read');
	EXECUTE format('COMMENT ON TABLE %I.append_id IS %L', store, 'append ids and what they answered');
	EXECUTE format('COMMENT ON TABLE %I.tag_rule IS %L', store, 'tags that events get from their data; change with dcb.tag_rule');
	EXECUTE format('COMMENT ON TABLE %I.retag_log IS %L', store, 'who gave which events further tags, a row for each batch of dcb.retag');
	EXECUTE format('COMMENT ON TABLE %I.snapshot IS %L', store, 'states as of a position; a cache that can be emptied');
	EXECUTE format('COMMENT ON TABLE %I.due IS %L', store, 'appends in the future; schedule with dcb.schedule');
	-- What a checkpoint changes is in no index, and its page has room: its updates are HOT.
	EXECUTE format('CREATE TABLE %I.subscription (
		name text COLLATE "C" PRIMARY KEY,
		kind text NOT NULL,
		query text NOT NULL,
		partitions int NOT NULL,
		partition_by text,
		state text NOT NULL,
		reason text,
		created_at timestamptz NOT NULL)', store);
	EXECUTE format('CREATE TABLE %1$I.checkpoint (
		name text COLLATE "C" REFERENCES %1$I.subscription ON DELETE CASCADE,
		partition int,
		position bigint NOT NULL,
		recorded_at timestamptz,
		updated_at timestamptz NOT NULL,
		consumer text,
		lease_until timestamptz,
		token bigint NOT NULL,
		failures int NOT NULL,
		last_error text,
		PRIMARY KEY (name, partition)) WITH (fillfactor = 20)', store);
	EXECUTE format('CREATE TABLE %1$I.subscription_member (
		name text COLLATE "C" REFERENCES %1$I.subscription ON DELETE CASCADE,
		consumer text COLLATE "C",
		lease_until timestamptz NOT NULL,
		PRIMARY KEY (name, consumer)) WITH (fillfactor = 20)', store);
	EXECUTE format('CREATE TABLE %1$I.parked (
		name text COLLATE "C" REFERENCES %1$I.subscription ON DELETE CASCADE,
		position bigint,
		partition int NOT NULL,
		reason text NOT NULL,
		attempts int NOT NULL,
		parked_at timestamptz NOT NULL,
		PRIMARY KEY (name, position))', store);
	EXECUTE format('CREATE TABLE %1$I.projection (
		name text COLLATE "C" PRIMARY KEY REFERENCES %1$I.subscription ON DELETE CASCADE,
		handler text NOT NULL,
		per_batch boolean NOT NULL,
		batch_size int NOT NULL,
		on_error text NOT NULL,
		attempts int NOT NULL,
		mode text NOT NULL,
		search_path text NOT NULL,
		retry_at timestamptz,
		swap text,
		replaces text)', store);
	EXECUTE format('COMMENT ON TABLE %I.projection IS %L', store, 'projections in the database; look at dcb.projections');
	EXECUTE format('REVOKE ALL ON TABLE %1$I.projection, %1$I.subscription, %1$I.checkpoint, %1$I.subscription_member, %1$I.parked FROM PUBLIC', store);
	EXECUTE format('COMMENT ON TABLE %I.subscription IS %L', store, 'what is subscribed to; look at dcb.subscriptions');
	EXECUTE format('COMMENT ON TABLE %I.checkpoint IS %L', store, 'how far each partition of a subscription is, and who holds it');
	EXECUTE format('COMMENT ON TABLE %I.subscription_member IS %L', store, 'the consumers of partitioned subscriptions');
	EXECUTE format('COMMENT ON TABLE %I.parked IS %L', store, 'events that consumers gave up; look at dcb.parked_events');
	PERFORM dcb.attach_store(store);
END
$$;
COMMENT ON FUNCTION dcb.create_store(text) IS 'makes a store: a schema with the table event, owned by the caller';

CREATE FUNCTION dcb.drop_store(store text, force boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	events bigint;
BEGIN
	IF store IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = '"store" must not be null', HINT = 'Name a store.';
	END IF;
	IF to_regclass(format('%I.event', store)) IS NULL OR to_regclass(format('%I.append_id', store)) IS NULL THEN
		RAISE SQLSTATE 'DCB05' USING
			MESSAGE = format('store "%s" does not exist', store),
			DETAIL = 'There are no tables "event" and "append_id" in a schema of that name.',
			HINT = 'Look at the view dcb.stores.';
	END IF;
	EXECUTE format('LOCK TABLE %1$I.event, %1$I.append_id IN ACCESS EXCLUSIVE MODE', store);
	EXECUTE format('SELECT coalesce(max(position), 0) FROM %I.event', store) INTO events;
	IF events > 0 AND NOT force THEN
		RAISE dependent_objects_still_exist USING
			MESSAGE = format('store "%s" holds events', store),
			DETAIL = format('Its last position is %s.', events),
			HINT = format('To lose them for ever: SELECT dcb.drop_store(%L, force => true).', store);
	END IF;
	EXECUTE format('DROP TABLE %1$I.event, %1$I.append_id', store);
	EXECUTE format('DROP TABLE IF EXISTS %1$I.snapshot, %1$I.due', store);
	EXECUTE format('DROP TABLE IF EXISTS %1$I.projection, %1$I.parked, %1$I.subscription_member, %1$I.checkpoint, %1$I.subscription', store);
	EXECUTE format('DROP TABLE IF EXISTS %1$I.tag_rule, %1$I.retag_log', store);
	-- The schema goes too unless something else lives there.
	BEGIN
		EXECUTE format('DROP SCHEMA %I', store);
	EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
		RAISE NOTICE 'schema "%" is kept', store USING DETAIL = SQLERRM;
	END;
END
$$;
COMMENT ON FUNCTION dcb.drop_store(text, boolean) IS 'removes a store; one that holds events only with force';
