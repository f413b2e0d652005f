-- A repeated append with the same append id has one effect and one answer.
BEGIN;
\ir helpers.psql
SELECT plan(22);

SELECT dcb.create_store('i');
SELECT dcb.create_store('other');
SELECT dcb.append('i', ARRAY[dcb.event('Before')]);
CREATE FUNCTION pg_temp.send(id text DEFAULT '00000000-0000-0000-0000-000000000001', type text DEFAULT 'A', data jsonb DEFAULT '{"x": 1}', tags text[] DEFAULT '{b,a}', metadata jsonb DEFAULT NULL,
                             payload bytea DEFAULT NULL, event_id uuid DEFAULT NULL, condition dcb.query DEFAULT NULL, store text DEFAULT 'i') RETURNS bigint LANGUAGE sql AS $$
  SELECT dcb.append(store, ARRAY[dcb.event('First'), dcb.event(type, data, tags, metadata, payload, event_id)], condition, append_id => id::uuid)
$$;

SELECT is(pg_temp.send(), 3::bigint, 'the first time');
SELECT is(pg_temp.send(), 3::bigint, 'again: the same answer');
SELECT is(dcb.head('i'), 3::bigint, '… and no new events');
SELECT dcb.append('i', ARRAY[dcb.event('Later')]);
SELECT is(pg_temp.send(), 3::bigint, 'again after later appends: the same answer');
SELECT is(pg_temp.send(condition => dcb.query(types => '{A}')), 3::bigint, 'again though the condition would fail by now');
SELECT is(pg_temp.send(tags => '{a,b,a}'), 3::bigint, 'tags are a set: their order is no difference');
SELECT is(pg_temp.send(data => '{ "x" : 1 }'), 3::bigint, 'data is JSON: white space is no difference');
SELECT is(dcb.append('i', '[{"type": "First"}, {"type": "A", "data": {"x": 1}, "tags": ["a", "b"]}]'::jsonb, append_id => '00000000-0000-0000-0000-000000000001'), 3::bigint, 'the JSON form of the same events is the same append');

SELECT pg_temp.refuses($$SELECT pg_temp.send(type => 'B')$$, 'DCB07', '.', '.', '.', 'another type under the same id');
SELECT is((pg_temp.failure_of($$SELECT pg_temp.send(data => '{"x": 2}')$$)).state, 'DCB07', 'other data');
SELECT is((pg_temp.failure_of($$SELECT pg_temp.send(tags => '{a}')$$)).state, 'DCB07', 'other tags');
SELECT is((pg_temp.failure_of($$SELECT pg_temp.send(metadata => '{}')$$)).state, 'DCB07', 'other metadata');
SELECT is((pg_temp.failure_of($$SELECT pg_temp.send(payload => '')$$)).state, 'DCB07', 'an empty payload is not no payload');
SELECT is((pg_temp.failure_of($$SELECT pg_temp.send(event_id => '00000000-0000-0000-0000-000000000009')$$)).state, 'DCB07', 'another event id');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('i', ARRAY[dcb.event('First')], append_id => '00000000-0000-0000-0000-000000000001')$$)).state, 'DCB07', 'fewer events');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('i', ARRAY[dcb.event('A', '{"x": 1}', '{a,b}'), dcb.event('First')], append_id => '00000000-0000-0000-0000-000000000001')$$)).state, 'DCB07', 'another order of events');
SELECT is(dcb.head('i'), 4::bigint, 'nothing of all this is stored');

SELECT is(pg_temp.send('00000000-0000-0000-0000-000000000002'), 6::bigint, 'another id: another append, though the events are the same');
SELECT is(pg_temp.send(store => 'other'), 2::bigint, 'ids belong to a store');
SELECT is((pg_temp.failure_of($$SELECT pg_temp.send('00000000-0000-0000-0000-000000000003', condition => dcb.query(types => '{A}'))$$)).state, 'DCB01', 'a new id does not pass a condition');
SELECT is(pg_temp.send('00000000-0000-0000-0000-000000000003'), 8::bigint, 'a failed append has not used its id up');
SELECT is(ARRAY(SELECT pg_temp.send('00000000-0000-0000-0000-000000000004') FROM generate_series(1, 3)), '{10,10,10}'::bigint[], 'repeated within one statement');

SELECT finish();
ROLLBACK;
