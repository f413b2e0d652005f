-- Locks on tags, as far as one session can see; how sessions wait for each other stands in the isolation spec of the same name.
BEGIN;
\ir helpers.psql
SELECT no_plan();

SELECT dcb.create_store('s');
SELECT dcb.create_store('z');
CREATE FUNCTION pg_temp.tag_locks(store text) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = format('%I.event', store)::regclass AND mode = 'ExclusiveLock' AND pid = pg_backend_pid() $$;

SELECT lives_ok($$SELECT dcb.lock_tags('s', '{coupon:c1,cart:a}')$$, 'two tags');
SELECT is(pg_temp.tag_locks('s'), 2::bigint, 'are two locks of the server');
SELECT lives_ok($$SELECT dcb.lock_tags('s', '{cart:a,coupon:c1,cart:a}', '1 s')$$, 'asking again …');
SELECT is(pg_temp.tag_locks('s'), 2::bigint, '… is no other lock');
SELECT lives_ok($$SELECT dcb.lock_tags('s', '{}')$$, 'no tag, no lock');
SELECT is(pg_temp.tag_locks('s'), 2::bigint, '… indeed');
SELECT dcb.lock_tags('z', '{cart:a}');
SELECT is(pg_temp.tag_locks('z'), 1::bigint, 'another store''s tag is another one');
SELECT is((SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), 0::bigint, 'nothing among the advisory locks');
SAVEPOINT a;
SELECT dcb.lock_tags('s', '{other}');
ROLLBACK TO a;
SELECT is(pg_temp.tag_locks('s'), 2::bigint, 'a rolled-back savepoint gives its locks back');
SELECT is(dcb.append('s', ARRAY[dcb.event('A', tags => '{cart:a}')], dcb.query(tags => '{cart:a}')), 1::bigint, 'who holds a tag appends');

SELECT pg_temp.refuses('SELECT dcb.lock_tags(NULL, ''{a}'')', '22004', '"store" must not be null', NULL, '.', 'no store');
SELECT pg_temp.refuses('SELECT dcb.lock_tags(''s'', NULL)', '22004', '"tags" must not be null', NULL, '.', 'no tags');
SELECT pg_temp.refuses('SELECT dcb.lock_tags(''s'', ''{a,NULL}'')', '22004', 'a tag must not be null', NULL, '.', 'a null tag');
SELECT pg_temp.refuses('SELECT dcb.lock_tags(''s'', ''{""}'')', 'DCB06', 'no event can have this tag', 'It has 0 bytes', '.', 'an empty tag');
SELECT pg_temp.refuses('SELECT dcb.lock_tags(''s'', ARRAY[repeat(''x'', 1025)])', 'DCB06', 'no event can have this tag', 'It has 1025 bytes', '.', 'a tag that is too long');
SELECT pg_temp.refuses('SELECT dcb.lock_tags(''s'', (SELECT array_agg(n::text) FROM generate_series(1, 1025) n))', 'DCB06', 'too many tags', 'There are 1025', '.', 'too many tags');
SELECT pg_temp.refuses('SELECT dcb.lock_tags(''s'', ''{a}'', ''-1 s'')', '22023', '"timeout" must not be negative', NULL, '.', 'a negative timeout');
SELECT pg_temp.refuses('SELECT dcb.lock_tags(''nowhere'', ''{a}'')', 'DCB05', 'does not exist', '.', '.', 'an unknown store');

CREATE ROLE lock_reader;
CREATE ROLE lock_appender;
GRANT USAGE ON SCHEMA s TO lock_reader, lock_appender;
GRANT SELECT ON s.event TO lock_reader;
GRANT INSERT ON s.event TO lock_appender;
SELECT pg_temp.refuses('SELECT dcb.lock_tags(''s'', ''{a}'')', '42501', 'permission denied for store "s"', 'needs INSERT', '.', 'a reader has no business in the queue', 'lock_reader');
SELECT pg_temp.allows('SELECT dcb.lock_tags(''s'', ''{a}'')', 'an appender has', 'lock_appender');

-- The setting of the session is as before, whatever the call was given.
SELECT dcb.lock_tags('s', '{b}', '250 ms');
SELECT is(current_setting('lock_timeout'), '0', 'lock_timeout is as before');
SELECT is((pg_temp.failure_of('SELECT dcb.lock_tags(''s'', ''{c}'', ''250 ms''), 1 / (dcb.head(''s'') - 1)')).state, '22012', 'a failure in the same statement …');
SELECT is(current_setting('lock_timeout'), '0', '… changes nothing about it');

SELECT * FROM finish();
ROLLBACK;
