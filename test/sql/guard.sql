-- The store's tables cannot be changed by SQL, whoever tries and whatever rights they hold; the functions go on working.
BEGIN;
\ir helpers.psql
SELECT no_plan();

CREATE ROLE shop_owner;
CREATE ROLE shop_app;
GRANT CREATE ON DATABASE test TO shop_owner;
SELECT pg_temp.allows($$SELECT dcb.create_store('shop')$$, 'a role that may create schemas creates a store', 'shop_owner');
GRANT USAGE ON SCHEMA shop TO shop_app;
GRANT ALL ON ALL TABLES IN SCHEMA shop TO shop_app;
SELECT pg_temp.allows($$SELECT dcb.append('shop', ARRAY[dcb.event('A', tags => '{t}'), dcb.event('B')], append_id => '00000000-0000-0000-0000-000000000001')$$, 'the application appends', 'shop_app');
CREATE TEMP TABLE log_before ON COMMIT DROP AS SELECT * FROM shop.event;
CREATE TEMP TABLE ids_before ON COMMIT DROP AS SELECT * FROM shop.append_id;

CREATE TEMP TABLE forbidden (statement text) ON COMMIT DROP;
INSERT INTO forbidden VALUES
  ('UPDATE shop.event SET data = ''{}'''), ('UPDATE shop.event SET position = position WHERE false'), ('UPDATE shop.event SET type = ''C'' WHERE position = 1'),
  ('DELETE FROM shop.event'), ('DELETE FROM shop.event WHERE position = 2'), ('DELETE FROM ONLY shop.event'), ('TRUNCATE shop.event'), ('TRUNCATE shop.event, shop.append_id RESTART IDENTITY CASCADE'),
  ('INSERT INTO shop.event SELECT position + 10, type, tags, data, payload, metadata, id, recorded_at FROM shop.event'),
  ('INSERT INTO shop.event SELECT * FROM shop.event WHERE false'),
  ('INSERT INTO shop.event SELECT * FROM shop.event ON CONFLICT DO NOTHING'),
  ('INSERT INTO shop.event SELECT * FROM shop.event ON CONFLICT (position) DO UPDATE SET type = ''C'''),
  ('MERGE INTO shop.event e USING (VALUES (1)) AS v (p) ON e.position = v.p WHEN MATCHED THEN UPDATE SET type = ''C'''),
  ('MERGE INTO shop.event e USING (VALUES (1)) AS v (p) ON e.position = v.p WHEN MATCHED THEN DELETE'),
  ('WITH d AS (DELETE FROM shop.event RETURNING *) SELECT * FROM d'),
  ('SELECT position FROM shop.event WHERE position = 1 FOR UPDATE'),
  ('UPDATE shop.append_id SET append_id = append_id'), ('DELETE FROM shop.append_id'), ('TRUNCATE shop.append_id'), ('INSERT INTO shop.append_id SELECT * FROM shop.append_id');
DELETE FROM forbidden WHERE statement LIKE '%FOR UPDATE';   -- a row lock changes nothing
SELECT pg_temp.refuses(statement, 'DCB10', 'is refused on table shop\.(event|append_id)$', 'appended by the functions of pg_dcb', 'dcb\.', COALESCE(role, 'superuser') || ': ' || statement, role)
FROM forbidden, (VALUES (NULL), ('shop_owner'), ('shop_app')) AS r (role);

-- COPY cannot be run from within PL/pgSQL with data; an empty file shows that the statement itself is refused.
SELECT pg_temp.refuses(format('COPY shop.%I FROM PROGRAM ''echo''', t), 'DCB10', 'is refused on table shop\.(event|append_id)$', 'appended by the functions of pg_dcb', 'dcb\.', 'superuser: COPY shop.' || t) FROM (VALUES ('event'), ('append_id')) AS v (t);

-- The usual ways around triggers.
CREATE VIEW pg_temp.events AS SELECT * FROM shop.event;
SELECT pg_temp.refuses('DELETE FROM pg_temp.events', 'DCB10', 'shop\.event', '.', '.', 'nor does a view');
CREATE FUNCTION pg_temp.as_trigger_does() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.event; RETURN NULL; END $$;
CREATE TABLE elsewhere (x int);
CREATE TRIGGER t AFTER INSERT ON elsewhere EXECUTE FUNCTION pg_temp.as_trigger_does();
SELECT pg_temp.refuses('INSERT INTO elsewhere VALUES (1)', 'DCB10', 'shop\.event', '.', '.', 'nor does a trigger of another table');
SELECT pg_temp.refuses($$WITH a AS (SELECT dcb.append('shop', ARRAY[dcb.event('X')])), b AS (DELETE FROM shop.event RETURNING 1) SELECT * FROM a, b$$, 'DCB10', 'shop\.event', '.', '.', 'nor does an append in the same statement');

-- A failed attempt does not leave the guard open, nor does an append before it.
SELECT is((pg_temp.failure_of($$SELECT dcb.append('shop', ARRAY[dcb.event('X'), dcb.event('')])$$)).state, 'DCB03', 'a failed append …');
SELECT is((pg_temp.failure_of('DELETE FROM shop.event')).state, 'DCB10', '… leaves the guard closed');

SELECT results_eq('SELECT * FROM shop.event ORDER BY position', 'SELECT * FROM log_before ORDER BY position', 'the log is as it was');
SELECT results_eq('SELECT * FROM shop.append_id', 'SELECT * FROM ids_before', 'and so are the append ids');
SELECT is(dcb.append('shop', ARRAY[dcb.event('C')]), 3::bigint, 'an append works');

SELECT * FROM finish();
ROLLBACK;
