-- dcb.query: the bytes of the binary form, as documented for clients. (That the server reads them back is tested over the wire, test/race/query_wire_test.cpp.)
BEGIN;
\ir helpers.psql
SELECT plan(5);

CREATE FUNCTION pg_temp.list(strings text[]) RETURNS bytea LANGUAGE sql AS $$
  SELECT int2send(cardinality(strings)::int2)
         || COALESCE(string_agg(int2send(octet_length(s)::int2) || convert_to(s, 'UTF8'), '' ORDER BY ordinality), '')
  FROM unnest(strings) WITH ORDINALITY AS u (s, ordinality)
$$;
CREATE FUNCTION pg_temp.item(types text[], except_types text[], tags text[], after bigint) RETURNS bytea LANGUAGE sql AS $$
  SELECT CASE WHEN after IS NULL THEN '\x00' ELSE '\x01' || int8send(after) END || pg_temp.list(types) || pg_temp.list(except_types) || pg_temp.list(tags)
$$;

SELECT is(dcb.query_send(dcb.all()), '\x01' || int2send(1::int2) || pg_temp.item('{}', '{}', '{}', NULL), 'match all');
SELECT is(dcb.query_send(dcb.query('{A,Bc}', '{t:1}', '{D}', 258)), '\x01' || int2send(1::int2) || pg_temp.item('{A,Bc}', '{D}', '{t:1}', 258), 'an item with everything');
SELECT is(dcb.query_send(dcb.query(types => '{A}') OPERATOR(dcb.||) dcb.query(tags => '{ü}')),
  '\x01' || int2send(2::int2) || (SELECT string_agg(i, '' ORDER BY i) FROM (VALUES (pg_temp.item('{A}', '{}', '{}', NULL)), (pg_temp.item('{}', '{}', '{ü}', NULL))) AS v (i)),
  'two items, lengths in bytes');
SELECT is(dcb.query_send('{"items":[{"tags":["b","a","b"]}]}'), dcb.query_send(dcb.query(tags => '{a,b}')), 'equal queries have equal bytes');
SELECT is(length(dcb.query_send((SELECT dcb.query(tags => array_agg(repeat('x', 1000) || n)) FROM generate_series(1000, 2023) n))),
  1 + 2 + 1 + 2 + 2 + 2 + 1024 * (2 + 1004), 'a list of 1024 strings');

SELECT finish();
ROLLBACK;
