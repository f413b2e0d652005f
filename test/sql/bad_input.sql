-- Bad input is refused with a SQLSTATE of its own, a DETAIL and a HINT, and changes nothing. (Bad queries: query_text.sql; rights: rights.sql; direct writes: guard.sql.)
BEGIN;
\ir helpers.psql
SELECT no_plan();

SELECT dcb.create_store('b');
SELECT dcb.append('b', ARRAY[dcb.event('A', tags => '{t}')]);

-- The store.
CREATE SCHEMA no_store;
CREATE SCHEMA other_event;
CREATE TABLE other_event.event (position bigint);
CREATE TEMP TABLE use_of_store (call text) ON COMMIT DROP;
INSERT INTO use_of_store VALUES
  ('dcb.append(%L, ARRAY[dcb.event(''A'')])'), ('dcb.append(%L, ''[{"type":"A"}]''::jsonb)'), ('dcb.read(%L)'), ('dcb.head(%L)'), ('dcb.exists(%L)'), ('dcb.count(%L)'), ('dcb.last(%L)'),
  ('dcb.position_at(%L, now())'), ('dcb.drop_store(%L)');
SELECT pg_temp.refuses('SELECT ' || format(call, 'nowhere'), 'DCB05', '"nowhere" does not exist', 'There (is|are) no table', 'dcb\.(create_store|stores)', 'unknown store: ' || call) FROM use_of_store;
SELECT pg_temp.refuses('SELECT ' || format(call, 'no_store'), 'DCB05', '"no_store" does not exist', 'There (is|are) no table', '.', 'a schema that holds no store: ' || call) FROM use_of_store;
SELECT pg_temp.refuses('SELECT ' || format(call, 'other_event'), '55000', '"other_event" is not a complete store', 'columns', '.', 'a schema with another table event: ' || call) FROM use_of_store WHERE call NOT LIKE '%drop_store%';
SELECT pg_temp.refuses('SELECT ' || format(call, 'B'), 'DCB05', '"B" does not exist', '.', '.', 'a store''s name is not folded: ' || call) FROM use_of_store;
SELECT pg_temp.refuses('SELECT ' || format(call, ''), 'DCB05', '"" does not exist', '.', '.', 'an empty name: ' || call) FROM use_of_store;
SELECT pg_temp.refuses('SELECT ' || format(call, repeat('b', 64)), 'DCB05', 'does not exist', '.', '.', 'a name longer than names can be: ' || call) FROM use_of_store;
SELECT pg_temp.refuses('SELECT ' || format(call, NULL), '22004', 'store', '', '', 'store NULL: ' || call) FROM use_of_store;

-- Events, typed.
CREATE TEMP TABLE bad_event (event text, state text, detail text, why text) ON COMMIT DROP;
INSERT INTO bad_event VALUES
  ('NULL::dcb.new_event', 'DCB03', '2', 'a NULL event'),
  ('dcb.event(NULL)', 'DCB03', '2', 'a NULL type'),
  ('dcb.event('''')', 'DCB03', '2', 'an empty type'),
  ('dcb.event(''A'', tags => ''{NULL}'')', 'DCB03', '2', 'a NULL tag'),
  ('dcb.event(''A'', tags => ''{a,""}'')', 'DCB03', '2', 'an empty tag'),
  ('dcb.event(''A'', tags => ''{{a,b},{c,d}}'')', 'DCB03', '2', 'a two-dimensional array of tags'),
  ('dcb.event(repeat(''x'', 257))', 'DCB06', '257', 'a type of 257 bytes'),
  ('dcb.event(repeat(''ü'', 128) || ''x'')', 'DCB06', '257', 'a type of 257 bytes in 129 characters'),
  ('dcb.event(''A'', tags => ARRAY[repeat(''x'', 1025)])', 'DCB06', '1025', 'a tag of 1025 bytes'),
  ('dcb.event(''A'', tags => ARRAY[repeat(''ü'', 512) || ''x''])', 'DCB06', '1025', 'a tag of 1025 bytes in 513 characters'),
  ('dcb.event(''A'', tags => (SELECT array_agg(''t'' || n) FROM generate_series(1, 1025) n))', 'DCB06', '1025', '1025 tags');
SELECT pg_temp.refuses(format($$SELECT dcb.append('b', ARRAY[dcb.event('Good'), %s])$$, event), state, '.', detail, '.', 'bad event: ' || why) FROM bad_event;
SELECT pg_temp.refuses($$SELECT dcb.append('b', '{}'::dcb.new_event[])$$, 'DCB04', '.', '', '.', 'no events');
SELECT pg_temp.refuses($$SELECT dcb.append('b', NULL::dcb.new_event[])$$, 'DCB04', '.', '', '.', 'events NULL');
SELECT pg_temp.refuses($$SELECT dcb.append('b', ARRAY[ARRAY[dcb.event('A')], ARRAY[dcb.event('B')]])$$, 'DCB03', '.', '.', '.', 'a two-dimensional array of events');
SELECT pg_temp.refuses($$SELECT dcb.append('b', array_agg(dcb.event('A'))) FROM generate_series(1, 65537)$$, 'DCB06', '.', '65537', '.', '65,537 events');

-- Events as JSON.
CREATE TEMP TABLE bad_json (events text, state text, detail text, why text) ON COMMIT DROP;
INSERT INTO bad_json VALUES
  ('[]', 'DCB04', '', 'no events'),
  ('{"type": "A"}', 'DCB03', '.', 'an object'), ('"A"', 'DCB03', '.', 'a string'), ('null', 'DCB03', '.', 'JSON null'), ('1', 'DCB03', '.', 'a number'),
  ('[{"type": "A"}, "B"]', 'DCB03', '2', 'an event that is a string'), ('[{"type": "A"}, null]', 'DCB03', '2', 'an event that is null'), ('[{"type": "A"}, []]', 'DCB03', '2', 'an event that is an array'),
  ('[{"type": "A"}, {}]', 'DCB03', '2', 'no type'), ('[{"type": "A"}, {"type": null}]', 'DCB03', '2', 'type null'), ('[{"type": "A"}, {"type": 5}]', 'DCB03', '2', 'a type that is a number'), ('[{"type": ""}]', 'DCB03', '1', 'an empty type'),
  ('[{"type": "A", "tag": ["x"]}]', 'DCB03', '"tag"', 'an unknown key'), ('[{"type": "A", "Data": {}}]', 'DCB03', '"Data"', 'a key in another case'), ('[{"type": "A", "position": 1}]', 'DCB03', '"position"', 'a position of one''s own'),
  ('[{"type": "A", "tags": "x"}]', 'DCB03', 'tags', 'tags that are a string'), ('[{"type": "A", "tags": {"x": 1}}]', 'DCB03', 'tags', 'tags that are an object'),
  ('[{"type": "A", "tags": [1]}]', 'DCB03', 'tag', 'a tag that is a number'), ('[{"type": "A", "tags": [null]}]', 'DCB03', 'tag', 'a tag that is null'), ('[{"type": "A", "tags": [["x"]]}]', 'DCB03', 'tag', 'a tag that is an array'), ('[{"type": "A", "tags": [""]}]', 'DCB03', 'tag', 'an empty tag'),
  ('[{"type": "A", "payload": 1}]', 'DCB03', 'payload', 'a payload that is a number'), ('[{"type": "A", "payload": "!!!"}]', 'DCB03', 'payload', 'a payload that is no base64'), ('[{"type": "A", "payload": "QQ"}]', 'DCB03', 'payload', 'a payload with half a base64 group'),
  ('[{"type": "A", "id": "nonsense"}]', 'DCB03', 'id', 'an id that is no uuid'), ('[{"type": "A", "id": 7}]', 'DCB03', 'id', 'an id that is a number'),
  ('[{"type": "A", "tags": ["' || repeat('x', 1025) || '"]}]', 'DCB06', '1025', 'a tag of 1025 bytes');
SELECT pg_temp.refuses(format('SELECT dcb.append(''b'', %L::jsonb)', events), state, '.', detail, '.', 'bad JSON event: ' || why) FROM bad_json;
SELECT pg_temp.refuses($$SELECT dcb.append('b', NULL::jsonb)$$, 'DCB04', '.', '', '.', 'JSON events NULL');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('b', '[{"type": "a\u0000b"}]'::jsonb)$$)).state, '22P05', 'a NUL in JSON is refused by the server itself');
SELECT pg_temp.refuses($$SELECT dcb.append('b', ARRAY[dcb.event('X')], '{"items":[{"tags":["a\u0000b"]}]}')$$, 'DCB02', '.', '.', '.', 'a NUL in a query');

-- The condition and its position.
SELECT pg_temp.refuses($$SELECT dcb.append('b', ARRAY[dcb.event('X')], '{"items":[{"type":"A"}]}')$$, 'DCB02', '.', '"type"', '.', 'a bad query as condition');
SELECT pg_temp.refuses($$SELECT dcb.append('b', ARRAY[dcb.event('X')], dcb.all(), after => -1)$$, '22023', 'after', '.', '.', 'after negative');
SELECT pg_temp.refuses($$SELECT dcb.append('b', ARRAY[dcb.event('X')], after => 1)$$, '22023', 'after', '.', '.', 'after without a query: a condition that was forgotten');
SELECT pg_temp.refuses($$SELECT dcb.append('b', ARRAY[dcb.event('X')], dcb.all(), after => 2)$$, 'DCB09', 'position 2', 'position 1', '.', 'after beyond the head');

-- Reading.
SELECT pg_temp.refuses($$SELECT * FROM dcb.read('b', after => -1)$$, '22023', 'after', '.', '.', 'read: after negative');
SELECT pg_temp.refuses($$SELECT * FROM dcb.read('b', upto => -1)$$, '22023', 'upto', '.', '.', 'read: upto negative');
SELECT pg_temp.refuses($$SELECT * FROM dcb.read('b', max_count => -1)$$, '22023', 'max_count', '.', '.', 'read: max_count negative');
SELECT pg_temp.refuses($$SELECT * FROM dcb.read('b', NULL)$$, 'DCB02', '.', 'null', 'dcb\.all', 'read: query NULL, which must not mean everything');
SELECT pg_temp.refuses($$SELECT dcb.exists('b', NULL)$$, 'DCB02', '.', 'null', 'dcb\.all', 'exists: query NULL');
SELECT pg_temp.refuses($$SELECT dcb.count('b', NULL)$$, 'DCB02', '.', 'null', 'dcb\.all', 'count: query NULL');
SELECT pg_temp.refuses($$SELECT dcb.last('b', NULL)$$, 'DCB02', '.', 'null', 'dcb\.all', 'last: query NULL');
SELECT pg_temp.refuses($$SELECT dcb.exists('b', dcb.all(), -1)$$, '22023', 'after', '.', '.', 'exists: after negative');
SELECT pg_temp.refuses($$SELECT dcb.count('b', dcb.all(), -1)$$, '22023', 'after', '.', '.', 'count: after negative');
SELECT pg_temp.refuses($$SELECT dcb.position_at('b', NULL)$$, '22004', '.', '', '', 'position_at: time NULL');
SELECT is((pg_temp.failure_of($$SELECT * FROM dcb.read('b', 'nonsense')$$)).state, 'DCB02', 'read: a bad query');

-- CALL dcb.submit is a transaction of its own, which this one, a test's, is not.
SELECT pg_temp.refuses($$CALL dcb.submit('b', ARRAY[dcb.event('X')])$$, '25001', 'submit', '', '.', 'submit inside a transaction');

-- A read-only transaction.
SELECT is((pg_temp.failure_of($s$DO $$ BEGIN SET LOCAL transaction_read_only = on; PERFORM dcb.append('b', ARRAY[dcb.event('X')]); END $$$s$)).state, '25006', 'append in a read-only transaction');
SELECT is((pg_temp.failure_of($s$DO $$ BEGIN SET LOCAL transaction_read_only = on; PERFORM * FROM dcb.read('b'); END $$$s$)).state, NULL, 'read in a read-only transaction');

-- Nothing was written by any of these.
SELECT results_eq('SELECT position, type FROM b.event', $$VALUES (1::bigint, 'A')$$, 'nothing was written');
SELECT is_empty('SELECT * FROM b.append_id', 'nor an append id');
SELECT is(dcb.append('b', ARRAY[dcb.event('A')]), 2::bigint, 'the next append goes on where the log ended');

SELECT * FROM finish();
ROLLBACK;
