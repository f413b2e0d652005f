-- A rolled-back savepoint takes its events along and leaves neither a gap nor a stale head, position, condition or append id.
BEGIN;
\ir helpers.psql
SELECT plan(16);

SELECT dcb.create_store('s');
SELECT is(dcb.append('s', ARRAY[dcb.event('Kept')]), 1::bigint, 'before the savepoint');
SAVEPOINT a;
SELECT is(dcb.append('s', ARRAY[dcb.event('Lost', tags => '{t}'), dcb.event('Lost')], append_id => '00000000-0000-0000-0000-000000000001'), 3::bigint, 'within it');
ROLLBACK TO a;
SELECT is(dcb.head('s'), 1::bigint, 'head after the rollback');
SELECT is(dcb.append('s', ARRAY[dcb.event('Again')], dcb.query(types => '{Lost}') OPERATOR(dcb.||) dcb.query(tags => '{t}')), 2::bigint, 'the next append takes the freed position, and its condition does not see what is gone');
SELECT is(dcb.append('s', ARRAY[dcb.event('Other')], append_id => '00000000-0000-0000-0000-000000000001'), 3::bigint, 'the append id is free again');
SELECT is((SELECT array_agg(position || type ORDER BY position) FROM dcb.read('s')), '{1Kept,2Again,3Other}', 'no gap');

-- Nested, the inner one released, the outer one rolled back.
SAVEPOINT outer_one;
SELECT dcb.append('s', ARRAY[dcb.event('Outer')]);
SAVEPOINT inner_one;
SELECT is(dcb.append('s', ARRAY[dcb.event('Inner')], dcb.query(types => '{Outer}'), after => 4), 5::bigint, 'nested');
RELEASE inner_one;
ROLLBACK TO outer_one;
SELECT is(dcb.append('s', ARRAY[dcb.event('Next')], dcb.query(types => '{Outer,Inner}')), 4::bigint, 'a released savepoint goes with the one around it');

-- Released: stays.
SAVEPOINT b;
SELECT dcb.append('s', ARRAY[dcb.event('Stays')]);
RELEASE b;
SELECT is(dcb.head('s'), 5::bigint, 'a released savepoint stays');

-- PL/pgSQL's exception blocks are savepoints.
CREATE FUNCTION pg_temp.try(n int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM dcb.append('s', ARRAY[dcb.event('Tried', to_jsonb(n), '{tried}')]);
  IF n % 3 <> 0 THEN RAISE EXCEPTION 'no'; END IF;
  RETURN dcb.append('s', ARRAY[dcb.event('Done', to_jsonb(n))], dcb.query(types => '{Tried}'), after => dcb.head('s'));
EXCEPTION WHEN raise_exception THEN
  RETURN NULL;
END $$;
SELECT is(ARRAY(SELECT pg_temp.try(n) FROM generate_series(1, 9) n), '{NULL,NULL,7,NULL,NULL,9,NULL,NULL,11}'::bigint[], 'exception blocks: failed ones leave nothing');
SELECT is((SELECT array_agg(data::int ORDER BY position) FROM dcb.read('s', dcb.query(tags => '{tried}'))), '{3,6,9}', '… not in a tag query either');

-- An append that fails by itself.
SELECT is((pg_temp.failure_of($$SELECT dcb.append('s', ARRAY[dcb.event('X')], dcb.all())$$)).state, 'DCB01', 'a failed condition');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('s', ARRAY[dcb.event('X'), dcb.event('')])$$)).state, 'DCB03', 'a bad event');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('s', ARRAY[dcb.event('X')]), 1 / (dcb.head('s') * 0)$$)).state, '22012', 'a failure later in the statement');
SELECT is(dcb.append('s', ARRAY[dcb.event('Last')]), 12::bigint, '… leave no gap');
SELECT is((SELECT array_agg(DISTINCT n) FROM (SELECT position - row_number() OVER (ORDER BY position) AS n FROM s.event) AS x), '{0}', 'positions are 1, 2, 3, …');

SELECT finish();
ROLLBACK;
