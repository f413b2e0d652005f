-- Every way to ask a store, against a plain filter over its table, for generated queries over generated events: dcb.read in all its options,
-- exists, count, last, and what an append condition finds. Few types and tags, so that all forms hit and miss; some of the tags are awkward.
BEGIN;
\ir helpers.psql
SELECT plan(13);
SELECT setseed(0.5);

CREATE FUNCTION pg_temp.some(choices text[], most int) RETURNS text[] LANGUAGE sql VOLATILE AS $$
  SELECT ARRAY(SELECT c FROM unnest(choices) AS c ORDER BY random() LIMIT (random() * most)::int)
$$;
CREATE FUNCTION pg_temp.types() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$ SELECT ARRAY['A', 'AA', 'a', 'B', 'Ü', 'x y', 'x,y', 'Rare'] $$;
CREATE FUNCTION pg_temp.tags() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY['c:1', 'c:11', 'C:1', 'c:1,c:2', 'c:2', '{c:1}', '"c:1"', 'c\1', ' c:1', 'c:1 ', E'c\n1', 'c:ü', U&'c:u\0308', '日本', '🙂', '%', '_', 'NULL', '''', '''''', '$1', '1',
               repeat('l', 1023) || 'a', repeat('l', 1023) || 'b', 'A', 'all']
$$;

SELECT dcb.create_store('g');
-- Between appends others are rolled back: they leave index entries of the same tags and types at positions that are then given to other events.
CREATE FUNCTION pg_temp.batch(size int) RETURNS dcb.new_event[] LANGUAGE sql VOLATILE AS $$
  SELECT array_agg(dcb.event((pg_temp.types())[1 + floor(random() * CASE WHEN n % 40 = 0 THEN 8 ELSE 7 END)::int], tags => array_append(pg_temp.some(pg_temp.tags(), 6), 'all')))
  FROM generate_series(1, size) AS n
$$;
DO $$ BEGIN
  FOR batch IN 1..430 LOOP
    IF batch % 3 = 0 THEN
      BEGIN
        PERFORM dcb.append('g', pg_temp.batch(batch % 9 + 1));
        RAISE EXCEPTION USING ERRCODE = 'UNDO1';
      EXCEPTION WHEN SQLSTATE 'UNDO1' THEN NULL;
      END;
    END IF;
    PERFORM dcb.append('g', pg_temp.batch(batch % 14 + 1));
  END LOOP;
END $$;
SELECT cmp_ok(dcb.head('g'), '>', 3000::bigint, 'enough events');

CREATE TEMP TABLE asked ON COMMIT DROP AS
  SELECT q, jsonb_build_object('items', jsonb_agg(
           jsonb_build_object('types', CASE WHEN random() < 0.5 THEN '{}' ELSE pg_temp.some(pg_temp.types(), 3) END,
                              'except', CASE WHEN random() < 0.7 THEN '{}' ELSE pg_temp.some(pg_temp.types(), 4) END,
                              'tags', CASE WHEN random() < 0.2 THEN '{}' ELSE pg_temp.some(pg_temp.tags(), 3) END)
           || CASE WHEN random() < 0.75 THEN '{}' ELSE jsonb_build_object('after', floor(random() * 3001)::bigint) END)) AS query,
         CASE WHEN random() < 0.3 THEN 0 ELSE floor(random() * 3001)::bigint END AS after,
         CASE WHEN random() < 0.5 THEN floor(random() * 3200)::bigint END AS upto,
         CASE WHEN random() < 0.5 THEN floor(random() * 20)::bigint END AS max_count
  FROM generate_series(1, 300) AS q, generate_series(0, floor(random() * 2.5)::int + 0 * q) AS i
  GROUP BY q;

-- The rule. An item's after takes the place of the call's.
CREATE TEMP TABLE wanted ON COMMIT DROP AS
  SELECT a.*, matching.positions
  FROM asked a, LATERAL (
    SELECT COALESCE(array_agg(e.position ORDER BY e.position), '{}') AS positions FROM g.event e
    WHERE EXISTS (SELECT FROM jsonb_to_recordset(a.query->'items') AS item (types text[], "except" text[], tags text[], after bigint)
                  WHERE (cardinality(item.types) = 0 OR e.type = ANY (item.types)) AND e.type <> ALL (item."except") AND e.tags @> item.tags
                    AND e.position > COALESCE(item.after, a.after))) AS matching;
CREATE FUNCTION pg_temp.page(positions bigint[], upto bigint, max_count bigint, backwards boolean) RETURNS bigint[] LANGUAGE sql AS $$
  SELECT ARRAY(SELECT p FROM unnest(positions) AS p WHERE p <= COALESCE(upto, p) ORDER BY CASE WHEN backwards THEN -p ELSE p END LIMIT max_count)
$$;

-- What an append under the condition would say: the first conflicting position and the position it counts from, or NULL. Leaves nothing behind.
CREATE FUNCTION pg_temp.conflict(query dcb.query, after bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  PERFORM dcb.append('g', ARRAY[dcb.event('Probe')], query, after);
  RAISE EXCEPTION USING ERRCODE = 'UNDO1';
EXCEPTION
  WHEN SQLSTATE 'UNDO1' THEN RETURN NULL;
  WHEN SQLSTATE 'DCB01' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN substring(detail FROM '^Event (\d+) of type');
END $$;

SELECT is_empty($$SELECT query, after FROM wanted WHERE pg_temp.positions('g', query::text::dcb.query, after) <> positions LIMIT 3$$, 'read: forwards');
SELECT is_empty($$SELECT query, after, upto, max_count FROM wanted WHERE pg_temp.positions('g', query::text::dcb.query, after, max_count, false, upto)
                  <> pg_temp.page(positions, upto, max_count, false) LIMIT 3$$, 'read: forwards, with limit and upto');
SELECT is_empty($$SELECT query, after FROM wanted WHERE pg_temp.positions('g', query::text::dcb.query, after, NULL, true) <> pg_temp.page(positions, NULL, NULL, true) LIMIT 3$$, 'read: backwards');
SELECT is_empty($$SELECT query, after, upto, max_count FROM wanted WHERE pg_temp.positions('g', query::text::dcb.query, after, max_count, true, upto)
                  <> pg_temp.page(positions, upto, max_count, true) LIMIT 3$$, 'read: backwards, with limit and upto');
SELECT is_empty($$SELECT query, after FROM wanted WHERE dcb.exists('g', query::text::dcb.query, after) <> (positions <> '{}') LIMIT 3$$, 'exists');
SELECT is_empty($$SELECT query, after FROM wanted WHERE dcb.count('g', query::text::dcb.query, after) <> cardinality(positions) LIMIT 3$$, 'count');
SELECT is_empty($$SELECT query, after FROM wanted WHERE after = 0 AND dcb.last('g', query::text::dcb.query) IS DISTINCT FROM positions[cardinality(positions)] LIMIT 3$$, 'last');
SELECT is_empty($$SELECT query, after FROM wanted WHERE pg_temp.conflict(query::text::dcb.query, after) IS DISTINCT FROM positions[1] LIMIT 3$$, 'the append condition finds the first of them');
SELECT is_empty($$SELECT query FROM wanted, LATERAL dcb.read('g', query::text::dcb.query, after) AS r JOIN g.event AS e USING (position)
                  WHERE (r.type, r.tags, r.recorded_at) IS DISTINCT FROM (e.type, e.tags, e.recorded_at) LIMIT 3$$, 'rows are those of the table');

-- Paging through a query with the last position seen reads the same as reading it whole.
CREATE FUNCTION pg_temp.paged(query dcb.query, start bigint) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  got bigint[] := '{}';
  page bigint[];
BEGIN
  LOOP
    page := pg_temp.positions('g', query, start, 97);
    EXIT WHEN page = '{}';
    got := got || page;
    start := page[cardinality(page)];
  END LOOP;
  RETURN got;
END $$;
SELECT is_empty($$SELECT query, after FROM wanted WHERE NOT query @? '$.items[*].after' AND pg_temp.paged(query::text::dcb.query, after) <> positions LIMIT 3$$, 'paging');

-- The cases are worth something.
SELECT cmp_ok((SELECT count(*) FROM wanted WHERE positions <> '{}'), '>', 100::bigint, 'enough queries match something');
SELECT cmp_ok((SELECT count(*) FROM wanted WHERE positions = '{}'), '>', 3::bigint, 'and some match nothing');

SELECT finish();
ROLLBACK;
