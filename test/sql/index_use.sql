-- Reads and conditions use an index in every form of query: on 200,000 events each touches a few pages, where looking through the table touches thousands.
-- Pages are counted, not time, and without statistics first: a store that has just been filled must not be slow until autovacuum comes by.
BEGIN;
\ir helpers.psql
SELECT no_plan();

SELECT dcb.create_store('big');
-- Of 200,000 events: 40 types, one of them excluded half of the time by being half of the log; type Rare on 20; tag all:1 on every event, half:1 on every
-- second, group:n on 2,000, entity:n on 40, one:n on one each.
SELECT dcb.append('big', array_agg(dcb.event(
         CASE WHEN n % 10000 = 0 THEN 'Rare' WHEN n % 2 = 0 THEN 'Common' ELSE 'T' || n % 40 END, tags =>
         ARRAY['all:1', CASE WHEN n % 2 = 0 THEN 'half:1' ELSE 'half:2' END, 'group:' || n % 100, 'entity:' || n % 5000, 'one:' || n]) ORDER BY n))
FROM generate_series(1, 200000) AS n GROUP BY (n - 1) / 20000 ORDER BY (n - 1) / 20000;
SELECT is(dcb.head('big'), 200000::bigint, 'filled');

-- The pages that running a statement touches, in its plan's top node, which counts what functions called from it touch too.
CREATE FUNCTION pg_temp.pages(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, FORMAT JSON) ' || statement INTO plan;
  plan := plan->0->'Plan';
  RETURN (plan->>'Shared Hit Blocks')::bigint + (plan->>'Shared Read Blocks')::bigint;
END $$;
-- One test: at most this many pages. The first run warms catalog caches and plans and is not counted.
CREATE FUNCTION pg_temp.touches(statement text, at_most bigint, description text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  pages bigint := pg_temp.pages(statement);
BEGIN
  pages := pg_temp.pages(statement);
  RETURN ok(pages <= at_most, description) || CASE WHEN pages <= at_most THEN '' ELSE E'\n' || diag(format('%s pages, %s allowed: %s', pages, at_most, statement)) END;
END $$;

-- Every form of query, with frequent, rare and unknown types and tags.
CREATE TEMP TABLE form (name text, query dcb.query) ON COMMIT DROP;
INSERT INTO form VALUES
  ('all', dcb.all()),
  ('a frequent type', dcb.query(types => '{Common}')), ('a rare type', dcb.query(types => '{Rare}')), ('several types', dcb.query(types => '{T1,T3,Rare}')), ('an unknown type', dcb.query(types => '{Unknown}')),
  ('a tag of one event', dcb.query(tags => '{one:150000}')), ('a tag of 40 events', dcb.query(tags => '{entity:77}')), ('a tag of half the events', dcb.query(tags => '{half:1}')), ('an unknown tag', dcb.query(tags => '{unknown}')),
  ('two tags, one of them on all', dcb.query(tags => '{entity:77,all:1}')), ('two tags, the other one on all', dcb.query(tags => '{all:1,one:150000}')), ('two tags, one unknown', dcb.query(tags => '{all:1,unknown}')),
  ('three tags', dcb.query(tags => '{entity:77,all:1,group:77}')),
  ('type and tag', dcb.query('{T37}', '{entity:77}')), ('a rare type and a tag on all', dcb.query('{Rare}', '{all:1}')), ('an unknown type and a tag on all', dcb.query('{Unknown}', '{all:1}')), ('a frequent type and an unknown tag', dcb.query('{Common}', '{unknown}')),
  ('all but a type', dcb.query(except_types => '{Common}')), ('a tag, but not of a type', dcb.query(tags => '{entity:77}', except_types => '{Common}')),
  ('two items', dcb.query(types => '{Rare}') OPERATOR(dcb.||) dcb.query(tags => '{one:150000}'));

CREATE FUNCTION pg_temp.suite(state text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  f record;
BEGIN
  FOR f IN SELECT name, query AS asked, format('%L::dcb.query', query) AS query FROM form LOOP
    RETURN NEXT pg_temp.touches(format($q$SELECT count(data) FROM dcb.read('big', %s, max_count => 100)$q$, f.query), 200, state || 'read, first page: ' || f.name);
    RETURN NEXT pg_temp.touches(format($q$SELECT count(data) FROM dcb.read('big', %s, max_count => 100, backwards => true)$q$, f.query), 200, state || 'read, last page: ' || f.name);
    RETURN NEXT pg_temp.touches(format($q$SELECT count(data) FROM dcb.read('big', %s, after => 199900)$q$, f.query), 200, state || 'read the tail: ' || f.name);
    RETURN NEXT pg_temp.touches(format($q$SELECT dcb.exists('big', %s)$q$, f.query), 50, state || 'exists: ' || f.name);
    RETURN NEXT pg_temp.touches(format($q$SELECT dcb.last('big', %s)$q$, f.query), 50, state || 'last: ' || f.name);
    -- The conditional append runs twice and must pass both times: it counts from the head, and its events match nothing.
    RETURN NEXT pg_temp.touches(format($q$SELECT dcb.append('big', ARRAY[dcb.event('Probe', tags => '{probe:1,probe:2}')], %s, dcb.head('big'))$q$, f.query), 80, state || 'append if nothing new: ' || f.name);
    IF NOT dcb.exists('big', f.asked) THEN
      RETURN NEXT pg_temp.touches(format($q$SELECT dcb.append('big', ARRAY[dcb.event('Probe')], %s)$q$, f.query), 80, state || 'append if nothing ever: ' || f.name);
    END IF;
  END LOOP;
  RETURN NEXT pg_temp.touches($q$SELECT dcb.head('big')$q$, 50, state || 'head');
  RETURN NEXT pg_temp.touches($q$SELECT dcb.position_at('big', now() - interval '1 day')$q$, 200, state || 'position_at');
  RETURN NEXT pg_temp.touches($q$SELECT dcb.append('big', ARRAY[dcb.event('Probe')])$q$, 80, state || 'append');
  RETURN NEXT pg_temp.touches($q$SELECT dcb.append('big', ARRAY[dcb.event('Probe')], append_id => gen_random_uuid())$q$, 80, state || 'append with an id');
END $$;
SELECT pg_temp.suite('no statistics: ');
ANALYZE big.event;
SELECT pg_temp.suite('analyzed: ');

-- What the bounds are worth: the same questions without an index.
SELECT cmp_ok(pg_temp.pages($$SELECT FROM big.event WHERE payload IS NOT NULL$$), '>', 2000::bigint, 'looking through the table touches thousands of pages');

SELECT * FROM finish();
ROLLBACK;
