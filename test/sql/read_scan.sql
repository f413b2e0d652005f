-- dcb.read in FROM is a scan of its own: rows flow, stop early, come in order, and otherwise it is the function.
BEGIN;
\ir helpers.psql
SELECT no_plan();

SELECT dcb.create_store('flow');
SELECT dcb.append('flow', array_agg(dcb.event(CASE n % 3 WHEN 0 THEN 'A' WHEN 1 THEN 'B' ELSE 'C' END, jsonb_build_object('n', n),
                                              tags => ARRAY['ten:' || n % 10, 'seven:' || n % 7]) ORDER BY n))
FROM generate_series(1, 5000) AS n;

-- The nodes of a statement's plan, outermost first.
CREATE FUNCTION pg_temp.nodes(statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || statement INTO plan;
  RETURN ARRAY(SELECT CASE WHEN node ->> 'Node Type' = 'Custom Scan' THEN node ->> 'Custom Plan Provider' ELSE node ->> 'Node Type' END
               FROM jsonb_path_query(plan, '$.**?(exists(@."Node Type"))', silent => true) WITH ORDINALITY AS x (node, n)
               GROUP BY node ORDER BY min(n));
END $$;
-- What the scan of a statement has done, by EXPLAIN's name for it.
CREATE FUNCTION pg_temp.work(statement text, label text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || statement INTO plan;
  RETURN jsonb_path_query_first(plan, '$.**?(@."Custom Plan Provider" == "dcb.read")') ->> label;
END $$;

-- Where it is used, and where the function is.
SELECT is(pg_temp.nodes($$SELECT * FROM dcb.read('flow')$$), '{dcb.read}', 'a plain read is a scan');
SELECT is(pg_temp.nodes($$SELECT count(*) FROM dcb.read('flow')$$), '{Aggregate,dcb.read}', 'without columns too');
SELECT is(pg_temp.nodes($$SELECT * FROM dcb.read('flow') WITH ORDINALITY$$), '{Function Scan}', 'WITH ORDINALITY is the function''s');
SELECT is(pg_temp.nodes($$SELECT * FROM ROWS FROM (dcb.read('flow'), generate_series(1, 3))$$), '{Function Scan}', 'ROWS FROM several too');
SELECT is(pg_temp.nodes($$SELECT r FROM dcb.read('flow') AS r$$), '{Function Scan}', 'a whole row too');
SELECT is(pg_temp.nodes($$SELECT position FROM dcb.read('flow') AS r WHERE r IS NOT NULL$$), '{Function Scan}', 'a whole row in a condition too');
SELECT is(pg_temp.nodes($$SELECT position FROM dcb.read('flow', after => (random() * 10)::bigint)$$), '{Function Scan}', 'a volatile argument too');

-- Both answer the same.
CREATE TEMP TABLE call (arguments text) ON COMMIT DROP;
INSERT INTO call VALUES
  ($$'flow'$$), ($$'flow', dcb.all(), 4990$$), ($$'flow', max_count => 7$$), ($$'flow', max_count => 0$$), ($$'flow', backwards => true, max_count => 7$$),
  ($$'flow', dcb.query(types => '{A}', tags => '{ten:3,seven:2}')$$), ($$'flow', dcb.query(types => '{A,B}', tags => '{}'), 100, 50, true, 900$$),
  ($$'flow', dcb.query(tags => '{ten:1}') || dcb.query(tags => '{seven:1}') || dcb.query(types => '{C}', tags => '{ten:2}'), upto => 500$$),
  ($$'flow', after => NULL, max_count => NULL, backwards => NULL, upto => NULL$$),
  ($$NULL$$), ($$'nowhere'$$), ($$'flow', NULL$$), ($$'flow', after => -1$$), ($$'flow', max_count => -1$$), ($$'flow', upto => -1$$);
CREATE FUNCTION pg_temp.answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE 'SELECT array_agg(x ORDER BY n)::text FROM (SELECT row_number() OVER () AS n, x.* FROM (' || statement || ') AS x) AS x' INTO answer;
  RETURN answer;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT is(pg_temp.answer(format('SELECT * FROM dcb.read(%s)', arguments)), pg_temp.answer(format('SELECT (r).* FROM (SELECT dcb.read(%s) AS r OFFSET 0) AS x', arguments)),
          format('scan and function agree on (%s)', arguments))
FROM call;

-- It stops early.
SELECT is(pg_temp.work($$SELECT * FROM dcb.read('flow') LIMIT 10$$, 'Rows Looked At'), 10::bigint, 'LIMIT stops the scan');
SELECT is(pg_temp.work($$SELECT * FROM dcb.read('flow', max_count => 10)$$, 'Rows Looked At'), 10::bigint, 'max_count too');
SELECT is(pg_temp.work($$SELECT EXISTS (SELECT FROM dcb.read('flow'))$$, 'Rows Looked At'), 1::bigint, 'EXISTS takes one');
SELECT cmp_ok(pg_temp.work($$SELECT * FROM dcb.read('flow', dcb.query(tags => '{ten:1,seven:1}')) LIMIT 1$$, 'Index Entries'), '<=', 5::bigint, 'an intersection steps over few entries');
SELECT is(pg_temp.work($$SELECT * FROM generate_series(0, 2) AS n, dcb.read('flow', after => 4990 + n)$$, 'Rows Looked At'), 10 + 9 + 8::bigint, 'the work of all rounds is added up');

-- It is ordered by position.
SELECT is(pg_temp.nodes($$SELECT * FROM dcb.read('flow') ORDER BY position LIMIT 3$$), '{Limit,dcb.read}', 'ORDER BY position needs no sort');
SELECT is(pg_temp.nodes($$SELECT * FROM dcb.read('flow', backwards => true) ORDER BY position DESC LIMIT 3$$), '{Limit,dcb.read}', 'nor does ORDER BY position DESC, backwards');
SELECT is(pg_temp.nodes($$SELECT * FROM dcb.read('flow', backwards => true) ORDER BY position$$), '{Sort,dcb.read}', 'the other order does');
SELECT is(pg_temp.nodes($$SELECT * FROM dcb.read('flow') ORDER BY position DESC$$), '{Sort,dcb.read}', 'both ways');
SELECT is(ARRAY(SELECT position FROM dcb.read('flow', backwards => true) ORDER BY position LIMIT 3), '{1,2,3}', 'the sort sorts');
SELECT is(ARRAY(SELECT position FROM dcb.read('flow', backwards => true) ORDER BY position DESC LIMIT 3), '{5000,4999,4998}', 'what needs no sort is in order');
SELECT is((SELECT count(*) FROM (SELECT DISTINCT position FROM dcb.read('flow') UNION ALL SELECT position FROM dcb.read('flow', backwards => true)) AS x), 10000::bigint, 'in a union');
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_nestloop = off;
SELECT is((SELECT count(*) FROM dcb.read('flow', dcb.query(tags => '{ten:1}')) JOIN dcb.read('flow', dcb.query(tags => '{seven:1}')) AS other USING (position)), (SELECT count(*) FROM generate_series(1, 5000) AS n WHERE n % 10 = 1 AND n % 7 = 1), 'a merge join on position');
RESET enable_hashjoin;
RESET enable_nestloop;

-- Filters, projections, joins, subqueries.
SELECT is((SELECT count(*) FROM dcb.read('flow') WHERE type = 'A' AND (data ->> 'n')::int % 2 = 0), 833::bigint, 'a filter');
SELECT is((SELECT array_agg(type || (data ->> 'n')) FROM dcb.read('flow', upto => 3)), '{B1,C2,A3}', 'a projection');
SELECT is((SELECT count(*) FROM generate_series(0, 9) AS n LEFT JOIN LATERAL (SELECT FROM dcb.read('flow', dcb.query(tags => ARRAY['ten:' || n]), after => 4999 - n)) AS r ON true),
          (SELECT count(*) FROM generate_series(0, 9) AS n LEFT JOIN generate_series(1, 5000) AS p ON p > 4999 - n AND p % 10 = n), 'a lateral left join');
SELECT is(ARRAY(SELECT (SELECT count(*) FROM dcb.read('flow', dcb.query(tags => ARRAY['ten:' || n]), upto => n * 10)) FROM generate_series(1, 4) AS n), '{1,2,3,4}', 'a correlated subquery');
SELECT is(ARRAY(SELECT position FROM dcb.read('flow', after => (SELECT dcb.head('flow') - 2))), '{4999,5000}', 'a subquery as argument');
SELECT is((SELECT count(*) FROM generate_series(1, 3), dcb.read('flow', upto => 5)), 15::bigint, 'read again for each row with the same arguments');
SELECT is((SELECT count(*) FROM (VALUES (NULL::bigint), (4999)) AS v (n), dcb.read('flow', after => n)), 5001::bigint, 'a null argument on the way');
SELECT is((SELECT count(*) FROM flow.event JOIN dcb.read('flow', upto => 5) USING (position)), 5::bigint, 'joined with the table itself');
CREATE TEMP TABLE target AS SELECT position, type FROM dcb.read('flow', upto => 5);
UPDATE target SET type = 'new' || r.type FROM dcb.read('flow', after => 2, upto => 4) AS r WHERE r.position = target.position;
SELECT is(ARRAY(SELECT type FROM target ORDER BY position), '{B,C,newA,newB,C}', 'UPDATE … FROM');

-- Prepared: the plan knows neither store nor query.
SET LOCAL plan_cache_mode = force_generic_plan;
PREPARE generic (text, dcb.query, bigint, boolean) AS SELECT position FROM dcb.read($1, $2, $3, backwards => $4) ORDER BY position LIMIT 3;
SELECT is(pg_temp.nodes($$EXECUTE generic('flow', dcb.all(), 0, true)$$), '{Limit,Sort,dcb.read}', 'a direction unknown to the plan needs a sort');
SELECT results_eq($$EXECUTE generic('flow', dcb.query(types => '{A}'), 10, false)$$, 'VALUES (12::bigint), (15), (18)', 'a generic plan');
SELECT results_eq($$EXECUTE generic('flow', dcb.query(types => '{A}'), 4990, true)$$, 'VALUES (4992::bigint), (4995), (4998)', 'the same plan, backwards');
SELECT pg_temp.refuses($$EXECUTE generic('nowhere', dcb.all(), 0, true)$$, 'DCB05', 'does not exist', '.', '.', 'the same plan, an unknown store');
SELECT pg_temp.refuses($$EXECUTE generic('flow', NULL, 0, true)$$, 'DCB02', 'invalid event query', 'null', '.', 'the same plan, a null query');
RESET plan_cache_mode;

-- In functions.
CREATE FUNCTION pg_temp.looped(tag text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  seen bigint[] := '{}';
  r record;
BEGIN
  FOR r IN SELECT position FROM dcb.read('flow', dcb.query(tags => ARRAY[tag])) LOOP
    seen := seen || r.position;
    EXIT WHEN cardinality(seen) = 3;
  END LOOP;
  RETURN seen;
END $$;
SELECT is(pg_temp.looped('ten:4'), '{4,14,24}', 'a loop in PL/pgSQL that is left early');
CREATE FUNCTION pg_temp.of_tag(tag text) RETURNS TABLE ("position" bigint) STABLE LANGUAGE sql AS $$ SELECT position FROM dcb.read('flow', dcb.query(tags => ARRAY[tag])) $$;
SELECT is(pg_temp.nodes($$SELECT * FROM pg_temp.of_tag('ten:4') LIMIT 2$$), '{Limit,dcb.read}', 'an SQL function is inlined');
SELECT is(ARRAY(SELECT * FROM pg_temp.of_tag('ten:4') LIMIT 2), '{4,14}', '… and streams');

-- Cursors.
CREATE FUNCTION pg_temp.fetched(direction text, cursor text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  c refcursor := cursor;
  found_positions bigint[] := '{}';
  p bigint;
BEGIN
  FOR i IN 1 .. 3 LOOP
    IF direction = 'forward' THEN FETCH FORWARD FROM c INTO p; ELSE FETCH BACKWARD FROM c INTO p; END IF;
    EXIT WHEN NOT FOUND;
    found_positions := found_positions || p;
  END LOOP;
  RETURN found_positions;
END $$;
DECLARE flowing CURSOR FOR SELECT position FROM dcb.read('flow');
SELECT is(pg_temp.fetched('forward', 'flowing'), '{1,2,3}', 'a cursor');
DECLARE scrolling SCROLL CURSOR FOR SELECT position FROM dcb.read('flow');
SELECT is(pg_temp.fetched('forward', 'scrolling'), '{1,2,3}', 'a scroll cursor forward');
SELECT is(pg_temp.fetched('backward', 'scrolling'), '{2,1}', '… and back');
DECLARE later CURSOR FOR SELECT position FROM dcb.read('flow', after => 4998);
SELECT dcb.append('flow', ARRAY[dcb.event('Later')]);
SELECT is(pg_temp.fetched('forward', 'later'), '{4999,5000}', 'a cursor does not see what was appended after it was opened');
SELECT throws_ok($$SELECT dcb.drop_store('flow', force => true)$$, '55006', NULL, 'a store that an open cursor reads is not dropped');
CLOSE ALL;

-- A statement does not read what it appends itself.
SELECT is((SELECT count(dcb.append('flow', ARRAY[dcb.event('Copy', tags => tags)])) FROM dcb.read('flow', after => 4990)), 11::bigint, 'appending for each event read ends');

-- Rights are those of the moment, whatever the plan was made with.
CREATE ROLE read_scan_reader;
GRANT USAGE ON SCHEMA flow TO read_scan_reader;
GRANT SELECT ON flow.event TO read_scan_reader;
PREPARE as_anyone AS SELECT count(*) FROM dcb.read('flow', upto => 1);
SELECT pg_temp.allows('EXECUTE as_anyone', 'planned by one role, run by another', 'read_scan_reader');
REVOKE SELECT ON flow.event FROM read_scan_reader;
SELECT pg_temp.refuses('EXECUTE as_anyone', '42501', 'permission denied for store', '.', '.', 'a revoked right stops the plan', 'read_scan_reader');
GRANT SELECT ON flow.event TO read_scan_reader;
SELECT pg_temp.allows('EXECUTE as_anyone', 'granted again', 'read_scan_reader');
REVOKE EXECUTE ON FUNCTION dcb.read FROM PUBLIC;
SELECT pg_temp.refuses('EXECUTE as_anyone', '42501', 'permission denied for function read', NULL, NULL, 'the right to call dcb.read counts too', 'read_scan_reader');
GRANT EXECUTE ON FUNCTION dcb.read TO PUBLIC;
SELECT pg_temp.allows($$EXPLAIN SELECT * FROM dcb.read('nowhere')$$, 'EXPLAIN opens nothing', 'read_scan_reader');

-- A plan goes when the function does.
CREATE FUNCTION pg_temp.without_extension() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text;
BEGIN
  DROP EXTENSION pg_dcb CASCADE;
  BEGIN
    EXECUTE 'EXECUTE as_anyone';
  EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
  END;
  RAISE SQLSTATE 'TT001' USING MESSAGE = coalesce(state, 'no error');
EXCEPTION WHEN SQLSTATE 'TT001' THEN
  RETURN SQLERRM;
END $$;
SELECT is(pg_temp.without_extension(), '42883', 'without the extension the prepared plan is gone: there is no such function');
SELECT pg_temp.allows('EXECUTE as_anyone', 'and back with it');

SELECT * FROM finish();
ROLLBACK;
