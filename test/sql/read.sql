-- dcb.read and its relatives, one example each; read_generated.sql holds them against the rule over generated queries.
BEGIN;
\ir helpers.psql
SELECT plan(46);

SELECT dcb.create_store('r');
SELECT is(pg_temp.positions('r'), '{}', 'an empty store reads empty');
SELECT is(dcb.head('r'), 0::bigint, 'head of an empty store is 0');
SELECT is(dcb.exists('r'), false, 'nothing exists in an empty store');
SELECT is(dcb.count('r'), 0::bigint, 'count of an empty store is 0');
SELECT is(dcb.last('r'), NULL, 'last of an empty store is NULL');
SELECT is(dcb.position_at('r', 'infinity'), 0::bigint, 'position_at of an empty store is 0');

SELECT dcb.append('r', ARRAY[
  dcb.event('A', tags => '{x}'), dcb.event('B', tags => '{x,y}'), dcb.event('C', tags => '{y}'), dcb.event('A', tags => '{y}'), dcb.event('B', tags => '{x}'), dcb.event('D')]);

SELECT is(pg_temp.positions('r'), '{1,2,3,4,5,6}', 'everything in order');
SELECT is(pg_temp.positions('r', after => 2), '{3,4,5,6}', 'after is exclusive');
SELECT is(pg_temp.positions('r', upto => 4), '{1,2,3,4}', 'upto is inclusive');
SELECT is(pg_temp.positions('r', after => 2, upto => 4), '{3,4}', 'after and upto');
SELECT is(pg_temp.positions('r', after => 4, upto => 4), '{}', 'an empty range');
SELECT is(pg_temp.positions('r', after => 5, upto => 2), '{}', 'a range that ends before it starts');
SELECT is(pg_temp.positions('r', upto => 0), '{}', 'upto 0');
SELECT is(pg_temp.positions('r', after => NULL), '{1,2,3,4,5,6}', 'after NULL is the whole log');
SELECT is(pg_temp.positions('r', after => 1000), '{}', 'a read after a position that is not there yet is empty, not an error');
SELECT is(pg_temp.positions('r', upto => 1000), '{1,2,3,4,5,6}', 'upto beyond the head is the whole log');
SELECT is(pg_temp.positions('r', upto => 9223372036854775807, after => 5), '{6}', 'the largest upto');
SELECT is(pg_temp.positions('r', after => 9223372036854775807), '{}', 'the largest after');
SELECT is(pg_temp.positions('r', max_count => 2), '{1,2}', 'max_count');
SELECT is(pg_temp.positions('r', max_count => 0), '{}', 'max_count 0 is nothing');
SELECT is(pg_temp.positions('r', max_count => 100), '{1,2,3,4,5,6}', 'max_count beyond what is there');
SELECT is(pg_temp.positions('r', backwards => true), '{6,5,4,3,2,1}', 'backwards');
SELECT is(pg_temp.positions('r', backwards => true, max_count => 2), '{6,5}', 'backwards takes the newest');
SELECT is(pg_temp.positions('r', backwards => true, after => 2, upto => 5), '{5,4,3}', 'backwards: after stays the lower, upto the upper bound');
SELECT is(pg_temp.positions('r', backwards => true, after => 2, upto => 5, max_count => 1), '{5}', 'backwards with everything');

SELECT is(pg_temp.positions('r', dcb.query(types => '{A,B}')), '{1,2,4,5}', 'types');
SELECT is(pg_temp.positions('r', dcb.query(tags => '{x}')), '{1,2,5}', 'a tag');
SELECT is(pg_temp.positions('r', dcb.query(tags => '{y,x}')), '{2}', 'two tags');
SELECT is(pg_temp.positions('r', dcb.query('{B}', '{x}')), '{2,5}', 'type and tag');
SELECT is(pg_temp.positions('r', dcb.query(except_types => '{A,B}')), '{3,6}', 'excluded types');
SELECT is(pg_temp.positions('r', dcb.query(tags => '{y}', except_types => '{A}')), '{2,3}', 'a tag, excluded types');
SELECT is(pg_temp.positions('r', dcb.query(types => '{A}') OPERATOR(dcb.||) dcb.query(tags => '{x}')), '{1,2,4,5}', 'two items, an event of both once');
SELECT is(pg_temp.positions('r', dcb.query(types => '{A}') OPERATOR(dcb.||) dcb.query(tags => '{x}'), backwards => true, max_count => 3), '{5,4,2}', 'two items backwards with a limit');
SELECT is(pg_temp.positions('r', dcb.query(types => '{Unknown}') OPERATOR(dcb.||) dcb.query(tags => '{unknown}')), '{}', 'nothing matches');
SELECT is(pg_temp.positions('r', dcb.query('{A}', after => 1) OPERATOR(dcb.||) dcb.query(tags => '{x}', after => 4), after => 3), '{4,5}', 'an item''s after wins: further on than the call''s, and …');
SELECT is(pg_temp.positions('r', dcb.query('{A}', after => 0) OPERATOR(dcb.||) dcb.query(tags => '{x}'), after => 4), '{1,4,5}', '… before it');
SELECT is(pg_temp.positions('r', dcb.query('{A}', after => 0) OPERATOR(dcb.||) dcb.query(tags => '{x}'), after => 4, backwards => true, max_count => 2), '{5,4}', '… backwards too');

SELECT is(ARRAY(SELECT position FROM dcb.read('r', dcb.query(tags => '{x}')) ORDER BY position DESC LIMIT 2), '{5,2}', 'read under ORDER BY and LIMIT');
SELECT is((SELECT count(*) FROM generate_series(1, 3) n, dcb.read('r', dcb.query(tags => '{x}'), after => n)), 2 + 1 + 1::bigint, 'read in a lateral join, read again for each row');
SELECT is(ARRAY(SELECT position FROM (SELECT (dcb.read('r', max_count => 2)).position) AS x ORDER BY 1), '{1,2}', 'read in a target list');

SELECT results_eq($$SELECT dcb.head('r'), dcb.exists('r', dcb.query(types => '{D}')), dcb.exists('r', dcb.query(types => '{D}'), 6), dcb.count('r', dcb.query(tags => '{x}')), dcb.count('r', dcb.query(tags => '{x}'), 1), dcb.last('r', dcb.query(tags => '{x}')), dcb.last('r')$$,
  'VALUES (6::bigint, true, false, 3::bigint, 2::bigint, 5::bigint, 6::bigint)', 'head, exists, count, last');
SELECT is(dcb.exists('r', dcb.query('{A}', after => 0), 5), true, 'exists: an item''s after wins');
SELECT is(dcb.count('r', dcb.query('{A}', after => 1), 0), 1::bigint, 'count: an item''s after wins');
SELECT is(dcb.last('r', dcb.query('{A}', after => 4)), NULL, 'last: an item''s after holds');

-- position_at. All events of this transaction's appends so far lie at or before now.
SELECT is(dcb.position_at('r', clock_timestamp()), 6::bigint, 'position_at: now');
SELECT is(ARRAY[dcb.position_at('r', recorded_at), dcb.position_at('r', recorded_at - interval '1 microsecond'), dcb.position_at('r', '-infinity')], '{6,0,0}',
  'position_at: at an event''s own time it is included, a microsecond before it is not') FROM dcb.read('r', max_count => 1);

SELECT finish();
ROLLBACK;
