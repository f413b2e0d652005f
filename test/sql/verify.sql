-- dcb.verify finds nothing in a healthy store and every kind of damage that can be planted.
BEGIN;
\ir helpers.psql
SELECT no_plan();

CREATE FUNCTION pg_temp.problems() RETURNS text[] LANGUAGE sql AS $$ SELECT COALESCE(array_agg(format('%s %s: %s', problem, position, detail) ORDER BY v.position, detail), '{}') FROM dcb.verify('v') AS v $$;

SELECT dcb.create_store('v');
SELECT is(pg_temp.problems(), '{}', 'an empty store is healthy');
SELECT dcb.append('v', array_agg(dcb.event('T' || n % 3, tags => ARRAY['all', 'n:' || n, 'm:' || n % 5]) ORDER BY n)) FROM generate_series(1, 20) AS n;
SELECT dcb.append('v', ARRAY[dcb.event('Plain')]);
SAVEPOINT rolled_back;
SELECT dcb.append('v', ARRAY[dcb.event('Gone', tags => '{all,gone}'), dcb.event('Gone')]);
ROLLBACK TO rolled_back;
SELECT dcb.append('v', ARRAY[dcb.event('Kept', tags => '{all,kept}')]);
SELECT is(pg_temp.problems(), '{}', 'what was rolled back is no problem');
REINDEX TABLE v.event;
SELECT is(pg_temp.problems(), '{}', 'nor is a new index');

-- Damage, as only a superuser can do it. One test: after the damage these are the problems.
CREATE FUNCTION pg_temp.finds(damage text, expected text[], description text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found_problems text[];
BEGIN
  BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE damage;
    found_problems := pg_temp.problems();
    RAISE SQLSTATE 'TT001'; -- and back
  EXCEPTION WHEN SQLSTATE 'TT001' THEN
    RETURN is(found_problems, expected, description);
  END;
END $$;
SELECT pg_temp.finds($$DELETE FROM v.event WHERE position IN (7, 8)$$, '{"gap 9: It comes next after position 6."}', 'a gap');
SELECT pg_temp.finds($$DELETE FROM v.event WHERE position = 1$$, '{"gap 2: It comes next after position 0."}', 'a gap at the start');
SELECT pg_temp.finds($$UPDATE v.event SET recorded_at = recorded_at - interval '1 microsecond' WHERE position = 7$$, '{"time 7: It was recorded earlier than the event before it."}', 'a time that goes back');
SELECT pg_temp.finds($$UPDATE v.event SET tags = '{b,a}' WHERE position = 7$$, '{"event 7: Tag 2 does not come after the one before it."}', 'tags out of order');
SELECT pg_temp.finds($$UPDATE v.event SET tags = '{a,a}' WHERE position = 7$$, '{"event 7: Tag 2 does not come after the one before it."}', 'a tag twice');
SELECT pg_temp.finds($$UPDATE v.event SET tags = '{a,NULL}' WHERE position = 7$$, '{"event 7: Tag 2 is null."}', 'a null tag');
SELECT pg_temp.finds($$UPDATE v.event SET tags = ARRAY['', repeat('x', 1025)] WHERE position = 7$$, '{"event 7: Tag 1 has 0 bytes.","event 7: Tag 2 has 1025 bytes."}', 'tags beyond the limits');
SELECT pg_temp.finds($$UPDATE v.event SET tags = ARRAY(SELECT lpad(n::text, 4, '0') FROM generate_series(1, 1025) AS n) WHERE position = 7$$, '{"event 7: There are 1025 tags."}', 'too many tags');
SELECT pg_temp.finds($$UPDATE v.event SET type = '' WHERE position = 7$$, '{"event 7: The type has 0 bytes."}', 'no type');
SELECT pg_temp.finds($$UPDATE v.event SET type = repeat('x', 257) WHERE position = 7$$, '{"event 7: The type has 257 bytes."}', 'a type beyond the limit');

-- A row that the index has missed, and entries that are for another row.
SELECT pg_temp.finds($$
    UPDATE pg_index SET indisready = false WHERE indexrelid = 'v.event_tags'::regclass;
    INSERT INTO v.event (position, type, tags, data, recorded_at) VALUES (23, 'New', '{a,b}', '{}', 'infinity');
    UPDATE pg_index SET indisready = true WHERE indexrelid = 'v.event_tags'::regclass$$,
  '{"tag index 23: Tag \"a\" has no entry.","tag index 23: Tag \"b\" has no entry.","tag index 23: The type has no entry."}', 'missing entries of the tag index');
SELECT pg_temp.finds($$
    UPDATE pg_index SET indisready = false WHERE indexrelid = 'v.event_pkey'::regclass;
    INSERT INTO v.event (position, type, tags, data, recorded_at) VALUES (23, 'New', '{a,b}', '{}', 'infinity');
    UPDATE pg_index SET indisready = true WHERE indexrelid = 'v.event_pkey'::regclass$$,
  '{"position index : It leads to 22 rows, but the table has 23."}', 'a missing entry of the position index');
CREATE FUNCTION pg_temp.other_key("position" bigint, type text) RETURNS bigint IMMUTABLE LANGUAGE sql RETURN CASE WHEN position = 21 THEN dcb.index_key(20, type) ELSE dcb.index_key(position, type) END;
SELECT pg_temp.finds($$
    DROP INDEX v.event_tags;
    CREATE INDEX event_tags ON v.event USING dcb_tags (tags, pg_temp.other_key(position, type))$$,
  '{"tag index 20: An entry leads to event 21, which does not ask for it.","tag index 21: The type has no entry."}', 'an entry under another key');
SELECT pg_temp.finds($$
    SELECT dcb.create_store('bare');
    UPDATE pg_index SET indisready = false WHERE indexrelid = 'bare.event_tags'::regclass;
    INSERT INTO bare.event (position, type, tags, data, recorded_at) VALUES (1, 'New', '{a}', '{}', 'infinity');
    UPDATE pg_index SET indisready = true WHERE indexrelid = 'bare.event_tags'::regclass;
    CREATE OR REPLACE FUNCTION pg_temp.problems() RETURNS text[] LANGUAGE sql AS $f$SELECT array_agg(detail ORDER BY detail) FROM dcb.verify('bare') $f$ $$,
  '{"Tag \"a\" has no entry.","The type has no entry."}', 'a tag index without an entry');

-- Contents are not looked at; the entries of a row lead to where it was before.
SELECT pg_temp.finds($$UPDATE v.event SET data = '{"changed": true}'$$, '{}', 'contents that were changed');

-- A long list ends.
SELECT pg_temp.finds($$INSERT INTO v.event (position, type, tags, data, recorded_at) SELECT 100 + 2 * n, 'New', '{}', '{}', 'infinity' FROM generate_series(1, 2000) AS n$$,
  (SELECT array_agg(CASE WHEN n = 1001 THEN 'more : There are more problems than these.' ELSE format('gap %s: It comes next after position %s.', 100 + 2 * n, CASE n WHEN 1 THEN 22 ELSE 98 + 2 * n END) END ORDER BY n)
   FROM generate_series(1, 1001) AS n), 'after a thousand problems it says that there are more');
SELECT is(pg_temp.problems(), '{}', 'the store is as it was');

-- What is sorted exceeds the memory for it.
SELECT dcb.create_store('large');
SELECT dcb.append('large', array_agg(dcb.event('T' || n % 7, tags => ARRAY['n:' || n, 'm:' || n % 500]))) FROM generate_series(1, 20000) AS n;
SET LOCAL maintenance_work_mem = '1MB';
SELECT is((SELECT count(*) FROM dcb.verify('large')), 0::bigint, 'a store that is larger than the memory');
SET LOCAL session_replication_role = replica;
UPDATE pg_index SET indisready = false WHERE indexrelid = 'large.event_tags'::regclass;
INSERT INTO large.event (position, type, tags, data, recorded_at) VALUES (20001, 'New', '{a,m:7}', '{}', 'infinity');
UPDATE pg_index SET indisready = true WHERE indexrelid = 'large.event_tags'::regclass;
SELECT results_eq($$SELECT problem, position, detail FROM dcb.verify('large') ORDER BY detail$$,
  $$VALUES ('tag index', 20001::bigint, 'Tag "a" has no entry.'), ('tag index', 20001, 'Tag "m:7" has no entry.'), ('tag index', 20001, 'The type has no entry.')$$,
  'what is missing there');
SET LOCAL session_replication_role = origin;

-- Rights and errors are those of a read.
CREATE ROLE verify_reader;
GRANT USAGE ON SCHEMA v TO verify_reader;
SELECT pg_temp.refuses($$SELECT * FROM dcb.verify('v')$$, '42501', 'permission denied', '.', '.', 'verifying needs SELECT', 'verify_reader');
GRANT SELECT ON v.event TO verify_reader;
SELECT pg_temp.allows($$SELECT * FROM dcb.verify('v')$$, 'and no more than that', 'verify_reader');
SELECT pg_temp.refuses($$SELECT * FROM dcb.verify('nowhere')$$, 'DCB05', 'does not exist', '.', '.', 'an unknown store');
SELECT pg_temp.refuses($$SELECT * FROM dcb.verify(NULL)$$, '22004', 'must not be null', NULL, '.', 'no store');

SELECT * FROM finish();
ROLLBACK;
