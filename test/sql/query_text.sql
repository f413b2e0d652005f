-- dcb.query: text form, constructor, union, equality and hash.
BEGIN;
\ir helpers.psql
-- Operators of dcb.query live in the schema dcb.
SET LOCAL search_path = public, dcb;
SELECT no_plan();

-- Output is canonical, whatever was put in.
CREATE TEMP TABLE canonical (input text, output text, why text) ON COMMIT DROP;
INSERT INTO canonical VALUES
  ('{"items":[{}]}', '{"items": [{}]}', 'an item without constraints matches all'),
  (' { "items" : [ { "types" : [ "A" ] } ] } ', '{"items": [{"types": ["A"]}]}', 'white space'),
  ('{"items":[{"types":["B","A","B"]}]}', '{"items": [{"types": ["A", "B"]}]}', 'types sorted and without duplicates'),
  ('{"items":[{"tags":["b:2","a:1","b:2"]}]}', '{"items": [{"tags": ["a:1", "b:2"]}]}', 'tags sorted and without duplicates'),
  ('{"items":[{"except":["B","A","A"]}]}', '{"items": [{"except": ["A", "B"]}]}', 'excluded types sorted and without duplicates'),
  ('{"items":[{"types":[],"except":[],"tags":[]}]}', '{"items": [{}]}', 'empty lists left out'),
  ('{"items":[{"after":7,"tags":["t"],"except":["E"],"types":["A"]}]}', '{"items": [{"types": ["A"], "except": ["E"], "tags": ["t"], "after": 7}]}', 'order of the keys'),
  ('{"items":[{"after":0}]}', '{"items": [{"after": 0}]}', 'an after of zero is kept: it wins over the call''s'),
  ('{"items":[{"after":9223372036854775807}]}', '{"items": [{"after": 9223372036854775807}]}', 'the largest after'),
  ('{"items":[{"tags":["a\"b","c\\d","e\nf","ü","\u00fc"]}]}', '{"items": [{"tags": ["a\"b", "c\\d", "e\nf", "ü"]}]}', 'escapes are text, equal strings are one'),
  ('{"items":[{"tags":["\ud83d\ude00"]}]}', '{"items": [{"tags": ["😀"]}]}', 'surrogate pairs'),
  ('{"items":[{"tags":["a,b","{c}","d e","items"]}]}', '{"items": [{"tags": ["a,b", "d e", "items", "{c}"]}]}', 'delimiters are ordinary characters'),
  ('{"items":[{"types":["B"]},{"types":["A"]},{"types":["B"]}]}', '{"items": [{"types": ["A"]}, {"types": ["B"]}]}', 'items sorted and without duplicates');
SELECT is(input::dcb.query::text, output, 'text: ' || why) FROM canonical;
SELECT is(output::dcb.query::text, output, 'text: canonical output reads back as itself: ' || why) FROM canonical;

-- Constructor.
SELECT is(dcb.all()::text, '{"items": [{}]}', 'dcb.all() is one item without constraints');
SELECT is(dcb.query()::text, '{"items": [{}]}', 'dcb.query() is dcb.all()');
SELECT is(dcb.query('{B,A}', '{t,s}', '{D,C}', 5)::text, '{"items": [{"types": ["A", "B"], "except": ["C", "D"], "tags": ["s", "t"], "after": 5}]}', 'dcb.query with all arguments, in order');
SELECT is(dcb.query(types => '{A}', after => 0)::text, '{"items": [{"types": ["A"], "after": 0}]}', 'dcb.query keeps an after of zero');

-- Union.
SELECT is((dcb.query(types => '{B}') || dcb.query(types => '{A}'))::text, '{"items": [{"types": ["A"]}, {"types": ["B"]}]}', 'union holds the items of both');
SELECT is((dcb.query(types => '{A}') || dcb.query(types => '{A}'))::text, '{"items": [{"types": ["A"]}]}', 'union folds equal items');
SELECT is((dcb.query(types => '{A}') || dcb.query(types => '{B}')) || dcb.query(types => '{C}'), dcb.query(types => '{C}') || (dcb.query(types => '{B}') || dcb.query(types => '{A}')), 'union is associative and commutative');
SELECT is((dcb.query('{A}', after => 3) || dcb.query(types => '{A}'))::text::dcb.query, '{"items":[{"types":["A"]},{"types":["A"],"after":3}]}'::dcb.query, 'items that differ in after alone stay apart');
SELECT is(dcb.query(types => '{A}') || NULL::dcb.query, NULL, 'union with NULL is NULL');

SELECT is(dcb.any_of(dcb.query(types => '{B}'), dcb.query(tags => '{t}'), dcb.query(types => '{B}')), dcb.query(types => '{B}') || dcb.query(tags => '{t}'), 'dcb.any_of is the union');
SELECT is(dcb.any_of(dcb.query(types => '{B}')), dcb.query(types => '{B}'), 'dcb.any_of of one query is that query');
SELECT is(dcb.any_of(VARIADIC ARRAY[dcb.query(types => '{B}'), dcb.all()]), '{"items": [{}, {"types": ["B"]}]}'::dcb.query, 'dcb.any_of of an array');
SELECT pg_temp.refuses($$SELECT dcb.any_of(VARIADIC '{}'::dcb.query[])$$, 'DCB02', '.', '.', '.', 'dcb.any_of of nothing');
SELECT pg_temp.refuses($$SELECT dcb.any_of(dcb.all(), NULL)$$, '22004', '.', '', '.', 'dcb.any_of with a NULL');

-- Equality and hash agree with the canonical form.
SELECT ok('{"items":[{"types":["B","A"]},{"tags":["x"]}]}'::dcb.query = '{"items":[{"tags":["x","x"]},{"types":["A","B"]}]}'::dcb.query, 'equal whatever the order');
SELECT ok(NOT ('{"items":[{"types":["B","A"]}]}'::dcb.query <> dcb.query(types => '{A,B}')), '<> is the negation');
SELECT ok(dcb.query(types => '{A}') <> dcb.query(tags => '{A}'), 'a type is no tag');
SELECT ok(dcb.query(types => '{A}') <> dcb.query(except_types => '{A}'), 'a type is no excluded type');
SELECT ok(dcb.query(types => '{A}') <> dcb.query('{A}', after => 0), 'an after of zero is not no after');
SELECT ok(dcb.query(types => '{AB}') <> dcb.query(types => '{A,B}'), 'strings do not run into each other');
SELECT is(count(*), 3::bigint, 'GROUP BY hashes equal queries into one group')
FROM (SELECT q FROM (VALUES (dcb.query(types => '{A,B}')), (dcb.query(types => '{B,A}')), (dcb.query(types => '{A}')), (dcb.all()), ('{"items":[{"tags":[]}]}'::dcb.query)) AS v (q) GROUP BY q) AS grouped;
SELECT is(
  (SELECT array_agg(DISTINCT c.input::dcb.query = d.input::dcb.query) FROM canonical c JOIN canonical d ON c.output = d.output), '{t}',
  'inputs of one canonical form are equal');

-- Errors: DCB02 with a detail that names the offence, and a hint.
CREATE TEMP TABLE bad (input text, detail text, why text) ON COMMIT DROP;
INSERT INTO bad VALUES
  ('', '.', 'empty text'), ('{', '.', 'truncated JSON'), ('nonsense', '.', 'no JSON'), ('[]', '.', 'an array'), ('null', '.', 'JSON null'), ('"x"', '.', 'a string'), ('7', '.', 'a number'),
  ('{}', 'items', 'no items'), ('{"items":[]}', '.', 'empty items'), ('{"items":{}}', '.', 'items no array'), ('{"items":null}', '.', 'items null'),
  ('{"items":[1]}', '.', 'an item that is a number'), ('{"items":[[]]}', '.', 'an item that is an array'), ('{"items":[null]}', '.', 'an item that is null'),
  ('{"items":[{}],"more":1}', 'more', 'unknown key at the top'), ('{"items":[{"typs":["A"]}]}', 'typs', 'unknown key in an item: a misspelt constraint must not be no constraint'),
  ('{"items":[{"types":"A"}]}', 'types', 'types no array'), ('{"items":[{"types":[1]}]}', 'types', 'a type that is a number'), ('{"items":[{"types":[null]}]}', 'types', 'a type that is null'),
  ('{"items":[{"types":[["A"]]}]}', 'types', 'a type that is an array'), ('{"items":[{"types":null}]}', 'types', 'types null'),
  ('{"items":[{"except":"A"}]}', 'except', 'except no array'), ('{"items":[{"except":[true]}]}', 'except', 'an excluded type that is a boolean'),
  ('{"items":[{"tags":{"a":1}}]}', 'tags', 'tags no array'), ('{"items":[{"tags":[{}]}]}', 'tags', 'a tag that is an object'),
  ('{"items":[{"tags":[""]}]}', 'tag', 'an empty tag'), ('{"items":[{"types":[""]}]}', 'type', 'an empty type'), ('{"items":[{"except":[""]}]}', 'type', 'an empty excluded type'),
  ('{"items":[{"after":"5"}]}', 'after', 'after a string'), ('{"items":[{"after":1.5}]}', 'after', 'after no integer'), ('{"items":[{"after":-1}]}', 'after', 'after negative'),
  ('{"items":[{"after":null}]}', 'after', 'after null'), ('{"items":[{"after":9223372036854775808}]}', 'after', 'after too large'), ('{"items":[{"after":1e30}]}', 'after', 'after far too large'),
  ('{"items":[{"tags":["a\u0000b"]}]}', '.', 'a NUL'), ('{"items":[{"tags":["\ud800"]}]}', '.', 'half a surrogate pair'), ('{"items":[{}]} x', '.', 'text behind the object');
SELECT pg_temp.refuses(format('SELECT %L::dcb.query', input), 'DCB02', '.', detail, '.', 'bad query: ' || why) FROM bad;

-- Limits, one above and exactly at each.
SELECT pg_temp.refuses(format('SELECT %L::dcb.query', '{"items":[{"types":["' || repeat('x', 257) || '"]}]}'), 'DCB06', '.', '257', '.', 'limit: a type of 257 bytes');
SELECT pg_temp.refuses(format('SELECT %L::dcb.query', '{"items":[{"tags":["' || repeat('ü', 512) || 'x"]}]}'), 'DCB06', '.', '1025', '.', 'limit: a tag of 1025 bytes in 513 characters');
SELECT pg_temp.refuses($$SELECT dcb.query(tags => array_agg('t' || n)) FROM generate_series(1, 1025) n$$, 'DCB06', '.', '1025', '.', 'limit: 1025 tags in an item');
SELECT pg_temp.refuses($$SELECT dcb.query(types => array_agg('t' || n)) FROM generate_series(1, 1025) n$$, 'DCB06', '.', '1025', '.', 'limit: 1025 types in an item');
SELECT pg_temp.refuses($$SELECT dcb.query(except_types => array_agg('t' || n)) FROM generate_series(1, 1025) n$$, 'DCB06', '.', '1025', '.', 'limit: 1025 excluded types in an item');
SELECT pg_temp.refuses($$SELECT ('{"items":[' || string_agg('{"types":["' || n || '"]}', ',') || ']}')::dcb.query FROM generate_series(1, 1025) n$$, 'DCB06', '.', '1025', '.', 'limit: 1025 items');
SELECT pg_temp.refuses($$SELECT dcb.any_of(VARIADIC array_agg(dcb.query(types => ARRAY(SELECT 't' || n || '-' || i FROM generate_series(1, 1024) n)))) FROM generate_series(1, 5) i$$, 'DCB06', '.', '5120', '.', 'limit: 5120 strings in a query');
SELECT lives_ok(format('SELECT %L::dcb.query', '{"items":[{"types":["' || repeat('x', 256) || '"],"tags":["' || repeat('ü', 512) || '"]}]}'), 'limit: 256 and 1024 bytes are allowed');
SELECT lives_ok($$SELECT dcb.query(array_agg('t' || n), array_agg('t' || n), array_agg('u' || n)) FROM generate_series(1, 1024) n$$, 'limit: 1024 strings in each list are allowed');
SELECT lives_ok($$SELECT ('{"items":[' || string_agg('{"types":["' || n || '"]}', ',') || ']}')::dcb.query FROM generate_series(1, 1024) n$$, 'limit: 1024 items are allowed');

-- The constructor refuses what the text form refuses.
SELECT pg_temp.refuses($$SELECT dcb.query(types => '{NULL}')$$, 'DCB02', '.', 'type', '.', 'constructor: a NULL type');
SELECT pg_temp.refuses($$SELECT dcb.query(tags => '{a,NULL}')$$, 'DCB02', '.', 'tag', '.', 'constructor: a NULL tag');
SELECT pg_temp.refuses($$SELECT dcb.query(tags => '{""}')$$, 'DCB02', '.', 'tag', '.', 'constructor: an empty tag');
SELECT pg_temp.refuses($$SELECT dcb.query(tags => '{{a,b},{c,d}}')$$, 'DCB02', '.', '.', '.', 'constructor: a two-dimensional array');
SELECT pg_temp.refuses($$SELECT dcb.query(after => -1)$$, 'DCB02', '.', 'after', '.', 'constructor: after negative');

SELECT * FROM finish();
ROLLBACK;
