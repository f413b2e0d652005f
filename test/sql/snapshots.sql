-- Snapshots: found by name, query and version only, never one of another history, newer ones replace older ones; dcb.load answers with one and the events after it.
BEGIN;
\ir helpers.psql
SELECT no_plan();

SELECT dcb.create_store('sn');
SELECT dcb.append('sn', array_agg(dcb.event('T' || n % 2, tags => ARRAY['id:' || n % 3]) ORDER BY n)) FROM generate_series(1, 12) AS n;
CREATE FUNCTION pg_temp.loaded(query dcb.query, name text DEFAULT 'cart', version bigint DEFAULT 1) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(position || ' ' || encode(state, 'escape'), ', ') FROM dcb.load_snapshot('sn', name, query, version)
$$;

-- Saved and found.
SELECT is(pg_temp.loaded(dcb.all()), NULL, 'none at first');
SELECT is(dcb.save_snapshot('sn', 'cart', dcb.query('{T0,T1}', '{id:1}'), 5, 'five', 1), true, 'saved');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}')), '5 five', 'found');
SELECT is(pg_temp.loaded(dcb.query('{T1,T0,T1}', '{id:1}')), '5 five', 'by the same query written otherwise');
SELECT is(pg_temp.loaded(dcb.query('{T0}', '{id:1}')), NULL, 'not by another query');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:2}')), NULL, 'nor for another identifier');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}', after => 1)), NULL, 'nor after another position');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}'), 'other'), NULL, 'nor under another name');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}'), version => 2), NULL, 'nor with another version');
SELECT is((SELECT count(*) FROM dcb.load_snapshot('sn', 'cart', dcb.query('{T0,T1}', '{id:1}'))), 0::bigint, 'version 0 is a version too');

-- Only newer ones replace.
SELECT is(dcb.save_snapshot('sn', 'cart', dcb.query('{T0,T1}', '{id:1}'), 4, 'four', 1), false, 'an older one is not saved');
SELECT is(dcb.save_snapshot('sn', 'cart', dcb.query('{T0,T1}', '{id:1}'), 5, 'again', 1), false, 'nor one of the same position');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}')), '5 five', 'so what was there stays');
SELECT is(dcb.save_snapshot('sn', 'cart', dcb.query('{T0,T1}', '{id:1}'), 6, 'six', 1), true, 'a newer one is saved');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}')), '6 six', 'and found');
SELECT is(dcb.save_snapshot('sn', 'cart', dcb.query('{T0,T1}', '{id:1}'), 3, 'other version', 2), true, 'another version is beside it');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}')) || ', ' || pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}'), version => 2), '6 six, 3 other version', 'both are found');

-- Load: one row for watermark and snapshot, then the events after it.
CREATE FUNCTION pg_temp.load(query dcb.query, version bigint DEFAULT 1) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(concat_ws(' ', CASE WHEN watermark IS NULL THEN 'event' ELSE 'watermark ' || watermark END, 'at', position, encode(state, 'escape'), type), ', ')
  FROM (SELECT * FROM dcb.load('sn', query, 'cart', version)) AS l
$$;
SELECT is(pg_temp.load(dcb.query('{T0,T1}', '{id:1}')), 'watermark 12 at 6 six, event at 7 T1, event at 10 T0', 'load goes on after the snapshot');
SELECT is(pg_temp.load(dcb.query('{T0}', '{id:1}')), 'watermark 12 at 0, event at 4 T0, event at 10 T0', 'load without a snapshot begins at the start');
SELECT is(pg_temp.load(dcb.query(types => '{None}')), 'watermark 12 at 0', 'load without events answers the watermark');
SELECT dcb.save_snapshot('sn', 'cart', dcb.query('{T0}', after => 2), 8, 'eight', 1);
SELECT is(pg_temp.load(dcb.query('{T0}', after => 2)), 'watermark 12 at 8 eight, event at 10 T0, event at 12 T0', 'an item''s own position does not bring back what the snapshot holds');
SELECT is((SELECT string_agg(position::text, ',') FROM dcb.read('sn', dcb.query('{T0}', after => 2))), '4,6,8,10,12', '… as it would in a read');

-- A snapshot of another history is none. What a restore leaves behind is planted here.
CREATE TABLE saved AS SELECT * FROM sn.event;
CREATE FUNCTION pg_temp.restore_to(head bigint, later interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL session_replication_role = replica;
  DELETE FROM sn.event;
  INSERT INTO sn.event SELECT * FROM saved WHERE position <= head;
  INSERT INTO sn.event SELECT position, type, tags, data, payload, metadata, id, recorded_at + later FROM saved WHERE position > head AND later IS NOT NULL;
  SET LOCAL session_replication_role = origin;
END $$;
SELECT pg_temp.restore_to(5, NULL);
SELECT is(pg_temp.load(dcb.query('{T0,T1}', '{id:1}')), 'watermark 5 at 0, event at 1 T1, event at 4 T0', 'a snapshot ahead of the head is not used');
SELECT is(pg_temp.load(dcb.query('{T0,T1}', '{id:1}'), 2), 'watermark 5 at 3 other version, event at 4 T0', 'one behind it is');
SELECT is(dcb.save_snapshot('sn', 'cart', dcb.query('{T0,T1}', '{id:1}'), 4, 'new four', 1), true, 'an older one replaces one that is ahead of the head');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}')), '4 new four', 'and is found');
SELECT pg_temp.restore_to(12, NULL);
SELECT is(dcb.save_snapshot('sn', 'cart', dcb.query('{T0,T1}', '{id:1}'), 9, 'nine', 1), true, 'a snapshot at 9');
SELECT pg_temp.restore_to(8, interval '1 microsecond');
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}')), NULL, 'a snapshot at another event of the same position is not used');
SELECT pg_temp.restore_to(12, NULL);
SELECT is(pg_temp.loaded(dcb.query('{T0,T1}', '{id:1}')), '9 nine', 'it is with the event it was taken at');

-- Dropping.
SELECT dcb.save_snapshot('sn', 'other', dcb.all(), 1, 'one');
SELECT is(dcb.drop_snapshots('sn', 'cart'), 3::bigint, 'dropped by name, all queries and versions');
SELECT is(pg_temp.loaded(dcb.all(), 'other', 0), '1 one', 'the others stay');
SELECT is(dcb.drop_snapshots('sn'), 1::bigint, 'dropped all');

-- Errors.
SELECT pg_temp.refuses($$SELECT dcb.save_snapshot('sn', 'n', dcb.all(), 13, 's')$$, 'DCB09', '13 is beyond the head', '12', '.', 'a position that is not there');
SELECT pg_temp.refuses($$SELECT dcb.save_snapshot('sn', 'n', dcb.all(), 0, 's')$$, '22023', 'must be positive', '0', '.', 'position 0');
SELECT pg_temp.refuses($$SELECT dcb.save_snapshot('sn', '', dcb.all(), 1, 's')$$, 'DCB06', 'name', '256', '.', 'no name');
SELECT pg_temp.refuses($$SELECT dcb.save_snapshot('sn', repeat('x', 257), dcb.all(), 1, 's')$$, 'DCB06', 'name', '256', '.', 'a long name');
SELECT pg_temp.refuses(format($$SELECT dcb.save_snapshot(%s, %s, %s, %s, %s, %s)$$, VARIADIC arguments), '22004', '"' || name || '" must not be null', NULL, '.', 'save: null ' || name)
FROM (VALUES ('name', ARRAY['''sn''', 'NULL', 'dcb.all()', '1', '''s''', '1']), ('query', ARRAY['''sn''', '''n''', 'NULL', '1', '''s''', '1']), ('position', ARRAY['''sn''', '''n''', 'dcb.all()', 'NULL', '''s''', '1']),
             ('state', ARRAY['''sn''', '''n''', 'dcb.all()', '1', 'NULL', '1']), ('version', ARRAY['''sn''', '''n''', 'dcb.all()', '1', '''s''', 'NULL'])) AS v (name, arguments);
SELECT pg_temp.refuses(format($$SELECT * FROM dcb.load_snapshot(%s, %s, %s, %s)$$, VARIADIC arguments), '22004', '"' || name || '" must not be null', NULL, '.', 'load_snapshot: null ' || name)
FROM (VALUES ('store', ARRAY['NULL', '''n''', 'dcb.all()', '1']), ('name', ARRAY['''sn''', 'NULL', 'dcb.all()', '1']), ('query', ARRAY['''sn''', '''n''', 'NULL', '1']), ('version', ARRAY['''sn''', '''n''', 'dcb.all()', 'NULL'])) AS v (name, arguments);
SELECT pg_temp.refuses(call, 'DCB05', 'does not exist', '.', '.', 'unknown store: ' || call)
FROM (VALUES ($$SELECT dcb.save_snapshot('nowhere', 'n', dcb.all(), 1, 's')$$), ($$SELECT * FROM dcb.load_snapshot('nowhere', 'n', dcb.all())$$), ($$SELECT dcb.drop_snapshots('nowhere')$$), ($$SELECT * FROM dcb.load('nowhere', dcb.all(), 'n')$$)) AS v (call);

-- Rights: SELECT loads, SELECT, INSERT and UPDATE save, DELETE drops; and SELECT on the events.
CREATE ROLE snapshot_role;
GRANT USAGE ON SCHEMA sn TO snapshot_role;
GRANT SELECT ON sn.event TO snapshot_role;
SELECT pg_temp.refuses($$SELECT * FROM dcb.load('sn', dcb.all(), 'n')$$, '42501', 'permission denied for the snapshots', 'SELECT', 'SELECT', 'loading needs SELECT on the snapshots', 'snapshot_role');
GRANT SELECT ON sn.snapshot TO snapshot_role;
SELECT pg_temp.allows($$SELECT * FROM dcb.load('sn', dcb.all(), 'n')$$, 'and no more', 'snapshot_role');
SELECT is((pg_temp.failure_of($$SELECT dcb.save_snapshot('sn', 'n', dcb.all(), 1, 's')$$, 'snapshot_role')).state, '42501', 'saving needs more');
GRANT INSERT, UPDATE ON sn.snapshot TO snapshot_role;
SELECT pg_temp.allows($$SELECT dcb.save_snapshot('sn', 'n', dcb.all(), 1, 's')$$, 'INSERT and UPDATE', 'snapshot_role');
SELECT is((pg_temp.failure_of($$SELECT dcb.drop_snapshots('sn')$$, 'snapshot_role')).state, '42501', 'dropping needs DELETE');
REVOKE SELECT ON sn.event FROM snapshot_role;
SELECT is((pg_temp.failure_of($$SELECT * FROM dcb.load_snapshot('sn', 'n', dcb.all())$$, 'snapshot_role')).state, '42501', 'who may not read the events loads no state either');

-- A table that is no table of snapshots, by accident or malice, is not read.
CREATE FUNCTION pg_temp.with_table(definition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE sn.snapshot;
  EXECUTE definition;
  PERFORM * FROM dcb.load_snapshot('sn', 'n', dcb.all());
  RETURN 'loaded';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;
SELECT is(pg_temp.with_table(definition), '55000', definition)
FROM (VALUES ('SELECT'), ('CREATE TABLE sn.snapshot (name text PRIMARY KEY)'), ('CREATE VIEW sn.snapshot AS SELECT 1 AS name'),
  ('CREATE TABLE sn.snapshot (name text COLLATE "C", query_hash bytea, version bigint PRIMARY KEY, query text, position bigint, recorded_at timestamptz, state bytea)'),
  ('CREATE TABLE sn.snapshot (name text COLLATE "C", query_hash bytea, version bigint, query text, position bigint, recorded_at timestamptz, state bytea, PRIMARY KEY (version, name, query_hash))'),
  ('CREATE TABLE sn.snapshot (name text COLLATE "C", query_hash bytea, version bigint, query text, position bigint, recorded_at timestamptz, state bytea)'),
  ('CREATE TABLE sn.snapshot (name text COLLATE "POSIX", query_hash bytea, version bigint, query text, position bigint, recorded_at timestamptz, state bytea, PRIMARY KEY (name, query_hash, version))')) AS v (definition);
SELECT pg_temp.allows($$SELECT * FROM dcb.load('sn', dcb.all(), 'n')$$, 'the right one is');

SELECT * FROM finish();
ROLLBACK;
