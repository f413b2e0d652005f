-- Tags derived from the data: the expressions, and rules on every way to append that one session can go.
BEGIN;
\ir helpers.psql
SELECT no_plan();

-- Expressions.
SELECT is(dcb.derive_tags('t', path, data::jsonb), tags::text[], path || ' of ' || data) FROM (VALUES
  ('$.id', '{"id": "a"}', '{t:a}'), ('$.id', '{"id": 42}', '{t:42}'), ('$.id', '{"id": true}', '{t:true}'), ('$.id', '{"id": false}', '{t:false}'),
  ('$.id', '{"id": null}', '{}'), ('$.id', '{}', '{}'), ('$.id', '[]', '{}'), ('$.id', '7', '{}'), ('$.id', '{"id": ""}', '{t:}'),
  ('$.id', '{"id": 1e3}', '{t:1000}'), ('$.id', '{"id": -0.10}', '{t:-0.10}'), ('$.id', '{"id": 9223372036854775808}', '{t:9223372036854775808}'),
  ('$.customer.id', '{"customer": {"id": "c1"}}', '{t:c1}'), ('$.ids[*]', '{"ids": ["b", "a", "b", null]}', '{t:a,t:b}'), ('$.ids[*]', '{"ids": "a"}', '{t:a}'),
  ('$.lines[*].item', '{"lines": [{"item": "x"}, {}, {"item": 3}]}', '{t:3,t:x}'), ('$.lines[*] ? (@.n > 1).item', '{"lines": [{"item": "x", "n": 1}, {"item": "y", "n": 2}]}', '{t:y}'),
  ('$."a b"', '{"a b": "ü\"x"}', '{"t:ü\"x"}'), ('$', '"whole"', '{t:whole}'), ('$[*]', '["a"]', '{t:a}'), ('$.*', '{"a": 1, "b": "2"}', '{t:1,t:2}'),
  ('strict $.id', '{"id": "a"}', '{t:a}'), ('$.id.type()', '{"id": "a"}', '{t:string}')) AS v (path, data, tags);
SELECT is(dcb.derive_tags('a:b', '$.id', '{"id": "c"}'), '{a:b:c}', 'a name is what it is');
SELECT is(dcb.derive_tags('t', '$.id', NULL), NULL, 'no data, no answer');

SELECT pg_temp.refuses(format('SELECT dcb.derive_tags(%L, %L, %L)', name, path, data), state, message, detail, '.', path || ' of ' || data) FROM (VALUES
  ('t', '$.id', '{"id": {}}', 'DCB18', 'tag "t" cannot be derived', 'leads to an object'), ('t', '$.id', '{"id": ["a"]}', 'DCB18', 'tag "t" cannot be derived', 'leads to an array'),
  ('t', 'strict $.id', '{}', 'DCB18', 'tag "t" cannot be derived', 'does not contain key "id"'), ('t', '$.id.double()', '{"id": "x"}', 'DCB18', 'tag "t" cannot be derived', 'double\(\)'), ('t', '$x', '{}', 'DCB18', 'tag "t" cannot be derived', 'variable "x"'),
  ('t', '$.', '{}', 'DCB17', 'invalid tag expression', 'The path is refused: '), ('t', '', '{}', 'DCB17', 'invalid tag expression', 'The path is refused: '),
  ('t', repeat('$', 1025), '{}', 'DCB17', 'invalid tag expression', 'The path has 1025 bytes'), ('', '$.id', '{}', 'DCB17', 'invalid tag expression', 'The name has 0 bytes'),
  (repeat('n', 513), '$.id', '{}', 'DCB17', 'invalid tag expression', 'The name has 513 bytes')) AS v (name, path, data, state, message, detail);
SELECT is((pg_temp.failure_of($$SELECT dcb.derive_tags(NULL, '$.x', '{}')$$)).state, '22004', 'no name');
SELECT is((pg_temp.failure_of($$SELECT dcb.derive_tags('t', NULL, '{}')$$)).state, '22004', 'no path');

-- The same tags whatever the session's settings are.
SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL extra_float_digits = 0;
SELECT is(dcb.derive_tags('t', '$.at.datetime()', '{"at": "2026-11-21T10:00:00+01:00"}'), '{t:2026-11-21T10:00:00+01:00}', 'a session''s time zone plays no part');

-- Rules. A cache that a session has filled must not outlive a change.
SELECT dcb.create_store('s');
CREATE FUNCTION pg_temp.last_tags() RETURNS text[] LANGUAGE sql AS $$ SELECT tags FROM dcb.read('s', backwards => true, max_count => 1) $$;
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 7}}')]);
SELECT is(pg_temp.last_tags(), '{}', 'no rule, no tag');
SELECT ok(dcb.tag_rule('s', 'Ordered', 'customer', '$.customer.id'), 'a rule');
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 7}}')]);
SELECT is(pg_temp.last_tags(), '{customer:7}', 'tags what comes after it');
SELECT ok(NOT dcb.tag_rule('s', 'Ordered', 'customer', 'lax $ . "customer" . id'), 'the same rule, though worded otherwise, is not new');
SELECT ok(dcb.tag_rule('s', 'Ordered', 'item', '$.lines[*].item'), 'another rule for the type');
SELECT ok(dcb.tag_rule('s', 'Ordered', 'customer', '$.on_behalf_of'), 'another path for the name');
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 7}, "on_behalf_of": 8, "lines": [{"item": "b"}, {"item": "a"}]}', '{item:a,own}')]);
SELECT is(pg_temp.last_tags(), '{customer:7,customer:8,item:a,item:b,own}', 'all rules and the client''s own tags, sorted, each once');
SELECT dcb.append('s', ARRAY[dcb.event('Other', '{"customer": {"id": 7}}')]);
SELECT is(pg_temp.last_tags(), '{}', 'another type has no rule');
SELECT is((SELECT array_agg(concat_ws(' ', type, name, expression, created_by = current_user)) FROM dcb.tag_rules('s')), ARRAY['Ordered customer $."customer"."id" t', 'Ordered customer $."on_behalf_of" t', 'Ordered item $."lines"[*]."item" t'], 'the rules');

-- Every way to append (dcb.submit and its groups: see the isolation spec and the race).
SELECT dcb.append('s', '[{"type": "Ordered", "data": {"customer": {"id": 9}}}]'::jsonb);
SELECT is(pg_temp.last_tags(), '{customer:9}', 'JSON');
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 1}}'), dcb.event('Other'), dcb.event('Ordered', '{"customer": {"id": 2}}')]);
SELECT is((SELECT array_agg(tags::text ORDER BY position) FROM dcb.read('s', after => 5)), '{"{customer:1}","{}","{customer:2}"}', 'each event of an append');
SELECT pg_temp.refuses($$SELECT dcb.append('s', ARRAY[dcb.event('X')], dcb.query(tags => '{customer:2}'), after => 7)$$, 'DCB01', 'append condition failed', 'with tags \{customer:2\}', '.', 'conditions see derived tags');
SELECT is((SELECT count(*) FROM dcb.read('s', dcb.query(types => '{Ordered}', tags => '{customer:7,item:b}'))), 1::bigint, '… and so do reads');

SAVEPOINT a;
SELECT dcb.schedule('s', now(), ARRAY[dcb.event('Ordered', '{"customer": {"id": 3}}')]);
CALL dcb.run_due('s');
SELECT is(pg_temp.last_tags(), '{customer:3}', 'due commands');
ROLLBACK TO a;

-- An append id stands for what the client said.
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 5}}')], append_id => '00000000-0000-0000-0000-000000000001') AS first \gset
SELECT is(dcb.drop_tag_rule('s', 'Ordered', 'customer', '$.on_behalf_of'), 1::bigint, 'a rule is dropped …');
SELECT is(dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 5}}')], append_id => '00000000-0000-0000-0000-000000000001'), :first::bigint, '… and a repeated append has its answer');
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 7}, "on_behalf_of": 8}')]);
SELECT is(pg_temp.last_tags(), '{customer:7}', 'the other rule of the name stays');

-- Rolled back, a rule is none, dropped or made.
SAVEPOINT a;
SELECT is(dcb.drop_tag_rule('s', 'Ordered', 'customer'), 1::bigint, 'dropped by name');
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 7}}')]);
SELECT is(pg_temp.last_tags(), '{}', 'no longer applied');
SELECT dcb.tag_rule('s', 'Ordered', 'who', '$.customer.id');
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 7}}')]);
SELECT is(pg_temp.last_tags(), '{who:7}', 'another one is');
ROLLBACK TO a;
SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 7}}')]);
SELECT is(pg_temp.last_tags(), '{customer:7}', 'rolled back: as before');

-- Changes by plain SQL count as well.
INSERT INTO s.tag_rule (type, name, expression) VALUES ('Plain', 'p', '$.p');
SELECT dcb.append('s', ARRAY[dcb.event('Plain', '{"p": 1}')]);
SELECT is(pg_temp.last_tags(), '{p:1}', 'INSERT');
UPDATE s.tag_rule SET name = 'q' WHERE type = 'Plain';
SELECT dcb.append('s', ARRAY[dcb.event('Plain', '{"p": 1}')]);
SELECT is(pg_temp.last_tags(), '{q:1}', 'UPDATE');
SAVEPOINT a;
TRUNCATE s.tag_rule;
SELECT dcb.append('s', ARRAY[dcb.event('Plain', '{"p": 1}')]);
SELECT is(pg_temp.last_tags(), '{}', 'TRUNCATE');
ROLLBACK TO a;
SELECT is((pg_temp.failure_of($$INSERT INTO s.tag_rule (type, name, expression) VALUES ('Plain', 'p', '$.')$$)).state, '42601', 'a path that is none');
SELECT is((pg_temp.failure_of($$INSERT INTO s.tag_rule (type, name, expression) VALUES ('Plain', '', '$.p')$$)).state, '23514', 'an empty name');

-- What a rule refuses, no way around.
SELECT dcb.tag_rule('s', 'Strict', 'id', 'strict $.id');
SELECT pg_temp.refuses($$SELECT dcb.append('s', ARRAY[dcb.event('Strict', '{"id": 1}'), dcb.event('Strict')])$$, 'DCB18', 'tag "id" cannot be derived', '^Event 2 of the append: .*"id"', '.', 'a strict path makes the tag mandatory');
SELECT pg_temp.refuses($$SELECT dcb.append('s', ARRAY[dcb.event('Strict', jsonb_build_object('id', repeat('x', 1022)))])$$, 'DCB06', 'the tag of an event is too long', 'Event 1 .* 1025 bytes', '.', 'a derived tag that is too long');
SELECT pg_temp.allows($$SELECT dcb.append('s', ARRAY[dcb.event('Strict', jsonb_build_object('id', repeat('x', 1021)))])$$, '… and one that is not');
SELECT dcb.tag_rule('s', 'Many', 'n', '$[*]');
SELECT pg_temp.refuses($$SELECT dcb.append('s', ARRAY[dcb.event('Many', (SELECT jsonb_agg(n) FROM generate_series(1, 1024) n), '{own}')])$$, 'DCB06', 'too many tags on an event', 'Event 1 of the append has 1025', '.', 'too many tags');

-- Bad rules.
SELECT pg_temp.refuses($$SELECT dcb.tag_rule('s', 'T', 't', '$.')$$, 'DCB17', 'invalid tag expression', 'refused', '.', 'a path that is none');
SELECT pg_temp.refuses($$SELECT dcb.tag_rule('s', 'T', '', '$.x')$$, 'DCB17', 'invalid tag expression', '0 bytes', '.', 'no name');
SELECT pg_temp.refuses($$SELECT dcb.tag_rule('s', '', 't', '$.x')$$, 'DCB06', 'no event can have this type', '0 bytes', '.', 'an empty type');
SELECT pg_temp.refuses($$SELECT dcb.tag_rule('s', repeat('x', 257), 't', '$.x')$$, 'DCB06', 'no event can have this type', '257 bytes', '.', 'a long type');
SELECT pg_temp.refuses($$SELECT dcb.tag_rule('s', NULL, 't', '$.x')$$, '22004', '"type" must not be null', NULL, '.', 'no type');
SELECT pg_temp.refuses($$SELECT dcb.tag_rule('nowhere', 'T', 't', '$.x')$$, 'DCB05', 'does not exist', '.', '.', 'no store');
SELECT pg_temp.refuses($$SELECT dcb.drop_tag_rule('s', 'T', 't', '$.')$$, 'DCB17', 'invalid tag expression', 'refused', '.', 'a path that is none, to be dropped');
SELECT is((pg_temp.failure_of('SELECT dcb.change_tag_rules()')).state, '39P01', 'a trigger function is none to call');

-- Rights: who appends need not see the rules, and cannot change them.
CREATE ROLE rule_appender;
GRANT USAGE ON SCHEMA s TO rule_appender;
GRANT SELECT, INSERT ON s.event TO rule_appender;
SELECT pg_temp.allows($$SELECT dcb.append('s', ARRAY[dcb.event('Ordered', '{"customer": {"id": 11}}')])$$, 'an appender appends', 'rule_appender');
SELECT is(pg_temp.last_tags(), '{customer:11}', '… under the rules');
SELECT is((pg_temp.failure_of(call, 'rule_appender')).state, '42501', call)
FROM (VALUES ($$SELECT dcb.tag_rule('s', 'T', 't', '$.x')$$), ($$SELECT dcb.drop_tag_rule('s', 'Ordered', 'customer')$$), ($$SELECT * FROM dcb.tag_rules('s')$$), ('DELETE FROM s.tag_rule')) AS v (call);
GRANT SELECT, INSERT ON s.tag_rule TO rule_appender;
SELECT pg_temp.allows($$SELECT dcb.tag_rule('s', 'T', 't', '$.x')$$, 'with rights on the table of rules it makes some', 'rule_appender');
SELECT is((SELECT created_by FROM dcb.tag_rules('s') WHERE type = 'T'), 'rule_appender', '… under its name');

SELECT is_empty($$SELECT * FROM dcb.verify('s')$$, 'the store is healthy');
SELECT dcb.create_store('z');
DROP TABLE z.tag_rule;
SELECT pg_temp.refuses($$SELECT dcb.append('z', ARRAY[dcb.event('Ordered')])$$, '55000', 'not a complete store', 'tag_rule', '.', 'without the table nothing is appended');
SELECT lives_ok($$SELECT dcb.drop_store('s', force => true)$$, 'a store goes with its rules');
SELECT hasnt_schema('s');

SELECT * FROM finish();
ROLLBACK;
