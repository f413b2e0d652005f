-- Creating and dropping stores.
BEGIN;
\ir helpers.psql
SELECT no_plan();

SELECT is_empty('SELECT * FROM dcb.stores', 'no stores at first');
SELECT lives_ok($$SELECT dcb.create_store('one')$$, 'create_store');
SELECT row_eq('SELECT store, owner, head FROM dcb.stores', ROW('one'::name, current_user, 0::bigint), 'dcb.stores shows it');
SELECT pg_temp.refuses($$SELECT dcb.create_store('one')$$, '42P07', '"one" exists already', 'one\.event', '.', 'a store is created once');
SELECT dcb.append('one', ARRAY[dcb.event('A')]);

-- Names are any schema's.
CREATE TEMP TABLE named (name text) ON COMMIT DROP;
INSERT INTO named VALUES ('Shop'), ('shop'), ('my shop'), ('select'), ('semi;colon'), ('quo"te'), ('apos''trophe'), ('dot.ted'), ('läden'), ('back\slash'), ('%I $1'), (repeat('n', 63)), ('ü' || repeat('n', 61));
SELECT lives_ok(format('SELECT dcb.create_store(%L)', name), 'a store named ' || name) FROM named;
SELECT is(dcb.append(name, ARRAY[dcb.event('In', to_jsonb(name), '{t}')], dcb.query(tags => '{t}')), 1::bigint, 'append to ' || name) FROM named;
SELECT is((SELECT array_agg(data#>>'{}') FROM dcb.read(name, dcb.query('{In}', '{t}'))), ARRAY[name], 'read from ' || name) FROM named;
SELECT is(dcb.head('one'), 1::bigint, 'stores are independent');
SELECT bag_eq('SELECT store::text, head FROM dcb.stores', $$SELECT name, 1::bigint FROM named UNION ALL VALUES ('one', 1)$$, 'dcb.stores shows them all');
SELECT lives_ok(format('SELECT dcb.drop_store(%L, force => true)', name), 'drop ' || name) FROM named;
SELECT is((SELECT count(*) FROM dcb.stores), 1::bigint, 'all dropped');

-- Names that are none.
SELECT isnt((pg_temp.failure_of(format('SELECT dcb.create_store(%L)', repeat('n', 64)))).state, NULL, 'a name of 64 bytes is refused, not cut off');
SELECT isnt((pg_temp.failure_of($$SELECT dcb.create_store('')$$)).state, NULL, 'an empty name');
SELECT pg_temp.refuses('SELECT dcb.create_store(NULL)', '22004', 'store', '', '.', 'store NULL');
SELECT isnt((pg_temp.failure_of($$SELECT dcb.create_store('pg_shop')$$)).state, NULL, 'a reserved name');
SELECT isnt((pg_temp.failure_of($$SELECT dcb.create_store('dcb')$$)).state, NULL, 'the extension''s own schema');

-- Dropping.
SELECT pg_temp.refuses($$SELECT dcb.drop_store('one')$$, '2BP01', '"one" holds events', '1', 'force', 'a store with events is not dropped by accident');
SELECT is(dcb.head('one'), 1::bigint, '… and is still there');
SELECT lives_ok($$SELECT dcb.drop_store('one', force => true)$$, 'unless forced');
SELECT is((pg_temp.failure_of($$SELECT dcb.head('one')$$)).state, 'DCB05', 'a dropped store is unknown');
SELECT hasnt_schema('one', 'its schema is gone');
SELECT dcb.create_store('one');
SELECT is(dcb.head('one'), 0::bigint, 'a store of the same name starts anew, also in a session that knew the old one');
SELECT is(dcb.append('one', ARRAY[dcb.event('A')], dcb.all()), 1::bigint, '… and so does its log');
SELECT is((pg_temp.failure_of($s$DO $$ BEGIN PERFORM dcb.drop_store('one', true); RAISE EXCEPTION 'no'; END $$$s$)).state, 'P0001', 'a drop that is rolled back …');
SELECT is(dcb.head('one'), 1::bigint, '… drops nothing');

SELECT dcb.create_store('empty_one');
SELECT lives_ok($$SELECT dcb.drop_store('empty_one')$$, 'an empty store is dropped without force');

-- A schema that holds other things too.
CREATE SCHEMA mixed;
CREATE TABLE mixed.mine (x int);
SELECT lives_ok($$SELECT dcb.create_store('mixed')$$, 'a store in a schema that is there');
SELECT lives_ok($$SELECT dcb.drop_store('mixed')$$, 'dropped again');
SELECT has_table('mixed', 'mine', 'what was there before stays');
CREATE SCHEMA taken;
CREATE TABLE taken.event (x int);
SELECT isnt((pg_temp.failure_of($$SELECT dcb.create_store('taken')$$)).state, NULL, 'a schema with an event table of its own');
SELECT columns_are('taken', 'event', '{x}'::name[], '… which stays as it was');

-- A store that cannot be read does not hide the others.
SELECT dcb.create_store('walled');
ALTER TABLE walled.event ENABLE ROW LEVEL SECURITY;
CREATE ROLE guest;
GRANT USAGE ON SCHEMA walled, one TO guest;
GRANT SELECT ON walled.event, one.event TO guest;
SELECT pg_temp.allows('SELECT * FROM dcb.stores', 'dcb.stores with a store under row security', 'guest');
SELECT dcb.drop_store('walled');

-- The event tables are not the extension's: dumps hold them, dropping the extension leaves them.
SELECT is_empty($$SELECT c.relname FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_dcb') AND c.relnamespace = 'one'::regnamespace$$, 'no table of a store is an extension member');
SELECT is((SELECT array_agg(DISTINCT t.typnamespace::regnamespace::text) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = 'one.event'::regclass), '{pg_catalog}', 'the event table uses built-in types only');
SELECT pg_temp.refuses('DROP EXTENSION pg_dcb', '2BP01', '.', 'one\.event', 'CASCADE', 'DROP EXTENSION is refused while there are stores');
DROP EXTENSION pg_dcb CASCADE;
SELECT results_eq('SELECT position, type FROM one.event', $$VALUES (1::bigint, 'A')$$, 'with CASCADE it leaves the events');

CREATE EXTENSION pg_dcb;
SELECT is((pg_temp.failure_of($$SELECT dcb.head('one')$$)).state, '55000', 'created again, the extension finds the store incomplete …');
SELECT lives_ok($$SELECT dcb.attach_store('one')$$, '… until it is attached');
SELECT is(dcb.append('one', ARRAY[dcb.event('B', tags => '{t}')], dcb.query(types => '{A}'), 1), 2::bigint, 'then the log goes on');
SELECT is((pg_temp.failure_of('DELETE FROM one.event')).state, 'DCB10', 'and is guarded');

CREATE SCHEMA parts;
CREATE TABLE parts.event (LIKE one.event) PARTITION BY RANGE (position);
CREATE TABLE parts.append_id (LIKE one.append_id);
SELECT pg_temp.refuses($$SELECT dcb.attach_store('parts')$$, 'DCB05', '^store "parts" does not exist$', 'no tables "event" and "append_id"', 'create_store',
                       'a partitioned table is no store');
SELECT is_empty($$SELECT FROM dcb.stores WHERE store = 'parts'$$, '… nor becomes one');

SELECT * FROM finish();
ROLLBACK;
