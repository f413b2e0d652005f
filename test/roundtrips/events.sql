-- Fills the stores of stores.sql with everything that a store can hold; :events says how many events the shop has, about.

SET client_min_messages = warning;

-- Events as COPY, INSERT and COPY of another version have to bring them over: delimiters, escapes, nulls, all kinds of columns.
SELECT dcb.tag_rule('shop', 'ItemAdded', 'warehouse', '$.warehouse');
SELECT count(dcb.append('shop', batch)) FROM (
	SELECT array_agg(dcb.event(
	         (ARRAY['ItemAdded', 'ItemRemoved', 'CartCheckedOut', E'Strange\t\\N "type"\n'])[1 + n % 4],
	         jsonb_build_object('n', n, 'warehouse', 'w' || n % 3, 'text', E'\\.\n\t''"$$ äöü 🛒 ' || n, 'price', n / 7.0),
	         ARRAY['cart:' || n % 50, 'item:' || n % 7, 'ü, "{}\' || n % 3],
	         CASE WHEN n % 5 = 0 THEN jsonb_build_object('by', 'user ' || n % 9) END,
	         CASE WHEN n % 10 = 0 THEN '\x00ff0a5c'::bytea || int8send(n) END,
	         CASE WHEN n % 3 = 0 THEN md5('event ' || n)::uuid END) ORDER BY n) AS batch
	FROM generate_series(1, :events) AS n GROUP BY (n - 1) / 500 ORDER BY (n - 1) / 500) AS batches;
SELECT dcb.append('shop', ARRAY[
	dcb.event('Plain'), dcb.event('ManyTags', tags => (SELECT array_agg('t:' || n) FROM generate_series(1, 1024) AS n)),
	dcb.event('Large', to_jsonb(repeat('long ', 50000)), '{cart:7}', payload => (SELECT string_agg(sha256(n::text::bytea), '') FROM generate_series(1, 20000) AS n))]);
BEGIN;
SAVEPOINT s;
SELECT dcb.append('shop', ARRAY[dcb.event('RolledBack', tags => '{cart:7}')]);
ROLLBACK TO s;
COMMIT;
SELECT count(dcb.append('shop', ARRAY[dcb.event('ItemAdded', to_jsonb(n), ARRAY['repeated:' || n])], append_id => md5('append ' || n)::uuid)) FROM generate_series(1, 100) AS n;
CALL dcb.retag('shop', dcb.query(types => '{ItemRemoved}'), 'n3', '$.warehouse');

SELECT dcb.save_snapshot('shop', 'cart', dcb.query(tags => '{cart:7}'), dcb.last('shop', dcb.query(tags => '{cart:7}')), '\x007f', 3),
       dcb.save_snapshot('shop', 'all', dcb.all(), 10, 'ten'), dcb.save_snapshot('shop', 'head', dcb.all(), dcb.head('shop'), 'all of it');
INSERT INTO model.mark SELECT p, dcb.mark('shop', p) FROM (VALUES (5), (dcb.head('shop'))) AS v (p);

-- Subscriptions: one whose consumer is at work with two events set aside, a partitioned one, a paused and a stopped one.
SELECT dcb.create_subscription('shop', 'sales', dcb.query(types => '{CartCheckedOut}'));
SELECT token FROM dcb.claim('shop', 'sales', 'worker-1', '1 day') \gset
SELECT dcb.park('shop', 'sales', :token, position, E'poison\t"\\.', 2) FROM dcb.poll('shop', 'sales', :token, max_count => 5) WHERE position IN (6, 14);
SELECT dcb.checkpoint('shop', 'sales', :token, 18);
SELECT dcb.create_subscription('shop', 'by cart', dcb.query(types => '{ItemAdded}'), partitions => 4, partition_by => 'cart');
SELECT count(dcb.checkpoint('shop', 'by cart', token, 20 + 10 * partition, partition)) FROM dcb.claim('shop', 'by cart', 'worker-2', '1 day');
SELECT dcb.create_subscription('shop', 'paused', start_after => NULL), dcb.pause('shop', 'paused', 'for "now"');
SELECT dcb.create_subscription('shop', 'stopped');
SELECT dcb.checkpoint('shop', 'stopped', token, 2) FROM dcb.claim('shop', 'stopped', 'worker-3', '1 s');
SELECT dcb.set_subscription_state('shop', 'stopped', 'stopped', 'it failed');

-- Projections: half-way, with parked events, and inline.
SET ROLE rt_shop;
SELECT dcb.create_projection('shop', 'items', dcb.query(types => '{ItemAdded}'), 'model.count_item(dcb.stored_event)', batch_size => 20);
CALL dcb.run_projection('shop', 'items', 3);
SELECT dcb.create_projection('shop', 'odd', dcb.query(tags => '{cart:7}'), 'model.refuse_odd(dcb.stored_event)', on_error => 'park', attempts => 1, batch_size => 5);
CALL dcb.run_projection('shop', 'odd', 4);
SELECT dcb.set_notify('shop', true);
RESET ROLE;
SET ROLE rt_bank;
SELECT dcb.create_projection('bank', 'balance', dcb.query(types => '{Booked}'), 'ledger.book(dcb.stored_event[])', mode => 'inline');
SELECT count(dcb.append('bank', ARRAY[dcb.event('Booked', '{"amount": 3}', ARRAY['account:' || n % 5])])) FROM generate_series(1, 50) AS n;
RESET ROLE;

-- Due commands in every state: appended, refused and cancelled; pending and due, of which one will be refused; pending for long.
SELECT count(dcb.schedule('shop', now() - interval '1 hour', ARRAY[dcb.event('Expired', tags => ARRAY['due:' || n])],
                          CASE WHEN n = 2 THEN dcb.query(tags => '{cart:7}') END, id => md5('done ' || n)::uuid)) FROM generate_series(1, 3) AS n;
SELECT dcb.cancel('shop', md5('done 3')::uuid);
CALL dcb.run_due('shop');
SELECT count(dcb.schedule('shop', now() - interval '1 hour', ARRAY[dcb.event('Expired', tags => ARRAY['due:' || n])],
                          CASE WHEN n = 5 THEN dcb.query(tags => '{cart:7}') END, id => md5('due ' || n)::uuid)) FROM generate_series(4, 5) AS n;
SELECT dcb.schedule('shop', now() + interval '10 years', ARRAY[dcb.event('Expired', tags => '{due:6}')], id => md5('due 6')::uuid);

SELECT dcb.append('Straße 7"; x', ARRAY[dcb.event('Ä', tags => '{"a\"b"}'), dcb.event('B')]);
