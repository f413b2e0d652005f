-- Subscriptions: what is handed out and what is not, tokens and leases, checkpoints, failing, parking, rewinding, another history, rights.
BEGIN;
\ir helpers.psql
SELECT no_plan();

SELECT dcb.create_store('sub');
SELECT dcb.append('sub', array_agg(dcb.event('T' || n % 2, tags => ARRAY['id:' || n % 3, 'cart:' || n]) ORDER BY n)) FROM generate_series(1, 12) AS n;

-- What a poll answers: positions, and at the end, in brackets, how far it looked.
CREATE FUNCTION pg_temp.polled(name text, token bigint, partition int DEFAULT 0, max_count int DEFAULT 100) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(CASE WHEN type IS NULL THEN '[' || position || ']' ELSE position::text END, ' ' ORDER BY ordinality), '')
  FROM (SELECT *, row_number() OVER () AS ordinality FROM dcb.poll('sub', name, token, partition, max_count)) AS p
$$;
CREATE FUNCTION pg_temp.claimed(name text, consumer text, lease interval DEFAULT '1 min') RETURNS int[] LANGUAGE sql AS $$
  SELECT coalesce(array_agg(partition ORDER BY partition), '{}') FROM dcb.claim('sub', name, consumer, lease)
$$;
CREATE FUNCTION pg_temp.token(name text, partition int DEFAULT 0) RETURNS bigint LANGUAGE sql AS $$
  SELECT c.token FROM sub.checkpoint AS c WHERE (c.name, c.partition) = ($1, $2)
$$;
-- The time is up for a lease.
CREATE FUNCTION pg_temp.expire(name text, consumer text) RETURNS void LANGUAGE sql AS $$
  UPDATE sub.checkpoint AS c SET lease_until = clock_timestamp() - interval '1 s' WHERE (c.name, c.consumer) = ($1, $2);
  UPDATE sub.subscription_member AS m SET lease_until = clock_timestamp() - interval '1 s' WHERE (m.name, m.consumer) = ($1, $2);
$$;

-- Creating.
SELECT lives_ok($$SELECT dcb.create_subscription('sub', 'all')$$, 'created');
SELECT pg_temp.refuses($$SELECT dcb.create_subscription('sub', 'all')$$, '42710', 'exists already', 'once', 'Drop it', 'not twice');
SELECT lives_ok($$SELECT dcb.create_subscription('sub', 'all', if_not_exists => true)$$, 'unless asked for');
SELECT pg_temp.refuses(format($$SELECT dcb.create_subscription('sub', 'all', %s, if_not_exists => true)$$, difference), '42710', 'exists already', 'another query or other partitions', 'Drop it', 'but not with ' || difference)
FROM (VALUES ($$dcb.query(types => '{T1}')$$), ($$partitions => 2, partition_by => 'cart'$$), ($$partition_by => 'cart'$$)) AS v (difference);
SELECT dcb.create_subscription('sub', 'even', dcb.query('{T0}', '{id:0}'));
SELECT lives_ok($$SELECT dcb.create_subscription('sub', 'even', '{"items": [{"tags": ["id:0"], "types": ["T0", "T0"]}]}', if_not_exists => true)$$, 'the same query written otherwise is the same');
SELECT dcb.create_subscription('sub', 'from 10', start_after => 10);
SELECT dcb.create_subscription('sub', 'new ones', start_after => NULL);
SELECT dcb.create_subscription('sub', 'none', dcb.query(types => '{None}'));
SELECT dcb.create_subscription('sub', 'own after', dcb.any_of(dcb.query('{T0}', after => 7), dcb.query('{T1}', after => 2)));

-- Claiming and polling.
SELECT is(pg_temp.claimed(name, 'a'), '{0}', 'the first consumer gets it: ' || name) FROM sub.subscription;
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '1 2 3 4 5 6 7 8 9 10 11 12', 'all');
SELECT is(pg_temp.polled('all', pg_temp.token('all'), max_count => 5), '1 2 3 4 5', 'no more than asked for, and no end then');
SELECT is(pg_temp.polled('all', pg_temp.token('all'), max_count => 12), '1 2 3 4 5 6 7 8 9 10 11 12', 'as many as there are');
SELECT is(pg_temp.polled('even', pg_temp.token('even')), '6 12', 'what matches; the last event is the end');
SELECT is(pg_temp.polled('even', pg_temp.token('even'), max_count => 1), '6', 'the first of them');
SELECT is(pg_temp.polled('from 10', pg_temp.token('from 10')), '11 12', 'after a position');
SELECT is(pg_temp.polled('new ones', pg_temp.token('new ones')), '', 'none yet');
SELECT is(pg_temp.polled('none', pg_temp.token('none')), '[12]', 'nothing matches, but the log was looked through');
SELECT is(pg_temp.polled('own after', pg_temp.token('own after')), '3 5 7 8 9 10 11 12', 'items with positions of their own');
SELECT is((SELECT p::text FROM dcb.poll('sub', 'even', pg_temp.token('even'), max_count => 1) AS p), (SELECT r::text FROM dcb.read('sub', dcb.query('{T0}', '{id:0}'), max_count => 1) AS r), 'the rows are those of dcb.read');

-- Checkpoints.
SELECT lives_ok($$SELECT dcb.checkpoint('sub', 'all', pg_temp.token('all'), 5)$$, 'checkpoint');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '6 7 8 9 10 11 12', 'goes on after it');
SELECT lives_ok($$SELECT dcb.checkpoint('sub', 'all', pg_temp.token('all'), 5)$$, 'again is no error');
SELECT pg_temp.refuses($$SELECT dcb.checkpoint('sub', 'all', pg_temp.token('all'), 4)$$, '22023', 'does not go back', '5.*4', 'rewind', 'never back');
SELECT pg_temp.refuses($$SELECT dcb.checkpoint('sub', 'all', pg_temp.token('all'), 13)$$, 'DCB09', '13 is beyond the head', '12', '.', 'never ahead of the head');
SELECT dcb.checkpoint('sub', 'none', pg_temp.token('none'), 12);
SELECT is(pg_temp.polled('none', pg_temp.token('none')), '', 'an end is told once only');
SELECT dcb.checkpoint('sub', 'own after', pg_temp.token('own after'), 8);
SELECT is(pg_temp.polled('own after', pg_temp.token('own after')), '9 10 11 12', 'an item''s own position does not bring back what was dealt with');
SELECT dcb.append('sub', ARRAY[dcb.event('T0', tags => '{id:0}'), dcb.event('Other')]);
SELECT is(pg_temp.polled('none', pg_temp.token('none')), '[14]', 'the log went on');
SELECT is(pg_temp.polled('even', pg_temp.token('even'), max_count => 3), '6 12 13', 'a new one; no end, since there may be more');
SELECT is(pg_temp.polled('even', pg_temp.token('even'), max_count => 4), '6 12 13 [14]', 'now the end is sure');
SELECT is(pg_temp.polled('new ones', pg_temp.token('new ones')), '13 14', 'what came after its creation');

-- One consumer at a time.
SELECT is(pg_temp.claimed('all', 'b'), '{}', 'another one gets nothing');
CREATE TEMP TABLE old ON COMMIT DROP AS SELECT pg_temp.token('all') AS token;
SELECT is(pg_temp.claimed('all', 'a'), '{0}', 'the first keeps it');
SELECT is(pg_temp.token('all'), (SELECT token FROM old), 'with the same token');
SELECT pg_temp.expire('all', 'a');
SELECT is(pg_temp.claimed('all', 'a'), '{0}', 'also after its lease has ended, if nobody noticed');
SELECT is(pg_temp.token('all'), (SELECT token FROM old), 'still with the same token');
SELECT pg_temp.expire('all', 'a');
SELECT is(pg_temp.polled('all', pg_temp.token('all'), max_count => 1), '6', 'without a lease it may go on');
SELECT is(pg_temp.claimed('all', 'b'), '{0}', 'until another one takes over');
SELECT isnt(pg_temp.token('all'), (SELECT token FROM old), 'by another token');
SELECT is(pg_temp.claimed('all', 'a'), '{}', 'now it has lost it');
SELECT pg_temp.refuses(format(call, token), 'DCB11', 'partition 0 of subscription "all" was taken over', 'consumer "b"', 'claim', 'taken over: ' || call)
FROM old, (VALUES ($$SELECT * FROM dcb.poll('sub', 'all', %s)$$), ($$SELECT dcb.checkpoint('sub', 'all', %s, 7)$$), ($$SELECT dcb.checkpoint('sub', 'all', %s, 5)$$), ($$SELECT dcb.checkpoint('sub', 'all', %s, 4)$$),
  ($$SELECT dcb.park('sub', 'all', %s, 6, 'r')$$), ($$SELECT dcb.fail('sub', 'all', %s, 'e')$$), ($$SELECT dcb.fail('sub', 'all', %s, 'e', true)$$)) AS v (call);
SELECT is((SELECT state FROM sub.subscription WHERE name = 'all'), 'active', 'who has lost it does not stop it');
UPDATE old SET token = pg_temp.token('all');
SELECT dcb.release('sub', 'all', 'b');
SELECT pg_temp.refuses(format($$SELECT dcb.checkpoint('sub', 'all', %s, 7)$$, token), 'DCB11', 'taken over', 'Nobody', 'claim', 'released is lost too') FROM old;
SELECT is(pg_temp.claimed('all', 'a'), '{0}', 'released, it is free at once');
SELECT lives_ok($$SELECT dcb.release('sub', 'all', 'nobody')$$, 'who holds nothing may release');
SELECT is(pg_temp.claimed('all', 'a', '1 h'), '{0}', 'a longer lease …');
SELECT ok(lease_until > clock_timestamp() + interval '59 min', '… counts') FROM sub.checkpoint WHERE name = 'all';
SELECT is(pg_temp.claimed('all', 'a', '1 s'), '{0}', 'a shorter one …');
SELECT ok(lease_until > clock_timestamp() + interval '59 min', '… does not take away') FROM sub.checkpoint WHERE name = 'all';

-- A dropped subscription's token is of no use for one created anew.
DELETE FROM old;
INSERT INTO old SELECT pg_temp.token('from 10');
SELECT is(dcb.drop_subscription('sub', 'from 10'), true, 'dropped');
SELECT is(dcb.drop_subscription('sub', 'from 10'), false, 'there is none to drop');
SELECT is((SELECT count(*) FROM sub.checkpoint WHERE name = 'from 10'), 0::bigint, 'nothing of it is left');
SELECT pg_temp.refuses(format(call, token), 'DCB13', 'subscription "from 10" of store "sub" does not exist', NULL, 'create_subscription', 'gone: ' || call)
FROM old, (VALUES ($$SELECT * FROM dcb.poll('sub', 'from 10', %s)$$), ($$SELECT dcb.checkpoint('sub', 'from 10', %s, 7)$$), ($$SELECT dcb.claim('sub', 'from 10', 'a')$$), ($$SELECT dcb.release('sub', 'from 10', 'a')$$),
  ($$SELECT dcb.park('sub', 'from 10', %s, 6, 'r')$$), ($$SELECT dcb.fail('sub', 'from 10', %s, 'e')$$), ($$SELECT dcb.pause('sub', 'from 10')$$), ($$SELECT dcb.resume('sub', 'from 10')$$), ($$SELECT dcb.rewind('sub', 'from 10', 0)$$),
  ($$SELECT dcb.pending('sub', 'from 10')$$), ($$SELECT dcb.parked_events('sub', 'from 10')$$), ($$SELECT dcb.resolve_parked('sub', 'from 10', 1)$$)) AS v (call);
SELECT dcb.create_subscription('sub', 'from 10');
SELECT is((pg_temp.failure_of(format($$SELECT dcb.checkpoint('sub', 'from 10', %s, 7)$$, token))).state, 'DCB11', 'its token does not come back') FROM old;

-- Failing, stopping, pausing.
SELECT lives_ok($$SELECT dcb.fail('sub', 'all', pg_temp.token('all'), 'no disk'), dcb.fail('sub', 'all', pg_temp.token('all'), 'no ' || repeat('!', 2000))$$, 'failures are noted');
SELECT is((SELECT format('%s %s %s', state, failures, length(last_error)) FROM dcb.subscriptions('sub') WHERE name = 'all'), 'active 2 1000', '… and seen');
SELECT dcb.checkpoint('sub', 'all', pg_temp.token('all'), 6);
SELECT is((SELECT format('%s %s', failures, last_error IS NOT NULL) FROM dcb.subscriptions('sub') WHERE name = 'all'), '0 t', 'progress ends the count; the last error stays');
SET LOCAL client_min_messages = error; -- it warns
SELECT lives_ok($$SELECT dcb.fail('sub', 'all', pg_temp.token('all'), 'cannot be', stop => true)$$, 'stopped');
SET LOCAL client_min_messages = warning;
SELECT is((SELECT format('%s: %s', state, reason) FROM dcb.subscriptions('sub') WHERE name = 'all'), 'stopped: cannot be', '… which shows with the reason');
SELECT is(pg_temp.claimed('all', 'a'), '{}', 'one that is stopped is not to be had');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '', 'nor handed out');
SELECT dcb.resume('sub', 'all');
SELECT is((SELECT format('%s: %s %s', state, reason, failures) FROM dcb.subscriptions('sub') WHERE name = 'all'), 'active:  0', 'resumed');
SELECT is(pg_temp.polled('all', pg_temp.token('all'), max_count => 2), '7 8', 'it goes on where it was');
SELECT dcb.pause('sub', 'all', 'maintenance');
SELECT is((SELECT format('%s: %s', state, reason) FROM dcb.subscriptions('sub') WHERE name = 'all'), 'paused: maintenance', 'paused');
SELECT is(pg_temp.claimed('all', 'a'), '{}', 'one that is paused is not to be had');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '', 'nor handed out');
SELECT lives_ok($$SELECT dcb.checkpoint('sub', 'all', pg_temp.token('all'), 8)$$, 'who was at work may finish');
SELECT dcb.resume('sub', 'all');

-- Parking.
SELECT lives_ok($$SELECT dcb.park('sub', 'all', pg_temp.token('all'), 10, 'poison', 3)$$, 'parked');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '9 11 12 13 14', 'a parked event is not handed out');
SELECT lives_ok($$SELECT dcb.park('sub', 'all', pg_temp.token('all'), 10, 'poison again', 2)$$, 'parked again');
SELECT dcb.park('sub', 'all', pg_temp.token('all'), 13, 'too');
SELECT is((SELECT string_agg(format('%s %s %s %s', position, reason, attempts, type), ', ') FROM dcb.parked_events('sub', 'all')), '10 poison again 5 T0, 13 too 1 T0', 'parked events, with what is known of them');
SELECT is((SELECT parked FROM dcb.subscriptions('sub') WHERE name = 'all'), 2::bigint, 'how many');
SELECT dcb.rewind('sub', 'all', 9);
SELECT pg_temp.claimed('all', 'a');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '11 12 14', 'nor after a rewind');
SELECT is(dcb.resolve_parked('sub', 'all', 10), true, 'resolved');
SELECT is(dcb.resolve_parked('sub', 'all', 10), false, 'once');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '10 11 12 14', 'then it is like others');
SELECT is(pg_temp.polled('none', pg_temp.token('none')), '[14]', 'another subscription does not care');
SELECT pg_temp.refuses($$SELECT dcb.park('sub', 'all', pg_temp.token('all'), 15, 'r')$$, 'DCB09', 'no event at position 15', '14', '.', 'an event that does not exist');
SELECT pg_temp.refuses($$SELECT dcb.park('sub', 'all', pg_temp.token('all'), 0, 'r')$$, 'DCB09', 'no event at position 0', '14', '.', 'position 0');

-- Rewinding.
INSERT INTO old SELECT pg_temp.token('all');
SELECT dcb.rewind('sub', 'all', 0);
SELECT is((pg_temp.failure_of(format($$SELECT dcb.checkpoint('sub', 'all', %s, 14)$$, (SELECT max(token) FROM old)))).state, 'DCB11', 'who was at work does not undo it');
SELECT pg_temp.claimed('all', 'a');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '1 2 3 4 5 6 7 8 9 10 11 12 14', 'from the start');
SELECT dcb.rewind('sub', 'all', dcb.position_at('sub', 'infinity'));
SELECT pg_temp.claimed('all', 'a');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '', 'ahead, by time');
SELECT pg_temp.refuses($$SELECT dcb.rewind('sub', 'all', 15)$$, 'DCB09', '15 is beyond', '14', '.', 'not beyond the head');
SELECT pg_temp.refuses($$SELECT dcb.rewind('sub', 'all', -1)$$, 'DCB09', '-1 is beyond', '14', '.', 'nor before the start');

-- How far behind.
SELECT dcb.rewind('sub', 'even', 6);
SELECT is((SELECT format('%s of %s, %s %s behind since %s', position, head, lag_events, partitions, lag = clock_timestamp() - dcb.recorded_at('sub', 12) OR lag > interval '0') FROM dcb.subscriptions('sub') WHERE name = 'even'),
          '6 of 14, 2 1 behind since t', 'lag counts the events that match');
SELECT is((SELECT lag_events FROM dcb.subscriptions('sub', max_count => 1) WHERE name = 'even'), 1::bigint, 'counted up to a number');
SELECT is((SELECT format('%s %s', lag_events, lag) FROM dcb.subscriptions('sub') WHERE name = 'none'), '0 00:00:00', 'nothing that matches is no lag');
SELECT is((SELECT count(*) FROM dcb.subscriptions('sub')), 6::bigint, 'all of them');

-- Another history: what a restore leaves behind is planted here.
CREATE TABLE saved AS SELECT * FROM sub.event;
CREATE FUNCTION pg_temp.restore_to(head bigint, later interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL session_replication_role = replica;
  DELETE FROM sub.event;
  INSERT INTO sub.event SELECT * FROM saved WHERE position <= head;
  INSERT INTO sub.event SELECT position, type, tags, data, payload, metadata, id, recorded_at + later FROM saved WHERE position > head AND later IS NOT NULL;
  SET LOCAL session_replication_role = origin;
END $$;
SELECT dcb.rewind('sub', 'all', 10);
SELECT pg_temp.claimed('all', 'a');
CREATE TEMP TABLE marked ON COMMIT DROP AS SELECT dcb.mark('sub', 10) AS ten, dcb.mark('sub', 0) AS zero;
SELECT pg_temp.allows($$SELECT dcb.check_mark('sub', 10, (SELECT ten FROM marked)), dcb.check_mark('sub', 0, (SELECT zero FROM marked))$$, 'marks hold');
SELECT pg_temp.restore_to(8, NULL);
SELECT pg_temp.refuses(call, 'DCB12', 'not of this history of store "sub"', 'no event at position 10; the last one has position 8', 'rewind', 'ahead of the head: ' || call)
FROM (VALUES ($$SELECT * FROM dcb.poll('sub', 'all', pg_temp.token('all'))$$), ($$SELECT * FROM dcb.claim('sub', 'all', 'a')$$), ($$SELECT dcb.check_mark('sub', 10, (SELECT ten FROM marked))$$)) AS v (call);
SELECT pg_temp.restore_to(8, interval '1 microsecond');
SELECT pg_temp.refuses(call, 'DCB12', 'not of this history of store "sub"', 'position 10 is another one', 'rewind', 'other events since: ' || call)
FROM (VALUES ($$SELECT * FROM dcb.poll('sub', 'all', pg_temp.token('all'))$$), ($$SELECT * FROM dcb.claim('sub', 'all', 'a')$$), ($$SELECT dcb.check_mark('sub', 10, (SELECT ten FROM marked))$$)) AS v (call);
SELECT is((SELECT reason FROM dcb.subscriptions('sub') WHERE name = 'all'), 'the checkpoint is not of this history of the store', 'shown where one looks');
SELECT pg_temp.allows($$SELECT dcb.check_mark('sub', 0, (SELECT zero FROM marked))$$, 'the start is in every history');
SELECT lives_ok($$SELECT dcb.rewind('sub', 'all', 8)$$, 'a rewind cures it');
SELECT is(pg_temp.claimed('all', 'a'), '{0}', '… so that it can be claimed');
SELECT is(pg_temp.polled('all', pg_temp.token('all')), '9 10 11 12 14', '… and goes on');
SELECT pg_temp.refuses($$SELECT dcb.mark('sub', 15)$$, 'DCB09', '15 is beyond the head', '14', '.', 'no mark for what is not there');

-- Errors.
SELECT pg_temp.refuses(call, '22004', '"' || name || '" must not be null', NULL, '.', 'null ' || name || ': ' || call)
FROM (VALUES ('store', $$SELECT dcb.create_subscription(NULL, 'n')$$), ('name', $$SELECT dcb.create_subscription('sub', NULL)$$), ('query', $$SELECT dcb.create_subscription('sub', 'n', NULL)$$),
  ('partitions', $$SELECT dcb.create_subscription('sub', 'n', partitions => NULL)$$), ('store', $$SELECT dcb.drop_subscription(NULL, 'all')$$), ('name', $$SELECT dcb.drop_subscription('sub', NULL)$$),
  ('store', $$SELECT dcb.claim(NULL, 'all', 'a')$$), ('name', $$SELECT dcb.claim('sub', NULL, 'a')$$), ('consumer', $$SELECT dcb.claim('sub', 'all', NULL)$$), ('lease', $$SELECT dcb.claim('sub', 'all', 'a', NULL)$$),
  ('store', $$SELECT dcb.poll(NULL, 'all', 1)$$), ('name', $$SELECT dcb.poll('sub', NULL, 1)$$), ('token', $$SELECT dcb.poll('sub', 'all', NULL)$$), ('partition', $$SELECT dcb.poll('sub', 'all', 1, NULL)$$),
  ('max_count', $$SELECT dcb.poll('sub', 'all', 1, 0, NULL)$$), ('store', $$SELECT dcb.checkpoint(NULL, 'all', 1, 1)$$), ('name', $$SELECT dcb.checkpoint('sub', NULL, 1, 1)$$), ('token', $$SELECT dcb.checkpoint('sub', 'all', NULL, 1)$$),
  ('position', $$SELECT dcb.checkpoint('sub', 'all', 1, NULL)$$), ('partition', $$SELECT dcb.checkpoint('sub', 'all', 1, 1, NULL)$$), ('token', $$SELECT dcb.fail('sub', 'all', NULL, 'e')$$), ('error', $$SELECT dcb.fail('sub', 'all', 1, NULL)$$),
  ('stop', $$SELECT dcb.fail('sub', 'all', 1, 'e', NULL)$$), ('token', $$SELECT dcb.park('sub', 'all', NULL, 1, 'r')$$), ('position', $$SELECT dcb.park('sub', 'all', 1, NULL, 'r')$$), ('reason', $$SELECT dcb.park('sub', 'all', 1, 1, NULL)$$),
  ('attempts', $$SELECT dcb.park('sub', 'all', 1, 1, 'r', NULL)$$), ('position', $$SELECT dcb.rewind('sub', 'all', NULL)$$), ('position', $$SELECT dcb.mark('sub', NULL)$$), ('position', $$SELECT dcb.check_mark('sub', NULL, '0')$$),
  ('mark', $$SELECT dcb.check_mark('sub', 1, NULL)$$)) AS v (name, call);
SELECT pg_temp.refuses(call, state, message, detail, '.', call)
FROM (VALUES ($$SELECT dcb.create_subscription('sub', '')$$, 'DCB06', 'name of a subscription', '0 bytes'), ($$SELECT dcb.create_subscription('sub', repeat('x', 257))$$, 'DCB06', 'name of a subscription', '257 bytes'),
  ($$SELECT dcb.create_subscription('sub', 'n', partitions => 0)$$, 'DCB06', 'number of partitions', '1 to 1024'), ($$SELECT dcb.create_subscription('sub', 'n', partitions => 1025, partition_by => 'a')$$, 'DCB06', 'number of partitions', '1 to 1024'),
  ($$SELECT dcb.create_subscription('sub', 'n', partitions => 2)$$, '22023', 'needs the name of a tag', NULL), ($$SELECT dcb.create_subscription('sub', 'n', partitions => 2, partition_by => '')$$, '22023', 'needs the name of a tag', NULL),
  ($$SELECT dcb.create_subscription('sub', 'n', start_after => 15)$$, 'DCB09', 'beyond', '14'), ($$SELECT dcb.create_subscription('sub', 'n', start_after => -1)$$, 'DCB09', 'beyond', '14'),
  ($$SELECT dcb.claim('sub', 'all', '')$$, 'DCB06', 'name of a consumer', '0 bytes'), ($$SELECT dcb.claim('sub', 'all', repeat('x', 257))$$, 'DCB06', 'name of a consumer', '257 bytes'),
  ($$SELECT dcb.claim('sub', 'all', 'a', '0')$$, '22023', 'must be positive', '0'), ($$SELECT dcb.poll('sub', 'all', 1, max_count => 0)$$, '22023', 'must be positive', '0'), ($$SELECT dcb.poll('sub', 'all', 1, 1)$$, '22023', 'has no partition 1', '0 to 0'),
  ($$SELECT dcb.checkpoint('sub', 'all', 1, -1)$$, '22023', 'must not be negative', '-1'), ($$SELECT dcb.check_mark('sub', 1, 'x')$$, '22023', 'invalid mark', 'x')) AS v (call, state, message, detail);
SELECT pg_temp.refuses(call, 'DCB05', 'does not exist', '.', '.', 'unknown store: ' || call)
FROM (VALUES ($$SELECT dcb.create_subscription('nowhere', 'n')$$), ($$SELECT dcb.drop_subscription('nowhere', 'n')$$), ($$SELECT dcb.claim('nowhere', 'n', 'a')$$), ($$SELECT dcb.release('nowhere', 'n', 'a')$$), ($$SELECT dcb.poll('nowhere', 'n', 1)$$),
  ($$SELECT dcb.checkpoint('nowhere', 'n', 1, 1)$$), ($$SELECT dcb.fail('nowhere', 'n', 1, 'e')$$), ($$SELECT dcb.park('nowhere', 'n', 1, 1, 'r')$$), ($$SELECT dcb.pause('nowhere', 'n')$$), ($$SELECT dcb.resume('nowhere', 'n')$$), ($$SELECT dcb.rewind('nowhere', 'n', 0)$$),
  ($$SELECT dcb.subscriptions('nowhere')$$), ($$SELECT dcb.parked_events('nowhere', 'n')$$), ($$SELECT dcb.resolve_parked('nowhere', 'n', 1)$$), ($$SELECT dcb.mark('nowhere', 1)$$), ($$SELECT dcb.check_mark('nowhere', 1, '0')$$)) AS v (call);

-- Rights.
CREATE ROLE consumer_role;
CREATE TEMP TABLE right_to (call text, needs text) ON COMMIT DROP;
INSERT INTO right_to VALUES ($$SELECT dcb.create_subscription('sub', 'theirs')$$, 'create'), ($$SELECT * FROM dcb.claim('sub', 'all', 'a')$$, 'consume'), ($$SELECT * FROM dcb.poll('sub', 'all', pg_temp.token('all'))$$, 'look'),
  ($$SELECT dcb.checkpoint('sub', 'all', pg_temp.token('all'), 9)$$, 'consume'), ($$SELECT dcb.park('sub', 'all', pg_temp.token('all'), 9, 'r')$$, 'consume'), ($$SELECT dcb.resolve_parked('sub', 'all', 9)$$, 'consume'),
  ($$SELECT * FROM dcb.subscriptions('sub')$$, 'look'), ($$SELECT * FROM dcb.parked_events('sub', 'all')$$, 'look'), ($$SELECT dcb.fail('sub', 'all', pg_temp.token('all'), 'e')$$, 'consume'), ($$SELECT dcb.pause('sub', 'all')$$, 'consume'),
  ($$SELECT dcb.resume('sub', 'all')$$, 'consume'), ($$SELECT dcb.rewind('sub', 'all', 0)$$, 'consume'), ($$SELECT dcb.release('sub', 'all', 'a')$$, 'consume'), ($$SELECT dcb.drop_subscription('sub', 'theirs')$$, 'drop');
CREATE FUNCTION pg_temp.check_rights(granted text[], description text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  r right_to;
BEGIN
  FOR r IN SELECT * FROM right_to LOOP
    PERFORM dcb.release('sub', 'all', 'a');
    IF r.needs = ANY (granted) THEN
      RETURN NEXT pg_temp.allows(r.call, description || ' may: ' || r.call, 'consumer_role');
    ELSE
      RETURN NEXT is((pg_temp.failure_of(r.call, 'consumer_role')).state, '42501', description || ' may not: ' || r.call);
    END IF;
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA sub TO consumer_role;
SELECT pg_temp.check_rights('{}', 'one without rights');
GRANT SELECT ON sub.event TO consumer_role;
SELECT pg_temp.check_rights('{}', 'a reader of events');
GRANT SELECT ON sub.subscription, sub.checkpoint, sub.parked TO consumer_role;
SELECT pg_temp.check_rights('{look}', 'one who may look');
GRANT UPDATE ON sub.subscription, sub.checkpoint TO consumer_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON sub.parked, sub.subscription_member TO consumer_role;
SELECT pg_temp.check_rights('{look,consume}', 'a consumer');
GRANT INSERT, DELETE ON sub.subscription, sub.checkpoint TO consumer_role;
SELECT pg_temp.check_rights('{look,consume,create,drop}', 'a manager');
REVOKE SELECT ON sub.event FROM consumer_role;
SELECT is((pg_temp.failure_of($$SELECT * FROM dcb.poll('sub', 'all', 1)$$, 'consumer_role')).state, '42501', 'who may not read the events is handed none');

-- A table that is none of ours, by accident or malice, is not read.
CREATE FUNCTION pg_temp.with_table(definition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE sub.checkpoint;
  EXECUTE definition;
  PERFORM * FROM dcb.poll('sub', 'all', 1);
  RETURN 'polled';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;
SELECT is(pg_temp.with_table(definition), '55000', definition)
FROM (VALUES ('SELECT'), ('CREATE TABLE sub.checkpoint (name text PRIMARY KEY)'), ('CREATE VIEW sub.checkpoint AS SELECT 1 AS name'),
  ('CREATE TABLE sub.checkpoint (name text, partition int, position bigint, recorded_at timestamptz, updated_at timestamptz, consumer text, lease_until timestamptz, token bigint, failures int, last_error text, PRIMARY KEY (name, partition))'),
  ('CREATE TABLE sub.checkpoint (name text COLLATE "C", partition int, position bigint, recorded_at timestamptz, updated_at timestamptz, consumer text, lease_until timestamptz, token bigint, failures int, last_error text, PRIMARY KEY (name, partition)); INSERT INTO sub.checkpoint (name, partition) VALUES (''all'', 0)')) AS v (definition);

SELECT * FROM finish();
ROLLBACK;
