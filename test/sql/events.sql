-- What an append stores: defaults, tags as a set, payload, metadata, id; the typed form and the JSON form say the same.
BEGIN;
\ir helpers.psql
SELECT plan(33);

SELECT dcb.create_store('e');

-- dcb.event and its defaults.
SELECT is(dcb.event('A'), ROW('A', '{}', '{}', NULL, NULL, NULL)::dcb.new_event, 'dcb.event: defaults');
SELECT is(dcb.event('A', '{"x": 1}', '{t}', '{"m": 2}', '\x00ff', '11111111-1111-1111-1111-111111111111'),
  ROW('A', '{"x": 1}', '{t}', '{"m": 2}', '\x00ff', '11111111-1111-1111-1111-111111111111')::dcb.new_event, 'dcb.event: all arguments, in order');

-- Typed form.
SELECT dcb.append('e', ARRAY[dcb.event('Plain')]);
SELECT results_eq($$SELECT position, type, tags, data, payload, metadata, id FROM e.event$$,
  $$VALUES (1::bigint, 'Plain', '{}'::text[], '{}'::jsonb, NULL::bytea, NULL::jsonb, NULL::uuid)$$, 'stored: defaults');
SELECT dcb.append('e', ARRAY[dcb.event('Full', '[1, {"a": null}]', '{b,a}', '{"by": "ü"}', '\x0001ff00', 'aaaaaaaa-0000-0000-0000-000000000001')]);
SELECT results_eq($$SELECT type, tags, data, payload, metadata, id FROM e.event WHERE position = 2$$,
  $$VALUES ('Full', '{a,b}'::text[], '[1, {"a": null}]'::jsonb, '\x0001ff00'::bytea, '{"by": "ü"}'::jsonb, 'aaaaaaaa-0000-0000-0000-000000000001'::uuid)$$, 'stored: everything');
SELECT results_eq('SELECT * FROM dcb.read(''e'')', 'SELECT * FROM e.event ORDER BY position', 'read answers what is stored');
SELECT is((SELECT array_agg(column_name || ' ' || data_type ORDER BY ordinal_position) FROM information_schema.columns WHERE table_schema = 'e' AND table_name = 'event'),
  '{position bigint,type text,tags ARRAY,data jsonb,payload bytea,metadata jsonb,id uuid,"recorded_at timestamp with time zone"}', 'the event table''s columns and built-in types');
SELECT col_is_pk('e', 'event', 'position', 'position is the primary key');

SELECT is(dcb.append('e', ARRAY[dcb.event('D', NULL), ROW('D', NULL, NULL, NULL, NULL, NULL)::dcb.new_event]), 4::bigint, 'NULL data and NULL tags are taken');
SELECT is((SELECT count(*) FROM e.event WHERE type = 'D' AND data = '{}' AND tags = '{}'), 2::bigint, '… as their defaults');
SELECT dcb.append('e', ARRAY[dcb.event('J', 'null')]);
SELECT is((SELECT data FROM dcb.read('e', dcb.query(types => '{J}'))), 'null'::jsonb, 'JSON null is data');

-- Tags are a set of byte strings.
SELECT dcb.append('e', ARRAY[dcb.event('T', tags => ARRAY['b', 'ä', 'a', 'Z', 'b', 'a b', 'a,b', '{x}', '"q"', 'back\slash', E'tab\t', 'a'])]);
SELECT is((SELECT tags FROM e.event WHERE type = 'T'), ARRAY(SELECT DISTINCT t COLLATE "C" FROM unnest(ARRAY['b', 'ä', 'a', 'Z', 'a b', 'a,b', '{x}', '"q"', 'back\slash', E'tab\t']) t ORDER BY 1),
  'tags are stored once each, sorted by bytes');
SELECT dcb.append('e', ARRAY[dcb.event('U', tags => ARRAY[U&'u\0308', 'ü'])]);
SELECT is((SELECT cardinality(tags) FROM e.event WHERE type = 'U'), 2, 'composed and decomposed letters are different tags');
SELECT dcb.append('e', ARRAY[dcb.event('L', tags => ARRAY[repeat('ü', 512)])]);
SELECT is(pg_temp.positions('e', dcb.query(tags => ARRAY[repeat('ü', 512)])), ARRAY[dcb.head('e')], 'a tag of 1024 bytes is stored and found');
SELECT dcb.append('e', ARRAY[dcb.event('M', tags => (SELECT array_agg('t' || n % 1024) FROM generate_series(1, 1500) n))]);
SELECT is((SELECT cardinality(tags) FROM e.event WHERE type = 'M'), 1024, '1024 tags, counted without duplicates');
SELECT is(pg_temp.positions('e', dcb.query(tags => (SELECT array_agg('t' || n) FROM generate_series(0, 1023) n))), ARRAY[dcb.head('e')], '… found by all 1024 of them');
SELECT is(pg_temp.positions('e', dcb.query(tags => (SELECT array_agg('t' || n) FROM generate_series(1, 1024) n))), '{}', '… and not by 1023 of them and another one');
SELECT dcb.append('e', ARRAY[dcb.event(repeat('ü', 128))]);
SELECT is(pg_temp.positions('e', dcb.query(types => ARRAY[repeat('ü', 128)])), ARRAY[dcb.head('e')], 'a type of 256 bytes is stored and found');

-- Large values.
SELECT dcb.append('e', ARRAY[dcb.event('Big', jsonb_build_object('x', repeat(md5('x'), 100000)), payload => convert_to(repeat(md5('y'), 100000), 'UTF8'))]);
SELECT results_eq($$SELECT md5(data->>'x'), md5(payload) FROM dcb.read('e', dcb.query(types => '{Big}'))$$,
  $$VALUES (md5(repeat(md5('x'), 100000)), md5(repeat(md5('y'), 100000)))$$, 'megabytes of data and payload');

-- JSON form: the same events through both.
SELECT dcb.create_store('typed');
SELECT dcb.create_store('json');
SELECT dcb.append('typed', ARRAY[
  dcb.event('A'),
  dcb.event('B', '{"x": [1, 2.50, "ü", null]}', '{t:2,t:1,t:2}', '{"m": {}}', '\x0001ff', 'aaaaaaaa-0000-0000-0000-000000000002'),
  dcb.event('C', '"text"', '{"a b","c,d"}')]);
SELECT is(dcb.append('json', '[
  {"type": "A"},
  {"id": "aaaaaaaa-0000-0000-0000-000000000002", "payload": "AAH/", "metadata": {"m": {}}, "tags": ["t:2", "t:1", "t:2"], "data": {"x": [1, 2.50, "ü", null]}, "type": "B"},
  {"type": "C", "data": "text", "tags": ["a b", "c,d"]}]'::jsonb), 3::bigint, 'JSON form answers the last position');
SELECT results_eq($$SELECT position, type, tags, data, payload, metadata, id FROM json.event ORDER BY position$$, $$SELECT position, type, tags, data, payload, metadata, id FROM typed.event ORDER BY position$$, 'JSON form and typed form store the same');
SELECT dcb.append('json', '[{"type": "N", "data": null, "tags": [], "metadata": null, "payload": null, "id": null}]'::jsonb);
SELECT results_eq($$SELECT tags, payload, id FROM dcb.read('json', dcb.query(types => '{N}'))$$, $$VALUES ('{}'::text[], NULL::bytea, NULL::uuid)$$, 'JSON form: null is absence');
SELECT is(dcb.append('json', '[{"type": "A"}]'::jsonb, '{"items":[{"types":["A"]}]}', 1), 5::bigint, 'JSON form with a condition given as text');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('json', '[{"type": "A"}]'::jsonb, '{"items":[{"types":["A"]}]}', 4)$$)).state, 'DCB01', 'JSON form: a condition that fails');

-- Positions, order and time.
SELECT is(dcb.append('e', (SELECT array_agg(dcb.event('Many', to_jsonb(n)) ORDER BY n) FROM generate_series(1, 65536) n)), dcb.head('e') + 65536, '65,536 events in one append');
SELECT is((SELECT count(*) FROM (SELECT position - lag(position) OVER (ORDER BY position) AS p, (data::int) - lag(data::int) OVER (ORDER BY position) AS d FROM e.event WHERE type = 'Many') AS x
           WHERE p <> 1 OR d <> 1), 0::bigint, '… in the order given, without a gap');
SELECT is((SELECT array_agg(DISTINCT n) FROM (SELECT position - row_number() OVER (ORDER BY position) AS n FROM e.event) AS x), '{0}', 'positions are 1, 2, 3, …');
SELECT is((SELECT count(DISTINCT recorded_at) FROM e.event WHERE type = 'Many'), 1::bigint, 'the events of one append share their recorded_at');
SELECT is((SELECT count(*) FROM (SELECT recorded_at < lag(recorded_at) OVER (ORDER BY position) AS back FROM e.event) AS x WHERE back), 0::bigint, 'recorded_at never decreases');

-- Several appends in one statement see each other; so does a read behind them.
SELECT is(ARRAY(SELECT dcb.append('json', ARRAY[dcb.event('S', to_jsonb(n))], dcb.query(types => '{S}'), after => n + 4) FROM generate_series(1, 3) n), '{6,7,8}'::bigint[],
  'several appends in one statement');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('json', ARRAY[dcb.event('Once')], dcb.query(types => '{Once}')) FROM generate_series(1, 2)$$)).state, 'DCB01', '… the second one''s condition sees the first one''s event');
WITH appended AS (SELECT dcb.append('json', ARRAY[dcb.event('With')]) AS position)
SELECT is(position, 9::bigint, 'an append in WITH') FROM appended;
SELECT is(dcb.head('json'), 9::bigint, 'a read behind an append in the same transaction sees it');
SELECT is(dcb.append('typed', ARRAY[dcb.event('X')]), 4::bigint, 'stores count on their own');

SELECT finish();
ROLLBACK;
