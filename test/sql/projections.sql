-- Projections in the database: each event handled once and in order, failures judged by the policy, rebuilt beside the running version, inline with the append, as the owner.
BEGIN;
\ir helpers.psql
SET LOCAL client_min_messages = error; -- a stopped one is reported as a warning, too
SELECT no_plan();

CREATE ROLE keeper;
CREATE ROLE clerk;
GRANT CREATE ON DATABASE test TO keeper;
SELECT pg_temp.allows($$SELECT dcb.create_store('shop')$$, 'a store', 'keeper');
GRANT USAGE ON SCHEMA shop TO clerk;
GRANT SELECT, INSERT ON shop.event TO clerk;
GRANT SELECT ON shop.subscription, shop.checkpoint, shop.projection, shop.parked TO clerk;
CREATE SCHEMA model AUTHORIZATION keeper;
GRANT USAGE ON SCHEMA model TO clerk;

CREATE FUNCTION pg_temp.run(name text, max_batches int DEFAULT NULL) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  batches integer;
BEGIN
  CALL dcb.run_projection('shop', name, max_batches, batches);
  RETURN batches;
END $$;
CREATE FUNCTION pg_temp.at(name text) RETURNS bigint LANGUAGE sql AS $$ SELECT position FROM dcb.projections('shop') AS p WHERE p.name = $1 $$;
CREATE FUNCTION pg_temp.status(name text) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws('|', state, position, failures, parked, last_error, reason) FROM dcb.projections('shop') AS p WHERE p.name = $1
$$;

SET LOCAL ROLE keeper;
CREATE TABLE model.item (item text PRIMARY KEY, quantity bigint NOT NULL);
CREATE TABLE model.seen (n bigserial, handler text, position bigint, role text DEFAULT current_user);
CREATE FUNCTION model.count_item(event dcb.stored_event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF event.type = 'Poison' THEN
    RAISE EXCEPTION 'cannot digest %', event.data->>'why' USING DETAIL = 'It is poison.';
  END IF;
  INSERT INTO model.item VALUES (event.data->>'item', (event.data->>'quantity')::bigint)
  ON CONFLICT (item) DO UPDATE SET quantity = item.quantity + excluded.quantity;
  INSERT INTO model.seen (handler, position) VALUES ('count_item', event.position);
END $$;
CREATE FUNCTION model.see(events dcb.stored_event[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM unnest(events) WHERE type = 'Poison') THEN
    RAISE EXCEPTION 'poison among % events', cardinality(events);
  END IF;
  INSERT INTO model.seen (handler, position) SELECT 'see', position FROM unnest(events) ORDER BY position;
END $$;
RESET ROLE;

SELECT dcb.append('shop', array_agg(dcb.event('Added', jsonb_build_object('item', 'i' || n % 3, 'quantity', n), ARRAY['item:i' || n % 3]) ORDER BY n)) FROM generate_series(1, 25) AS n;
SELECT dcb.append('shop', ARRAY[dcb.event('Other')]);

-- From the first event, in batches, once.
SELECT pg_temp.allows($$SELECT dcb.create_projection('shop', 'items', dcb.query(types => '{Added,Poison}'), 'model.count_item(dcb.stored_event)', batch_size => 10)$$, 'the owner makes a projection', 'keeper');
SELECT pg_temp.allows($$SELECT dcb.create_projection('shop', 'seen', dcb.query(types => '{Added,Poison}'), 'model.see(dcb.stored_event[])', batch_size => 10)$$, 'and one per batch', 'keeper');
SELECT is((SELECT array_agg(concat_ws(' ', name, state, mode, handler, position, lag_events, on_error, attempts, batch_size) ORDER BY name) FROM dcb.projections('shop')),
          '{items active async model.count_item 0 25 retry 5 10,seen active async model.see 0 25 retry 5 10}', 'their status');
SELECT is(pg_temp.run('items', 1), 1, 'one batch');
SELECT is(pg_temp.at('items'), 10::bigint, 'of ten events');
SELECT is(pg_temp.run('items'), 2, 'and what is left');
SELECT is(pg_temp.at('items'), 26::bigint, 'past the events of others');
SELECT is(pg_temp.run('seen'), 3, 'the same per batch');
SELECT is((SELECT jsonb_object_agg(item, quantity) FROM model.item), '{"i0": 108, "i1": 117, "i2": 100}', 'each event counts once');
SELECT is((SELECT array_agg(position ORDER BY n) FROM model.seen WHERE handler = h), (SELECT array_agg(n ORDER BY n) FROM generate_series(1::bigint, 25) AS n), 'in order: ' || h) FROM (VALUES ('count_item'), ('see')) AS v (h);
SELECT is((SELECT array_agg(DISTINCT role) FROM model.seen), '{keeper}', 'as the owner of the store, whoever runs it');
SELECT is(pg_temp.run('items'), 1, 'nothing is left');
SELECT is((SELECT count(*) FROM model.seen), 50::bigint, 'and nothing handled');

-- Poison: those before it are handled, then the policy says what becomes of it.
SELECT dcb.append('shop', array_agg(CASE n WHEN 3 THEN dcb.event('Poison', '{"why": "this"}') ELSE dcb.event('Added', '{"item": "x", "quantity": 1}') END ORDER BY n)) FROM generate_series(1, 5) AS n;
SELECT is(pg_temp.run('items', 1), 1, 'a batch with poison in it');
SELECT is(pg_temp.status('items'), 'active|28|0|0', 'is handled up to there');
SELECT is(pg_temp.run('items', 1), 1, 'the poison itself');
SELECT is(pg_temp.status('items'), 'active|28|1|0|event 29: cannot digest this: It is poison.', 'is a failure, which is noted');
SELECT ok(retry_at > now(), 'and is tried again later') FROM dcb.projections('shop') WHERE name = 'items';
UPDATE shop.projection SET retry_at = now() + interval '1 hour' WHERE name = 'items'; -- however slow we are
SELECT is(pg_temp.run('items'), 1, 'not now');
SELECT is(pg_temp.status('items'), 'active|28|1|0|event 29: cannot digest this: It is poison.', 'nothing has changed');
-- A failure without its pause.
CREATE FUNCTION pg_temp.retry(name text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE shop.projection AS p SET retry_at = NULL WHERE p.name = $1; PERFORM pg_temp.run(name, 1); END $$;
SELECT count(pg_temp.retry('items')) FROM generate_series(1, 3);
SELECT is((SELECT state || ' ' || failures FROM dcb.projections('shop') WHERE name = 'items'), 'active 4', 'the last but one');
SELECT pg_temp.retry('items');
SELECT is(pg_temp.status('items'), 'stopped|28|5|0|event 29: cannot digest this: It is poison.|event 29: cannot digest this: It is poison.', 'after the last attempt it is stopped, and says why');
SELECT is(pg_temp.run('items'), 1, 'a stopped one');
SELECT is((SELECT quantity FROM model.item WHERE item = 'x'), 2::numeric::bigint, 'does nothing');
-- Mended.
CREATE OR REPLACE FUNCTION model.count_item(event dcb.stored_event) RETURNS void LANGUAGE sql AS $$
  INSERT INTO model.item VALUES (coalesce(event.data->>'item', 'mended'), coalesce((event.data->>'quantity')::bigint, 1)) ON CONFLICT (item) DO UPDATE SET quantity = item.quantity + excluded.quantity
$$;
SELECT dcb.resume('shop', 'items');
SELECT is(pg_temp.run('items'), 1, 'resumed');
SELECT is(pg_temp.status('items'), 'active|31|0|0|event 29: cannot digest this: It is poison.', 'it goes on with the event that failed');
SELECT is((SELECT quantity FROM model.item WHERE item = 'x'), 4::bigint, 'and those after it');

-- Parked per batch: found by halving, left out, the others go on.
UPDATE shop.projection SET on_error = 'park', attempts = 2 WHERE name = 'seen';
CREATE FUNCTION pg_temp.drain(name text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..20 LOOP PERFORM pg_temp.retry(name); END LOOP; END $$;
SELECT pg_temp.drain('seen');
SELECT is((SELECT concat_ws('|', state, position, failures, parked) FROM dcb.projections('shop') WHERE name = 'seen'), 'active|31|0|1', 'parked, and gone on');
SELECT is((SELECT concat_ws('|', position, reason, attempts) FROM dcb.parked_events('shop', 'seen')), '29|poison among 1 events|2', 'with its reason');
SELECT is((SELECT array_agg(position ORDER BY n) FROM model.seen WHERE handler = 'see' AND position > 26), '{27,28,30,31}', 'all others once and in order');

-- Stopped at once.
CREATE FUNCTION model.fail(dcb.stored_event) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;
SELECT dcb.create_projection('shop', 'stopping', dcb.query(types => '{Added}'), 'model.fail(dcb.stored_event)', on_error => 'stop');
SELECT is(pg_temp.run('stopping'), 1, 'fails');
SELECT is(pg_temp.status('stopping'), 'stopped|0|1|0|event 1: never|event 1: never', 'stopped at the first failure');
SELECT is(dcb.drop_projection('shop', 'stopping'), true, 'dropped');
SELECT is(dcb.drop_projection('shop', 'stopping'), false, 'it is gone');

-- Settings of a handler are the creator's, and do not stay.
CREATE FUNCTION model.unqualified(event dcb.stored_event) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen (handler, position) VALUES ('unqualified', event.position); PERFORM set_config('search_path', 'nowhere', false); END $$;
SET LOCAL search_path = model;
SELECT dcb.create_projection('shop', 'unqualified', dcb.all(), 'model.unqualified(dcb.stored_event)', start_after => 29);
SET LOCAL search_path = public;
SELECT is(pg_temp.run('unqualified'), 1, 'a handler finds what its creator did');
SELECT is((SELECT count(*) FROM model.seen WHERE handler = 'unqualified'), 2::bigint, 'in his search_path');
SELECT is(current_setting('search_path'), 'public', 'and what it sets is gone with it');
SELECT dcb.drop_projection('shop', 'unqualified');

-- Pause, rewind.
SELECT dcb.pause('shop', 'items', 'for a test');
SELECT dcb.append('shop', ARRAY[dcb.event('Added', '{"item": "y", "quantity": 1}')]);
SELECT pg_temp.run('items');
SELECT is(pg_temp.at('items'), 31::bigint, 'a paused one does nothing');
SELECT dcb.resume('shop', 'items');
SELECT pg_temp.run('items');
SELECT is(pg_temp.at('items'), 32::bigint, 'resumed it goes on');
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM model.item;
TRUNCATE model.item;
SELECT dcb.rewind('shop', 'items', 0);
SELECT pg_temp.run('items');
SELECT bag_eq('SELECT * FROM model.item', 'SELECT * FROM before', 'replayed from 0 it is the same');

-- Rebuilt beside the running version: readers see the old one until the new one is complete.
CREATE TABLE model.item_v2 (LIKE model.item INCLUDING ALL);
CREATE VIEW model.current_item AS SELECT * FROM model.item;
ALTER TABLE model.item_v2 OWNER TO keeper;
ALTER VIEW model.current_item OWNER TO keeper;
CREATE FUNCTION model.count_item_v2(event dcb.stored_event) RETURNS void LANGUAGE sql AS $$
  INSERT INTO model.item_v2 VALUES (coalesce(event.data->>'item', 'mended'), coalesce((event.data->>'quantity')::bigint, 1)) ON CONFLICT (item) DO UPDATE SET quantity = item_v2.quantity + excluded.quantity
$$;
CREATE FUNCTION model.swap_items() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE OR REPLACE VIEW model.current_item AS SELECT * FROM model.item_v2; END $$;
SELECT is(dcb.rebuild_projection('shop', 'items', 'model.count_item_v2(dcb.stored_event)', 'model.swap_items()'), 'items (rebuild)', 'it has a name of its own meanwhile');
SELECT is((SELECT concat_ws('|', replaces, position, lag_events) FROM dcb.projections('shop') WHERE name = 'items (rebuild)'), 'items|0|31', 'and a status');
UPDATE shop.projection SET batch_size = 20 WHERE replaces = 'items';
SELECT pg_temp.run('items (rebuild)', 1);
SELECT bag_eq('SELECT * FROM model.current_item', 'SELECT * FROM before', 'half-built, readers see the old one');
SELECT ok((SELECT position > 0 AND position < head AND per_second > 0 FROM dcb.projections('shop') WHERE name = 'items (rebuild)'), 'and its progress');
SELECT pg_temp.run('items (rebuild)');
SELECT is((SELECT array_agg(name || ' ' || handler ORDER BY name) FROM dcb.projections('shop')), '{"items model.count_item_v2","seen model.see"}', 'complete, it has taken over');
SELECT bag_eq('SELECT * FROM model.current_item', 'SELECT * FROM before', 'readers see the new one, complete');
SELECT dcb.append('shop', ARRAY[dcb.event('Added', '{"item": "z", "quantity": 1}')]);
SELECT pg_temp.run('items');
SELECT is((SELECT quantity FROM model.item_v2 WHERE item = 'z'), 1::bigint, 'and it goes on from there');
SELECT is((SELECT count(*) FROM model.item WHERE item = 'z'), 0::bigint, 'the old one does not');
CREATE FUNCTION model.swap_badly() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'cannot swap'; END $$;
SELECT dcb.rebuild_projection('shop', 'items', 'model.count_item_v2(dcb.stored_event)', 'model.swap_badly()');
SELECT pg_temp.run('items (rebuild)');
SELECT is((SELECT concat_ws('|', state, reason) FROM dcb.projections('shop') WHERE name = 'items (rebuild)'), 'stopped|swap: cannot swap', 'a swap that fails stops the new one');
SELECT is((SELECT state FROM dcb.projections('shop') WHERE name = 'items'), 'active', 'not the old one');
SELECT dcb.drop_projection('shop', 'items (rebuild)');

-- Inline: with the append, all of it or nothing.
CREATE TABLE model.latest (item text PRIMARY KEY, quantity bigint CHECK (quantity < 1000), role text DEFAULT current_user);
ALTER TABLE model.latest OWNER TO keeper;
CREATE FUNCTION model.keep_latest(event dcb.stored_event) RETURNS void LANGUAGE sql AS $$
  INSERT INTO model.latest VALUES (event.data->>'item', (event.data->>'quantity')::bigint) ON CONFLICT (item) DO UPDATE SET quantity = excluded.quantity
$$;
SELECT dcb.create_projection('shop', 'latest', dcb.query(types => '{Added}'), 'model.keep_latest(dcb.stored_event)', mode => 'inline');
SELECT is((SELECT quantity FROM model.latest WHERE item = 'z'), 1::bigint, 'it has caught up when it is made');
SELECT is((SELECT state || ' ' || mode || ' ' || lag_events FROM dcb.projections('shop') WHERE name = 'latest'), 'active inline 0', 'its status');
SELECT pg_temp.allows($$SELECT dcb.append('shop', ARRAY[dcb.event('Added', '{"item": "z", "quantity": 5}'), dcb.event('Added', '{"item": "z", "quantity": 7}')])$$, 'an append by somebody without rights on the read model', 'clerk');
SELECT is((SELECT quantity || ' ' || role FROM model.latest WHERE item = 'z'), '7 keeper', 'is in the read model at once');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('shop', ARRAY[dcb.event('Added', '{"item": "z", "quantity": 1000}')])$$)).state, '23514', 'what the handler raises is the append''s error');
SELECT is(dcb.head('shop'), 35::bigint, 'and nothing is appended');
SELECT dcb.pause('shop', 'latest');
SELECT dcb.append('shop', ARRAY[dcb.event('Added', '{"item": "z", "quantity": 8}')]);
SELECT is((SELECT quantity FROM model.latest WHERE item = 'z'), 7::bigint, 'paused, appends go on without it');
SELECT dcb.resume('shop', 'latest');
SELECT dcb.append('shop', ARRAY[dcb.event('Other')]);
SELECT is((SELECT quantity FROM model.latest WHERE item = 'z'), 8::bigint, 'resumed, the next append brings it up to date');
SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Added', '{"item": "z", "quantity": 9}')]);
DO $$ BEGIN CALL dcb.run_due('shop', NULL); EXCEPTION WHEN syntax_error THEN NULL; END $$;
CREATE FUNCTION pg_temp.run_due() RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int; BEGIN CALL dcb.run_due('shop', n); RETURN n; END $$;
SELECT is(pg_temp.run_due(), 1, 'a due command');
SELECT is((SELECT quantity FROM model.latest WHERE item = 'z'), 9::bigint, 'is an append');
-- Rebuilt, it stays inline, and the new version has what was appended until the swap.
CREATE TABLE model.latest_v2 (LIKE model.latest INCLUDING ALL);
ALTER TABLE model.latest_v2 OWNER TO keeper;
CREATE FUNCTION model.keep_latest_v2(event dcb.stored_event) RETURNS void LANGUAGE sql AS $$
  INSERT INTO model.latest_v2 VALUES (event.data->>'item', (event.data->>'quantity')::bigint) ON CONFLICT (item) DO UPDATE SET quantity = excluded.quantity
$$;
CREATE FUNCTION model.swap_latest() RETURNS void LANGUAGE sql AS '';
SELECT dcb.rebuild_projection('shop', 'latest', 'model.keep_latest_v2(dcb.stored_event)', 'model.swap_latest()');
SELECT pg_temp.run('latest (rebuild)');
SELECT is((SELECT concat_ws(' ', mode, handler, lag_events) FROM dcb.projections('shop') WHERE name = 'latest'), 'inline model.keep_latest_v2 0', 'an inline one is rebuilt');
SELECT dcb.append('shop', ARRAY[dcb.event('Added', '{"item": "z", "quantity": 10}')]);
SELECT is((SELECT o.quantity || ' ' || n.quantity FROM model.latest AS o JOIN model.latest_v2 AS n USING (item) WHERE item = 'z'), '9 10', 'and its new handler is inline');
SELECT bag_eq($$SELECT item FROM model.latest$$, $$SELECT item FROM model.latest_v2$$, 'with everything that was appended before');
-- A handler that appends: its events are handled too, by the same projection.
CREATE FUNCTION model.react(event dcb.stored_event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF (event.data->>'left')::int > 0 THEN
    PERFORM dcb.append('shop', ARRAY[dcb.event('Countdown', jsonb_build_object('left', (event.data->>'left')::int - 1))]);
  END IF;
END $$;
SELECT dcb.create_projection('shop', 'countdown', dcb.query(types => '{Countdown}'), 'model.react(dcb.stored_event)', mode => 'inline');
SELECT dcb.append('shop', ARRAY[dcb.event('Countdown', '{"left": 3}')]);
SELECT is((SELECT array_agg(data->>'left' ORDER BY position) FROM dcb.read('shop', dcb.query(types => '{Countdown}'))), '{3,2,1,0}', 'a handler that appends');
SELECT dcb.drop_projection('shop', 'countdown'), dcb.drop_projection('shop', 'latest');
SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shop.event'::regclass AND tgname = 'inline_projections'), 0::bigint, 'without inline projections an append has none of their cost');
SELECT dcb.append('shop', ARRAY[dcb.event('Added', '{"item": "z", "quantity": 1000}')]);

-- Rights: who is not the owner neither makes, runs, nor forges one.
SELECT pg_temp.refuses(call, '42501', message, '.', '.', 'refused: ' || call, 'clerk') FROM (VALUES
  ($$SELECT dcb.create_projection('shop', 'mine', dcb.all(), 'model.see(dcb.stored_event[])')$$, 'permission denied for the projections'),
  ($$SELECT dcb.drop_projection('shop', 'items')$$, 'permission denied for the projections'),
  ($$SELECT dcb.rebuild_projection('shop', 'items', 'model.see(dcb.stored_event[])', 'model.swap_items()')$$, 'permission denied for the projections'),
  ($$SELECT dcb.catch_up('shop')$$, 'permission denied to run projections'),
  ($$SELECT dcb.set_notify('shop', true)$$, 'permission denied for the projections'),
  ($$CALL dcb.run_projection('shop', 'items', NULL, NULL)$$, 'permission denied to run projections')) AS v (call, message);
GRANT ALL ON shop.projection TO clerk;
SELECT pg_temp.refuses($$UPDATE shop.projection SET handler = 'public.evil'$$, '42501', 'only its owner writes to table shop.projection', '.', '.', 'a grant is not enough to forge a row', 'clerk');
SELECT pg_temp.allows($$SELECT * FROM dcb.projections('shop')$$, 'the status is for who may read the tables', 'clerk');

-- Bad input.
CREATE FUNCTION model.two(dcb.stored_event, int) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION model.set_of(dcb.stored_event) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION model.hidden(dcb.stored_event) RETURNS void LANGUAGE sql AS '';
REVOKE EXECUTE ON FUNCTION model.hidden FROM PUBLIC;
SELECT pg_temp.refuses(call, state, message, detail, hint, 'refused: ' || call) FROM (VALUES
  ($$SELECT dcb.create_projection('nowhere', 'n', dcb.all(), 'model.fail(dcb.stored_event)')$$, 'DCB05', 'store "nowhere" does not exist', '.', '.'),
  ($$SELECT dcb.create_projection('shop', NULL, dcb.all(), 'model.fail(dcb.stored_event)')$$, '22004', '"name" must not be null', NULL, '.'),
  ($$SELECT dcb.create_projection('shop', 'n', NULL, 'model.fail(dcb.stored_event)')$$, '22004', '"query" must not be null', NULL, '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), NULL)$$, '22004', '"handler" must not be null', NULL, '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), 'model.two(dcb.stored_event,int)')$$, '42P13', 'cannot be called as "handler"', 'dcb.stored_event', '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), 'model.set_of(dcb.stored_event)')$$, '42P13', 'cannot be called as "handler"', 'dcb.stored_event', '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), 'model.hidden(dcb.stored_event)')$$, '42501', 'permission denied for function model.hidden', '"keeper"', '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), 'model.fail(dcb.stored_event)', batch_size => 0)$$, '22023', 'invalid batch_size', '.', '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), 'model.fail(dcb.stored_event)', attempts => 0)$$, '22023', 'invalid batch_size or attempts', '.', '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), 'model.fail(dcb.stored_event)', on_error => 'ignore')$$, '22023', '"ignore" is not an on_error', NULL, '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), 'model.fail(dcb.stored_event)', mode => 'sync')$$, '22023', '"sync" is not a mode', NULL, '.'),
  ($$SELECT dcb.create_projection('shop', 'n', dcb.all(), 'model.fail(dcb.stored_event)', start_after => 1000)$$, 'DCB09', 'beyond the ends', '.', '.'),
  ($$SELECT dcb.create_projection('shop', 'items', dcb.all(), 'model.fail(dcb.stored_event)')$$, '42710', 'exists already', '.', '.'),
  ($$SELECT dcb.rebuild_projection('shop', 'nothing', 'model.fail(dcb.stored_event)', 'model.swap_items()')$$, 'DCB13', 'does not exist', NULL, '.'),
  ($$SELECT dcb.rebuild_projection('shop', 'items', 'model.fail(dcb.stored_event)', 'model.fail(dcb.stored_event)')$$, '42P13', 'cannot be called as "swap"', 'without parameters', '.')) AS v (call, state, message, detail, hint);

SELECT dcb.drop_store('shop', force => true);
SELECT is(to_regclass('shop.projection'), NULL, 'they go with the store');
SELECT * FROM finish();
ROLLBACK;
