-- What a database filled by events.sql still does, after whatever happened to it: a line for each test, "ok NAME" or "not ok NAME" with what was found.
-- Changes the stores. :label says where we are.

SET client_min_messages = error;
CREATE FUNCTION pg_temp.is(found anycompatible, expected anycompatible, name text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN found IS NOT DISTINCT FROM expected THEN 'ok ' || name ELSE format(E'not ok %s\n# found:    %s\n# expected: %s', name, found, expected) END
$$;
CREATE FUNCTION pg_temp.refused(statement text, expected text, name text, role text DEFAULT current_user) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		PERFORM set_config('role', role, true);
		EXECUTE statement;
		RAISE SQLSTATE 'TT000'; -- and back
	EXCEPTION WHEN OTHERS THEN
		RETURN pg_temp.is(SQLSTATE, expected, name);
	END;
END $$;
SELECT dcb.head('shop') AS head, dcb.query(tags => '{cart:7}') AS cart, dcb.last('shop', dcb.query(tags => '{cart:7}')) AS last \gset
\set is 'SELECT pg_temp.is('
\set refused 'SELECT pg_temp.refused('

-- Events, conditions, positions
:is v.all, 0, :'label' || 'dcb.verify finds nothing') FROM (SELECT count(v) AS all FROM dcb.stores AS s, dcb.verify(s.store) AS v) AS v;
:is (SELECT string_agg(store || ' of ' || owner, ', ' ORDER BY store COLLATE "C") FROM dcb.stores), format('Straße 7"; x of %1$s, bank of %2$s, empty of %1$s, shop of %3$s', :'owner', :'bank_owner', :'shop_owner'), :'label' || 'the stores and their owners');
:is array_agg(dcb.count('shop', dcb.query(tags => ARRAY[tag]))), array_agg((SELECT count(*) FROM shop.event WHERE tag = ANY (tags))), :'label' || 'events are found by their tags')
FROM unnest(ARRAY['cart:7', 'item:3', 'ü, "{}\1', 't:1024', 'warehouse:w1', 'n3:w2', 'repeated:9', 'nowhere']) AS tag;
:is dcb.count('shop', dcb.query(types => ARRAY[E'Strange\t\\N "type"\n'])), (SELECT count(*) FROM shop.event WHERE type LIKE 'Strange%'), :'label' || 'and by their type');
:refused $$SELECT dcb.append('shop', ARRAY[dcb.event('A')], dcb.query(tags => '{cart:7}'))$$, 'DCB01', :'label' || 'a condition that does not hold');
:refused format($$SELECT dcb.append('shop', ARRAY[dcb.event('A')], dcb.query(tags => '{cart:7}'), %s)$$, :last - 1), 'DCB01', :'label' || 'a condition that does not hold by one event');
:refused format($$SELECT dcb.append('shop', ARRAY[dcb.event('A')], dcb.all(), %s)$$, :head + 1), 'DCB09', :'label' || 'a position beyond the head');
:is dcb.append('shop', ARRAY[dcb.event('ItemAdded', '{"warehouse": "new"}', '{cart:7}')], :'cart', :last), :head + 1, :'label' || 'a condition that holds; the next position');
:is tags, '{cart:7,warehouse:new}', :'label' || 'tagged by its rule') FROM dcb.read('shop', after => :head);
CALL dcb.submit('shop', ARRAY[dcb.event('ItemAdded', '{}', '{cart:7,item:1}')], :'cart', :head + 1) \gset submitted_
:is :submitted_position, :head + 2, :'label' || 'submitted behind it');
BEGIN;
SELECT dcb.append_at_commit('shop', ARRAY[dcb.event('CartCheckedOut', '{}', '{cart:7}')], :'cart', :head + 2) \g /dev/null
COMMIT;
:is dcb.head('shop'), :head + 3, :'label' || 'and at commit');
:is dcb.append('shop', ARRAY[dcb.event('ItemAdded', to_jsonb(42), '{repeated:42}')], append_id => md5('append 42')::uuid), (SELECT position FROM dcb.read('shop', dcb.query(tags => '{repeated:42}'))), :'label' || 'a repeated append has its first answer');
:refused $$SELECT dcb.append('shop', ARRAY[dcb.event('Other')], append_id => md5('append 42')::uuid)$$, 'DCB07', :'label' || 'an append id that was used for another');

-- Guards and rights
:refused statement, 'DCB10', :'label' || statement) FROM (VALUES ('DELETE FROM shop.event'), ('TRUNCATE shop.event'), ('UPDATE shop.event SET type = ''x'''), ('DELETE FROM shop.append_id'), ('UPDATE shop.retag_log SET name = ''x''')) AS s (statement);
\if :grants
:refused $$SELECT dcb.append('shop', ARRAY[dcb.event('A')])$$, '42501', :'label' || 'a reader does not append', 'rt_reader');
:refused $$SELECT FROM dcb.read('shop')$$, 'TT000', :'label' || 'but reads', 'rt_reader');
:refused $$SELECT dcb.append('shop', ARRAY[dcb.event('A')], dcb.query(tags => '{nowhere}'))$$, 'TT000', :'label' || 'an appender appends', 'rt_appender');
:refused $$SELECT dcb.save_snapshot('shop', 'all', dcb.all(), 12, '')$$, 'TT000', :'label' || 'and saves snapshots', 'rt_appender');
:refused $$SELECT FROM dcb.read('bank')$$, '42501', :'label' || 'but has no business with the bank', 'rt_appender');
:refused $$SELECT count(position) FROM shop.event$$, 'TT000', :'label' || 'a grant on columns', 'rt_auditor');
:refused $$SELECT count(data) FROM shop.event$$, '42501', :'label' || 'and on no others', 'rt_auditor');
\endif

-- Snapshots and marks
:is count(*), 3, :'label' || 'snapshots are found') FROM (VALUES ('cart', 3, :'cart'::dcb.query), ('all', 0, dcb.all()), ('head', 0, dcb.all())) AS s (name, version, query), dcb.load_snapshot('shop', s.name, s.query, s.version);
:is dcb.save_snapshot('shop', 'all', dcb.all(), 11, 'eleven'), true, :'label' || 'and follow');
:is count(*), 2, :'label' || 'marks are valid') FROM (SELECT dcb.check_mark('shop', position, mark) FROM model.mark) AS m;

-- Subscriptions
:is count(*), 0, :'label' || 'a lease still counts') FROM dcb.claim('shop', 'sales', 'another');
:is array_agg(p.position ORDER BY p.position), '{22,26}'::bigint[], :'label' || 'its consumer goes on with its token') FROM shop.checkpoint AS c, dcb.poll('shop', 'sales', c.token, max_count => 2) AS p WHERE c.name = 'sales';
:is array_agg((position, attempts, reason)::text ORDER BY position), ARRAY[(6, 2, E'poison\t"\\.')::text, (14, 2, E'poison\t"\\.')::text], :'label' || 'its parked events') FROM dcb.parked_events('shop', 'sales');
:is dcb.resolve_parked('shop', 'sales', 6), true, :'label' || 'of which one is resolved');
:is array_agg(c.position ORDER BY c.partition), '{20,30,40,50}', :'label' || 'the partitions of another one') FROM dcb.claim('shop', 'by cart', 'worker-2') JOIN shop.checkpoint AS c USING (partition, token) WHERE c.name = 'by cart';
:is array_agg(concat_ws(' ', state, reason, position) ORDER BY name), ARRAY[format('paused for "now" %s', (SELECT max(position) FROM model.mark)), 'stopped it failed 2'], :'label' || 'paused and stopped ones stay so') FROM dcb.subscriptions('shop') WHERE name IN ('paused', 'stopped');
SELECT dcb.notify_head('shop') \g /dev/null
:is position, dcb.head('shop'), :'label' || 'NOTIFY is still asked for') FROM shop.checkpoint WHERE name = 'NOTIFY';

-- Projections
SET ROLE :"shop_owner";
CALL dcb.run_projection('shop', 'items') \g /dev/null
CALL dcb.run_projection('shop', 'odd') \g /dev/null
RESET ROLE;
:is sum(uses), (SELECT count(*) FROM dcb.read('shop', dcb.query(types => '{ItemAdded}')), unnest(tags) AS tag WHERE tag LIKE 'item:%')::numeric, :'label' || 'a projection catches up, with each event once') FROM model.item;
:is count(*), (SELECT count(*) FROM dcb.read('shop', :'cart') WHERE position % 2 = 1), :'label' || 'another parks what it cannot handle') FROM dcb.parked_events('shop', 'odd');
:is dcb.append('bank', ARRAY[dcb.event('Booked', '{"amount": 4}', '{account:1}')]), 51, :'label' || 'an append to the bank');
:is amount, 34, :'label' || 'and its inline projection') FROM ledger.balance WHERE account = 'account:1';

-- Due commands
SELECT dcb.head('shop') AS head \gset
CALL dcb.run_due('shop') \gset due_
:is :due_executed, 2, :'label' || 'due commands are executed');
:is array_agg(concat_ws(' ', state, position) ORDER BY events->0->'tags'->>0), ARRAY[format('appended %s', :head + 1), 'refused', 'pending'], :'label' || 'as their conditions say') FROM (SELECT d.state, d.events, CASE state WHEN 'appended' THEN position END AS position FROM dcb.due_commands('shop') AS d ORDER BY scheduled_at DESC LIMIT 3) AS d;
:is dcb.cancel('shop', md5('due 6')::uuid), true, :'label' || 'what is due later can be cancelled');
:is dcb.schedule('shop', due, events, id => id), id, :'label' || 'what was scheduled before is not scheduled again') FROM dcb.due_commands('shop') WHERE id = md5('done 1')::uuid;

-- Tags by the past and the other stores
:is upto, goal, :'label' || 'the trace of retagging') FROM dcb.retags('shop');
CALL dcb.retag('shop', dcb.query(types => '{ItemRemoved}'), 'n3', '$.warehouse') \gset retag_
:is :retag_changed, 0, :'label' || 'there is nothing to retag');
:is dcb.append('Straße 7"; x', ARRAY[dcb.event('C')], dcb.query(tags => '{"a\"b"}'), 1), 3, :'label' || 'a store with a strange name');
:is dcb.append('empty', ARRAY[dcb.event('First')], dcb.all()), 1, :'label' || 'the first event of an empty store');
:is v.all, 0, :'label' || 'dcb.verify finds nothing afterwards') FROM (SELECT count(v) AS all FROM dcb.stores AS s, dcb.verify(s.store) AS v) AS v;
