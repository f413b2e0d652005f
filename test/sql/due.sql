-- Due commands: kept until they are due, executed once, in order, with the rights of who scheduled them, refused when their condition no longer holds.
BEGIN;
\ir helpers.psql
SELECT no_plan();

CREATE ROLE keeper;
CREATE ROLE clerk;
CREATE ROLE other_clerk;
CREATE ROLE looker;
GRANT CREATE ON DATABASE test TO keeper;
SELECT pg_temp.allows($$SELECT dcb.create_store('shop')$$, 'a store', 'keeper');
GRANT USAGE ON SCHEMA shop TO clerk, other_clerk, looker;
GRANT SELECT, INSERT ON shop.event TO clerk, other_clerk;
GRANT SELECT ON shop.event, shop.due TO looker;

-- As another role, and back.
CREATE FUNCTION pg_temp.as_role(role name, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answered text;
BEGIN
  PERFORM set_config('role', role, true);
  EXECUTE query INTO answered;
  PERFORM set_config('role', 'none', true);
  RETURN answered;
END $$;
CREATE FUNCTION pg_temp.run() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  executed integer;
BEGIN
  CALL dcb.run_due('shop', executed);
  RETURN executed;
END $$;
CREATE FUNCTION pg_temp.n(int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad($1::text, 32, '0')::uuid $$;

-- Nothing is due.
SELECT is(pg_temp.run(), 0, 'nothing to execute');
SELECT is(dcb.schedule('shop', now() + interval '1 hour', ARRAY[dcb.event('Later')], id => pg_temp.n(1)), pg_temp.n(1), 'answers the id');
SELECT isnt(dcb.schedule('shop', now() + interval '1 hour', ARRAY[dcb.event('Later')]), dcb.schedule('shop', now() + interval '1 hour', ARRAY[dcb.event('Later')]), 'each gets an id of its own');
SELECT is(pg_temp.run(), 0, 'none early');
SELECT is(dcb.head('shop'), 0::bigint, 'nothing is appended');

-- In the order of their times, whatever the order of scheduling, all that the event says.
SELECT dcb.schedule('shop', now() - interval '1 s', ARRAY[dcb.event('C')], id => pg_temp.n(13));
SELECT dcb.schedule('shop', now() - interval '3 s', ARRAY[dcb.event('A', '{"n": [1, {"a": null}], "s": "\"ü"}', '{b:2,a:1}', '"m"', '\x00ff'::bytea || decode(repeat('ab', 200), 'hex'), pg_temp.n(99)), dcb.event('A2', '7')], id => pg_temp.n(11));
SELECT dcb.schedule('shop', now() - interval '2 s', '[{"type": "B", "tags": ["x"], "data": "text", "payload": "AAE="}]'::jsonb, id => pg_temp.n(12));
SELECT is(pg_temp.run(), 3, 'three were due');
SELECT is((SELECT string_agg(concat_ws('|', position, type, tags, data, encode(sha256(payload), 'hex'), metadata, id), ' ; ' ORDER BY position) FROM dcb.read('shop')),
          (SELECT string_agg(v, ' ; ') FROM (VALUES ('1|A|{a:1,b:2}|{"n": [1, {"a": null}], "s": "\"ü"}|' || encode(sha256('\x00ff'::bytea || decode(repeat('ab', 200), 'hex')), 'hex') || '|"m"|' || pg_temp.n(99)),
            ('2|A2|{}|7'), ('3|B|{x}|"text"|' || encode(sha256('\x0001'), 'hex')), ('4|C|{}|{}')) AS t (v)), 'appended as scheduled, in due order');
SELECT is((SELECT array_agg(state || ' ' || position ORDER BY due) FROM dcb.due_commands('shop') WHERE position IS NOT NULL), '{appended 2,appended 3,appended 4}', 'their states');
SELECT is(pg_temp.run(), 0, 'each once');
SELECT is(bool_and(executed_at >= due AND recorded_at >= due), true, 'recorded after the due time') FROM dcb.due_commands('shop') AS d JOIN dcb.read('shop') AS e USING (position) WHERE d.state = 'appended';

-- The condition decides when it is due.
SELECT dcb.append('shop', ARRAY[dcb.event('Reserved', tags => '{r:1}')]);
SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Expired', tags => '{r:1}')], dcb.query('{Confirmed}', '{r:1}'), 5, pg_temp.n(21));
SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Expired', tags => '{r:1}')], dcb.query('{Confirmed}', '{r:1}', after => 0), id => pg_temp.n(22));
SELECT dcb.schedule('shop', now() - interval '1 s', ARRAY[dcb.event('Expired', tags => '{r:1}')], dcb.query('{Confirmed,Expired}', '{r:1}'), 5, pg_temp.n(20));
SELECT dcb.append('shop', ARRAY[dcb.event('Confirmed', tags => '{r:1}')]);
SELECT is(pg_temp.run(), 3, 'executed');
SELECT is((SELECT array_agg(concat_ws(' ', state, position, sqlstate) ORDER BY due, scheduled_at) FROM dcb.due_commands('shop') WHERE id IN (pg_temp.n(20), pg_temp.n(21), pg_temp.n(22))),
          '{refused 6 DCB01,refused 6 DCB01,refused 6 DCB01}', 'refused by the event at position 6');
SELECT matches(error, '^append condition failed: Event 6 of type "Confirmed"') FROM dcb.due_commands('shop') WHERE id = pg_temp.n(21);
SELECT is(dcb.head('shop'), 6::bigint, 'nothing is appended');
SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Expired', tags => '{r:2}')], dcb.query('{Confirmed}', '{r:2}'), 5, pg_temp.n(23));
SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Noted')], dcb.query('{Expired}', '{r:2}'), id => pg_temp.n(24));
SELECT is(pg_temp.run(), 2, 'executed');
SELECT is((SELECT array_agg(concat_ws(' ', state, position) ORDER BY id) FROM dcb.due_commands('shop') WHERE id IN (pg_temp.n(23), pg_temp.n(24))), '{appended 7,refused 7}', 'a later one sees what an earlier one has appended');

-- The same call again is one command; its first time stands.
SELECT is(dcb.schedule('shop', now() + interval '2 hours', ARRAY[dcb.event('Later')], id => pg_temp.n(1)), pg_temp.n(1), 'scheduled again');
SELECT is(due, now() + interval '1 hour', 'at its first time') FROM dcb.due_commands('shop') WHERE id = pg_temp.n(1);
SELECT is(dcb.schedule('shop', now(), '[{"type": "Expired", "tags": ["r:2"]}]'::jsonb, dcb.query('{Confirmed}', '{r:2}'), 5, pg_temp.n(23)), pg_temp.n(23), 'also one that was executed, in the other form');
SELECT is(pg_temp.run(), 0, 'and it is not executed again');
SELECT pg_temp.refuses(call, 'DCB14', 'id of a due command was used before', 'stands for other events, another condition or another role', 'new id', 'refused: ' || call) FROM (VALUES
  ($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Other')], id => pg_temp.n(1))$$),
  ($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Later')], dcb.all(), id => pg_temp.n(1))$$),
  ($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Expired', tags => '{r:2}')], dcb.query('{Confirmed}', '{r:2}'), 4, pg_temp.n(23))$$)) AS v (call);
SELECT is((pg_temp.failure_of($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('Later')], id => pg_temp.n(1))$$, 'clerk')).state, 'DCB14', 'another role cannot take it for its own');

-- Cancelled.
SELECT is(dcb.cancel('shop', pg_temp.n(1)), true, 'it was pending');
SELECT is(dcb.cancel('shop', pg_temp.n(1)), false, 'no longer');
SELECT is(dcb.cancel('shop', pg_temp.n(23)), false, 'nor is one that was executed');
SELECT is(dcb.cancel('shop', pg_temp.n(1000)), false, 'nor one that never was');
SELECT is(state, 'cancelled', 'cancelled is a state') FROM dcb.due_commands('shop') WHERE id = pg_temp.n(1);
SELECT is(dcb.schedule('shop', now(), ARRAY[dcb.event('Later')], id => pg_temp.n(1)), pg_temp.n(1), 'a repeated call does not bring it back');
SELECT is(pg_temp.run(), 0, 'cancelled is cancelled');

-- Rights: those of the role that scheduled, now and then.
SELECT pg_temp.refuses($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('A')])$$, '42501', 'permission denied for store "shop"', 'needs INSERT', '.', 'who may not append may not schedule', 'looker');
SELECT pg_temp.as_role('clerk', $$SELECT dcb.schedule('shop', now() - interval '3 s', ARRAY[dcb.event('ByClerk')], id => pg_temp.n(31))$$);
SELECT pg_temp.as_role('clerk', $$SELECT dcb.schedule('shop', now() - interval '2 s', ARRAY[dcb.event('ByClerk')], dcb.query(types => '{Never}'), id => pg_temp.n(32))$$);
SELECT pg_temp.as_role('other_clerk', $$SELECT dcb.schedule('shop', now() - interval '1 s', ARRAY[dcb.event('ByOther')], id => pg_temp.n(33))$$);
SELECT pg_temp.as_role('other_clerk', $$SELECT dcb.schedule('shop', now() + interval '1 hour', ARRAY[dcb.event('ByOther')], id => pg_temp.n(34))$$);
SELECT is((SELECT array_agg(role ORDER BY id) FROM dcb.due_commands('shop') WHERE id BETWEEN pg_temp.n(31) AND pg_temp.n(34)), '{clerk,clerk,other_clerk,other_clerk}', 'the roles are noted');
SELECT pg_temp.refuses($$SELECT dcb.cancel('shop', pg_temp.n(34))$$, '42501', 'permission denied to cancel', 'Role "other_clerk"', 'owner of the store', 'another role''s command is not one''s own', 'clerk');
SELECT is(pg_temp.as_role('keeper', $$SELECT dcb.cancel('shop', pg_temp.n(34))$$), 'true', 'the owner cancels any');
REVOKE SELECT ON shop.event FROM clerk;
SELECT is(pg_temp.as_role('other_clerk', $$SELECT pg_temp.run()$$), '3', 'anybody who may append can run what is due');
SELECT is((SELECT array_agg(concat_ws(' ', state, position, sqlstate) ORDER BY id) FROM dcb.due_commands('shop') WHERE id BETWEEN pg_temp.n(31) AND pg_temp.n(33)),
          '{appended 8,failed 42501,appended 9}', 'a right that is gone fails its command, and no other');
SELECT matches(error, 'permission denied for store "shop".*"clerk" needs SELECT') FROM dcb.due_commands('shop') WHERE id = pg_temp.n(32);
SELECT is((pg_temp.failure_of('SELECT pg_temp.run()', 'looker')).state, '42501', 'who may not append runs nothing');
SELECT is(pg_temp.as_role('looker', $$SELECT count(*) FROM dcb.due_commands('shop')$$), (SELECT count(*)::text FROM shop.due), 'SELECT on both tables is enough to look');
SELECT is((pg_temp.failure_of($$SELECT * FROM dcb.due_commands('shop')$$, 'clerk')).state, '42501', 'nothing less');
SELECT pg_temp.as_role('other_clerk', $$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('ByOther')], id => pg_temp.n(35))$$);
ALTER ROLE other_clerk RENAME TO former_clerk;
SELECT is(pg_temp.run(), 1, 'of a role that is gone');
SELECT is(state || ' ' || error, 'failed role "other_clerk" does not exist', 'the command has failed') FROM dcb.due_commands('shop') WHERE id = pg_temp.n(35);

-- Rows that say with whose rights something is done are not for everybody to write.
GRANT ALL ON shop.due TO clerk;
SELECT pg_temp.refuses(statement, '42501', 'only its owner writes to table shop.due', 'with whose rights', 'functions', 'refused: ' || statement, 'clerk') FROM (VALUES
  ($$INSERT INTO shop.due (id, due, role, events, after) VALUES (pg_temp.n(41), now(), 'keeper', '[{"type": "Forged"}]', 0)$$),
  ($$UPDATE shop.due SET role = 'keeper'$$), ('DELETE FROM shop.due'), ('TRUNCATE shop.due')) AS v (statement);
SELECT pg_temp.allows($$DELETE FROM shop.due WHERE state <> 'pending' AND executed_at < now() - interval '1 year'$$, 'the owner removes what is old', 'keeper');

-- The owner can forge a row; nothing of his then runs with the other role's rights.
CREATE TABLE public.ran_as (role text);
GRANT INSERT ON public.ran_as TO PUBLIC;
CREATE FUNCTION public.note_role() RETURNS void LANGUAGE sql AS $$ INSERT INTO public.ran_as VALUES (current_user) $$;
CREATE FUNCTION public.spy(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.note_role(); RETURN $1; END $$;
SELECT pg_temp.allows('CREATE INDEX spying ON shop.event (public.spy(type))', 'an index that runs code of the owner''s', 'keeper');
DELETE FROM public.ran_as;
SELECT pg_temp.allows(format($$INSERT INTO shop.due (id, due, role, events, after) VALUES (pg_temp.n(42), now(), %L, '[{"type": "Forged"}]', 0)$$, session_user), 'the owner forges a row', 'keeper');
SELECT is(pg_temp.run(), 1, 'which is executed');
SELECT is((SELECT string_agg(DISTINCT role, ' ') FROM public.ran_as), 'keeper', 'as the owner');

-- Nor does an operator in the caller's search_path.
CREATE SCHEMA evil;
GRANT ALL ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran_as VALUES ('evil ' || current_user); RETURN true; END $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
SET LOCAL search_path = evil, pg_catalog, public;
SELECT dcb.schedule('shop', clock_timestamp(), ARRAY[dcb.event('A')], id => pg_temp.n(43)), dcb.schedule('shop', clock_timestamp(), ARRAY[dcb.event('A')], id => pg_temp.n(43)), dcb.cancel('shop', pg_temp.n(43)), pg_temp.run();
SET LOCAL search_path = "$user", public;
SELECT is((SELECT count(*) FROM public.ran_as WHERE role LIKE 'evil%'), 0::bigint, 'the caller''s operators are not asked');
DROP INDEX shop.spying;

-- An index of the user's that refuses an event fails its command only.
CREATE FUNCTION public.picky(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF $1 = 'Poison' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN 1; END $$;
CREATE INDEX picking ON shop.event (public.picky(type));
SELECT dcb.schedule('shop', now() - interval '3 s', ARRAY[dcb.event('Before')], id => pg_temp.n(51));
SELECT dcb.schedule('shop', now() - interval '2 s', ARRAY[dcb.event('Fine'), dcb.event('Poison')], id => pg_temp.n(52));
SELECT dcb.schedule('shop', now() - interval '1 s', ARRAY[dcb.event('After')], id => pg_temp.n(53));
SELECT is(pg_temp.run(), 3, 'all are executed');
SELECT is((SELECT array_agg(concat_ws(' ', state, error) ORDER BY id) FROM dcb.due_commands('shop') WHERE id BETWEEN pg_temp.n(51) AND pg_temp.n(53)), '{appended,"failed not this one",appended}', 'the poison fails alone');
SELECT is((SELECT array_agg(type ORDER BY position) FROM dcb.read('shop', after => dcb.head('shop') - 2)), '{Before,After}', 'no hole, nothing of it');
SELECT is((SELECT count(*) FROM dcb.verify('shop')), 0::bigint, 'the store is well');
DROP INDEX shop.picking;

-- Bad input changes nothing.
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT count(*) FROM shop.due;
SELECT pg_temp.refuses(call, state, message, detail, hint, 'refused: ' || call) FROM (VALUES
  ($$SELECT dcb.schedule(NULL, now(), ARRAY[dcb.event('A')])$$, '22004', '"store" must not be null', NULL, '.'),
  ($$SELECT dcb.schedule('shop', NULL, ARRAY[dcb.event('A')])$$, '22004', '"due" must not be null', NULL, '.'),
  ($$SELECT dcb.schedule('shop', 'infinity', ARRAY[dcb.event('A')])$$, '22023', '"due" must be finite', 'infinity', 'time'),
  ($$SELECT dcb.schedule('shop', now(), NULL::dcb.new_event[])$$, 'DCB04', 'nothing to append', 'null', '.'),
  ($$SELECT dcb.schedule('shop', now(), '{}'::dcb.new_event[])$$, 'DCB04', 'nothing to append', 'empty', '.'),
  ($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('')])$$, 'DCB03', 'invalid event', 'empty type', '.'),
  ($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('A', 'null')])$$, 'DCB03', 'invalid event', 'the data is JSON''s null', '.'),
  ($$SELECT dcb.schedule('shop', now(), '{"type": "A"}'::jsonb)$$, 'DCB03', 'invalid list of events', 'not an array', '.'),
  ($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('A')], after => 1)$$, '22023', '"after" is of no use without a query', '.', '.'),
  ($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('A')], dcb.all(), 1000)$$, 'DCB09', 'position 1000 is beyond the head', '.', 'read again'),
  ($$SELECT dcb.schedule('shop', now(), ARRAY[dcb.event('A')], dcb.query(after => 1000))$$, 'DCB09', 'position 1000 is beyond the head', '.', 'read again'),
  ($$SELECT dcb.schedule('nowhere', now(), ARRAY[dcb.event('A')])$$, 'DCB05', 'store "nowhere" does not exist', '.', '.'),
  ($$SELECT dcb.cancel('shop', NULL)$$, '22004', '"id" must not be null', NULL, '.'),
  ($$SELECT dcb.cancel('nowhere', pg_temp.n(1))$$, 'DCB05', 'store "nowhere" does not exist', '.', '.'),
  ($$CALL dcb.run_due(NULL, NULL)$$, '22004', '"store" must not be null', NULL, '.'),
  ($$CALL dcb.run_due('nowhere', NULL)$$, 'DCB05', 'store "nowhere" does not exist', '.', '.'),
  ($$SELECT * FROM dcb.due_commands('nowhere')$$, 'DCB05', 'store "nowhere" does not exist', '.', '.')) AS v (call, state, message, detail, hint);
SELECT is((SELECT count(*) FROM shop.due), (SELECT count FROM before), 'nothing of it was scheduled');

-- A table that only looks like one of due commands is not asked.
CREATE FUNCTION pg_temp.with_table(definition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE shop.due;
  EXECUTE definition;
  PERFORM dcb.cancel('shop', gen_random_uuid());
  RETURN 'ran';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;
SELECT is(pg_temp.with_table(definition), '55000', definition) FROM (VALUES ('SELECT'), ('CREATE TABLE shop.due (id uuid)'), ('CREATE VIEW shop.due AS SELECT 1 AS id'),
  ('CREATE TABLE shop.due (id uuid PRIMARY KEY, due timestamptz, scheduled_at timestamptz, role text, events jsonb, fail_if_events_match text, after bigint, state text, position bigint, sqlstate text, error text, executed_at timestamptz)')) AS v (definition);

SELECT dcb.drop_store('shop', force => true);
SELECT is(to_regclass('shop.due'), NULL, 'it goes with the store');
SELECT * FROM finish();
ROLLBACK;
