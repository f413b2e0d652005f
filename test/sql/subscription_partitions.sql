-- Partitions: which events belong to which, and how members of a group share them.
BEGIN;
\ir helpers.psql
SELECT no_plan();

-- The partition of a tag's value is the same everywhere and for ever: checkpoints rely on it.
SELECT is(array_agg(dcb.partition_of(ARRAY['cart:' || value], 'cart', 1000) ORDER BY ordinality), '{315,704,435,852,342,302,390}', 'pinned')
FROM unnest('{a,b,c1,c2,"",ä,a longer value with blanks}'::text[]) WITH ORDINALITY AS v (value, ordinality);
SELECT is(dcb.partition_of('{other:x,carts:x,cart}', 'cart', 1000), 0, 'without such a tag: 0');
SELECT is(dcb.partition_of('{}', 'cart', 1000), 0, 'without tags: 0');
SELECT is(dcb.partition_of('{cart:b,a:z,cart:a}', 'cart', 1000), dcb.partition_of('{cart:a}', 'cart', 1000), 'of several the first in byte order');
SELECT is(dcb.partition_of('{a:b:c}', 'a:b', 1000), dcb.partition_of('{x:c}', 'x', 1000), 'the value is what follows the name');
SELECT ok(min(n) > 50 AND max(n) < 150, 'values are spread evenly') FROM (SELECT count(*) AS n FROM generate_series(1, 1600) AS i GROUP BY dcb.partition_of(ARRAY['cart:' || i], 'cart', 16)) AS c;
SELECT is(count(DISTINCT dcb.partition_of(ARRAY['cart:' || i], 'cart', 16)), 16::bigint, 'over all partitions') FROM generate_series(1, 1600) AS i;
SELECT pg_temp.refuses($$SELECT dcb.partition_of('{a}', 'a', 0)$$, '22023', 'must be positive', NULL, NULL, 'no partitions');
SELECT pg_temp.refuses($$SELECT dcb.partition_of('{NULL}', 'a', 1)$$, '22004', '"tags" must not be null', NULL, '.', 'a null tag');

SELECT dcb.create_store('par');
SELECT dcb.append('par', array_agg(dcb.event('T', tags => CASE WHEN n % 10 > 0 THEN ARRAY['cart:' || n % 37] ELSE '{}' END) ORDER BY n)) FROM generate_series(1, 500) AS n;
SELECT dcb.create_subscription('par', 's', partitions => 4, partition_by => 'cart');
CREATE FUNCTION pg_temp.claimed(consumer text) RETURNS int[] LANGUAGE sql AS $$
  SELECT coalesce(array_agg(partition ORDER BY partition), '{}') FROM dcb.claim('par', 's', consumer, '1 min')
$$;
CREATE FUNCTION pg_temp.expire(consumer text) RETURNS void LANGUAGE sql AS $$
  UPDATE par.checkpoint AS c SET lease_until = clock_timestamp() - interval '1 s' WHERE c.consumer = $1;
  UPDATE par.subscription_member AS m SET lease_until = clock_timestamp() - interval '1 s' WHERE m.consumer = $1;
$$;

-- The partitions together hand out everything once, each in order.
SELECT is(pg_temp.claimed('a'), '{0,1,2,3}', 'the only member has all');
CREATE TEMP TABLE handed_out ON COMMIT DROP AS
  SELECT c.partition, p.position, p.type, p.tags, row_number() OVER () AS ordinality FROM par.checkpoint AS c, LATERAL dcb.poll('par', 's', c.token, c.partition, 1000) AS p;
SELECT results_eq($$SELECT position FROM handed_out WHERE type IS NOT NULL ORDER BY position$$, $$SELECT position FROM dcb.read('par')$$, 'everything, once');
SELECT is_empty($$SELECT * FROM (SELECT position, lag(position) OVER (PARTITION BY partition ORDER BY ordinality) AS before FROM handed_out) AS h WHERE before >= position$$, 'in order');
SELECT is_empty($$SELECT * FROM handed_out WHERE type IS NOT NULL AND partition <> dcb.partition_of(tags, 'cart', 4)$$, 'each from its partition');
SELECT is((SELECT array_agg(partition ORDER BY partition) FROM handed_out WHERE type IS NULL AND position = 500), (SELECT array_agg(partition ORDER BY partition) FROM par.checkpoint AS c WHERE NOT EXISTS (SELECT FROM handed_out AS h WHERE h.partition = c.partition AND h.position = 500 AND type IS NOT NULL)), 'the end is told where it is further than the last event');
SELECT dcb.checkpoint('par', 's', token, 500, partition) FROM par.checkpoint WHERE partition IN (1, 3);
SELECT is((SELECT array_agg(lag_events > 0 ORDER BY partition) FROM dcb.subscriptions('par')), '{t,f,t,f}', 'each partition has its own checkpoint and lag');

-- Members come and go.
CREATE TEMP TABLE old ON COMMIT DROP AS SELECT partition, token FROM par.checkpoint;
SELECT is(pg_temp.claimed('b'), '{}', 'a second member finds nothing free yet');
SELECT is(pg_temp.claimed('a'), '{0,1}', 'the first gives back its surplus');
SELECT is(pg_temp.claimed('b'), '{2,3}', 'the second takes it');
SELECT is(pg_temp.claimed('a'), '{0,1}', 'so it stays');
SELECT is_empty($$SELECT * FROM old JOIN par.checkpoint AS c USING (partition) WHERE (c.token = old.token) <> (partition < 2)$$, 'tokens change with the holder only');
SELECT is((pg_temp.failure_of(format($$SELECT dcb.checkpoint('par', 's', %s, 500, 2)$$, token))).state, 'DCB11', 'the old one is of no use') FROM old WHERE partition = 2;
SELECT is(pg_temp.claimed('c'), '{}', 'a third member');
SELECT is(pg_temp.claimed('b'), '{2}', 'the second has one too many');
SELECT is(pg_temp.claimed('c'), '{3}', 'four among three');
SELECT is(pg_temp.claimed('d'), '{}', 'a fourth');
SELECT is(pg_temp.claimed('a'), '{0}', 'the first gives back');
SELECT is(pg_temp.claimed('d'), '{1}', 'one each');
SELECT is(pg_temp.claimed('e'), '{}', 'a fifth stands by');
SELECT pg_temp.claimed(m) FROM unnest('{a,b,c,d}'::text[]) AS m;
SELECT is((SELECT array_agg(consumer ORDER BY partition) FROM par.checkpoint), '{a,d,b,c}', 'nothing moves');
SELECT pg_temp.expire('b');
SELECT is(pg_temp.claimed('e'), '{2}', 'one dies, the one that stands by takes over');
SELECT is((SELECT count(*) FROM par.subscription_member), 4::bigint, 'the dead one is forgotten');
SELECT pg_temp.expire('a'), pg_temp.expire('d');
SELECT is(pg_temp.claimed('c'), '{0,3}', 'two die, the others share');
SELECT is(pg_temp.claimed('e'), '{1,2}', '… what they held');
SELECT is(pg_temp.claimed('b'), '{}', 'the dead one is back as a new one');
SELECT dcb.release('par', 's', 'c');
SELECT is(pg_temp.claimed('e'), '{1,2}', 'one leaves; with the other there are two');
SELECT is(pg_temp.claimed('b'), '{0,3}', '… who share what it gave back');
SELECT dcb.release('par', 's', 'b'), dcb.release('par', 's', 'e');
SELECT is(pg_temp.claimed('z'), '{0,1,2,3}', 'the last one has all');

-- Every number of members shares every number of partitions without rest.
CREATE FUNCTION pg_temp.settle(members int, partitions int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  shares bigint[];
BEGIN
  PERFORM dcb.drop_subscription('par', 's');
  PERFORM dcb.create_subscription('par', 's', partitions => partitions, partition_by => 'cart');
  FOR round IN 1..3 LOOP
    PERFORM dcb.claim('par', 's', 'm' || m) FROM generate_series(1, members) AS m;
  END LOOP;
  SELECT array_agg(n ORDER BY n DESC) INTO shares FROM (SELECT count(*) AS n FROM par.checkpoint WHERE consumer IS NOT NULL GROUP BY consumer) AS c;
  RETURN array_to_string(shares, ' ');
END $$;
SELECT is(pg_temp.settle(members, partitions), shares, format('%s partitions among %s', partitions, members))
FROM (VALUES (1, 1, '1'), (2, 1, '1'), (1, 7, '7'), (2, 7, '4 3'), (3, 7, '3 2 2'), (4, 7, '2 2 2 1'), (7, 7, '1 1 1 1 1 1 1'), (9, 7, '1 1 1 1 1 1 1'), (5, 64, '13 13 13 13 12')) AS v (members, partitions, shares);

-- A member needs no more than a consumer's rights.
CREATE ROLE member_role;
GRANT USAGE ON SCHEMA par TO member_role;
GRANT SELECT ON par.event TO member_role;
GRANT SELECT, UPDATE ON par.subscription, par.checkpoint TO member_role;
SELECT is((pg_temp.failure_of($$SELECT dcb.claim('par', 's', 'r')$$, 'member_role')).state, '42501', 'without rights on the table of members it does not join');
GRANT SELECT, INSERT, UPDATE, DELETE ON par.subscription_member TO member_role;
SELECT pg_temp.allows($$SELECT dcb.claim('par', 's', 'r'), dcb.release('par', 's', 'r')$$, 'with them it does', 'member_role');

SELECT * FROM finish();
ROLLBACK;
