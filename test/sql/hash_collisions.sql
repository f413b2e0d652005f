-- The tag index keeps hashes of tags and, shorter ones, of types. A hash proves nothing: tags and types made to collide under the index's hash
-- functions are told apart in reads and conditions alike.
BEGIN;
\ir helpers.psql
SELECT plan(21);

\set cart '\'cart:collision-00000001A\''
\set twin '\'cart:collide&WP7zHFvBQ2V\''
\set opened_as_tag '\'type:collideY6i7]0ML=l4g\''

-- The index's hash functions; the seeds spell "tag.dcb!" and "type.dcb".
CREATE FUNCTION pg_temp.tag_hash(tag text) RETURNS bigint LANGUAGE sql AS $$ SELECT hashtextextended(tag COLLATE "C", x'7461672e64636221'::bigint) $$;
CREATE FUNCTION pg_temp.type_bits(type text) RETURNS int LANGUAGE sql AS $$
  SELECT (hashtextextended(type COLLATE "C", x'747970652e646362'::bigint) & 16777215)::int
$$;
SELECT is(pg_temp.tag_hash(:cart), pg_temp.tag_hash(:twin), 'given: two tags of one hash');
SELECT is(pg_temp.type_bits('Type634'), pg_temp.type_bits('Type1394'), 'given: two types of one short hash');

SELECT dcb.create_store('h');
SELECT dcb.append('h', ARRAY[
  dcb.event('Type634', tags => ARRAY[:cart]), dcb.event('Type1394', tags => ARRAY[:twin]), dcb.event('Type634', tags => ARRAY[:cart, :twin]), dcb.event('Opened'),
  dcb.event('Closed', tags => ARRAY[:opened_as_tag]), dcb.event('Opened', tags => ARRAY[:opened_as_tag, :cart])]);

SELECT is(pg_temp.positions('h', dcb.query(tags => ARRAY[:cart])), '{1,3,6}', 'read: a tag');
SELECT is(pg_temp.positions('h', dcb.query(tags => ARRAY[:twin])), '{2,3}', 'read: its twin');
SELECT is(pg_temp.positions('h', dcb.query(tags => ARRAY[:cart, :twin])), '{3}', 'read: both');
SELECT is(pg_temp.positions('h', dcb.query(tags => ARRAY[:cart, :twin]), backwards => true), '{3}', 'read: both, backwards');
SELECT is(pg_temp.positions('h', dcb.query(types => '{Type634}')), '{1,3}', 'read: a type');
SELECT is(pg_temp.positions('h', dcb.query(types => '{Type1394}')), '{2}', 'read: its twin');
SELECT is(pg_temp.positions('h', dcb.query(types => '{Type634}', tags => ARRAY[:twin])), '{3}', 'read: type and tag');
SELECT is(pg_temp.positions('h', dcb.query(except_types => '{Type1394}')), '{1,3,4,5,6}', 'read: all but a type');
SELECT is(pg_temp.positions('h', dcb.query(tags => ARRAY[:twin], except_types => '{Type634}')), '{2}', 'read: a tag, but not of a type');
SELECT is(pg_temp.positions('h', dcb.query(types => '{Opened}')), '{4,6}', 'read: a type whose entry a tag collides with');
SELECT is(pg_temp.positions('h', dcb.query(tags => ARRAY[:opened_as_tag])), '{5,6}', 'read: that tag');
SELECT is(pg_temp.positions('h', max_count => 1, query => dcb.query(tags => ARRAY[:twin])), '{2}', 'a limit counts matches, not candidates');
SELECT is(ARRAY[dcb.count('h', dcb.query(tags => ARRAY[:twin])), dcb.last('h', dcb.query(types => '{Type1394}'))], '{2,2}', 'count and last');
SELECT is(dcb.exists('h', dcb.query(types => '{Type1394}'), 2), false, 'exists');

SELECT is((pg_temp.failure_of(format($$SELECT dcb.append('h', ARRAY[dcb.event('X')], dcb.query(tags => ARRAY[%L]), 3)$$, :twin))).state, NULL, 'condition: the twin''s event is no conflict: a tag');
SELECT is((pg_temp.failure_of(format($$SELECT dcb.append('h', ARRAY[dcb.event('X')], dcb.query(tags => ARRAY[%L]), 3)$$, :cart))).detail ~ '^Event 6 ', true, 'condition: the tag itself is one');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('h', ARRAY[dcb.event('X')], dcb.query(types => '{Type1394}'), 2)$$)).state, NULL, 'condition: the twin''s event is no conflict: a type');

-- Many types: among 16,000 of them several share a short hash, whatever the hash is. Each finds its own event and no other.
SELECT dcb.create_store('many');
SELECT dcb.append('many', array_agg(dcb.event('Type' || n) ORDER BY n)) FROM generate_series(1, 16000) n;
SELECT cmp_ok((SELECT count(*) - count(DISTINCT pg_temp.type_bits('Type' || n)) FROM generate_series(1, 16000) n), '>', 1::bigint, 'given: types that collide');
SELECT is_empty($$SELECT n FROM generate_series(1, 16000) n WHERE pg_temp.positions('many', dcb.query(types => ARRAY['Type' || n])) <> ARRAY[n]::bigint[] LIMIT 5$$, 'each of 16,000 types finds its own event only');

SELECT finish();
ROLLBACK;
