-- dcb.matches against the rule written down in SQL, over generated queries and events.
BEGIN;
\ir helpers.psql
SELECT plan(16);

SELECT ok(dcb.matches(dcb.all(), 'A'), 'match all: an event without tags');
SELECT ok(dcb.matches(dcb.query(types => '{A,B}'), 'B', '{x}'), 'one of the types');
SELECT ok(NOT dcb.matches(dcb.query(types => '{A,B}'), 'C'), 'none of the types');
SELECT ok(NOT dcb.matches(dcb.query(types => '{A}'), 'AB') AND NOT dcb.matches(dcb.query(types => '{AB}'), 'A'), 'a prefix is another type');
SELECT ok(NOT dcb.matches(dcb.query(types => '{a}'), 'A'), 'case matters');
SELECT ok(dcb.matches(dcb.query(tags => '{x,y}'), 'A', '{z,y,x}'), 'all tags, in any order, the event may have more');
SELECT ok(NOT dcb.matches(dcb.query(tags => '{x,y}'), 'A', '{x}'), 'one of two tags is not enough');
SELECT ok(dcb.matches(dcb.query(tags => '{x}'), 'A', '{x,x}'), 'an event''s repeated tag counts once');
SELECT ok(NOT dcb.matches(dcb.query(except_types => '{A}'), 'A') AND dcb.matches(dcb.query(except_types => '{A}'), 'B'), 'an excluded type');
SELECT ok(NOT dcb.matches(dcb.query('{A}', except_types => '{A}'), 'A'), 'excluded wins over included');
SELECT ok(dcb.matches(dcb.query('{A}', except_types => '{A}') OPERATOR(dcb.||) dcb.query(tags => '{x}'), 'A', '{x}'), 'excluded by one item, matched by another');
SELECT ok(dcb.matches(dcb.query('{A}', after => 1000000), 'A'), 'after is a matter of positions, not of matching');
SELECT is(dcb.matches(NULL, 'A'), NULL, 'NULL query, NULL answer');

-- The rule: type among the types if any are given, not among the excluded ones, and all tags of the item on the event; items combined with OR.
CREATE FUNCTION pg_temp.rule(query jsonb, type text, tags text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT bool_or((COALESCE(jsonb_array_length(item->'types'), 0) = 0 OR item->'types' ? type)
                 AND NOT COALESCE(item->'except' ? type, false)
                 AND tags @> ARRAY(SELECT jsonb_array_elements_text(item->'tags')))
  FROM jsonb_array_elements(query->'items') AS item
$$;
CREATE FUNCTION pg_temp.some(choices text[], share float) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT COALESCE(jsonb_agg(c), '[]') FROM unnest(choices) AS c WHERE random() < share
$$;
SELECT setseed(0.25);
CREATE TEMP TABLE queries ON COMMIT DROP AS
  SELECT q, jsonb_build_object('items', jsonb_agg(jsonb_build_object(
    'types', CASE WHEN random() < 0.5 THEN '[]' ELSE pg_temp.some('{A,B,C,D}', 0.4) END,
    'except', CASE WHEN random() < 0.6 THEN '[]' ELSE pg_temp.some('{A,B,C,D}', 0.3) END,
    'tags', pg_temp.some('{t1,t2,t3,t4}', 0.3)))) AS query
  FROM generate_series(1, 400) AS q, generate_series(0, q % 3) AS i GROUP BY q;
CREATE TEMP TABLE events ON COMMIT DROP AS
  SELECT (ARRAY['A','B','C','D','E'])[1 + (e % 5)] AS type, ARRAY(SELECT jsonb_array_elements_text(pg_temp.some('{t1,t2,t3,t4,t5}', 0.5))) AS tags
  FROM generate_series(1, 100) AS e;
CREATE TEMP TABLE outcome ON COMMIT DROP AS
  SELECT query, type, tags, pg_temp.rule(query, type, tags) AS want, dcb.matches(query::text::dcb.query, type, tags) AS got FROM queries, events;
SELECT is_empty('SELECT * FROM outcome WHERE want IS DISTINCT FROM got LIMIT 5', 'dcb.matches is the rule, over 40,000 generated cases');
SELECT cmp_ok((SELECT count(*) FROM outcome WHERE want), '>', 5000::bigint, 'of which enough match');
SELECT cmp_ok((SELECT count(*) FROM outcome WHERE NOT want), '>', 5000::bigint, 'and enough do not');

SELECT finish();
ROLLBACK;
