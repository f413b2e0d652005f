-- The rows of the specification of dynamic consistency boundaries (dcb.events/specification), one test each, named after the row.
BEGIN;
\ir helpers.psql
SELECT plan(29);

SELECT dcb.create_store('spec');
SELECT dcb.append('spec', ARRAY[
  dcb.event('EventType1', '{"n": 1}', '{tag1}'),
  dcb.event('EventType2', '{"n": 2}', '{tag2}'),
  dcb.event('EventType2', '{"n": 3}', '{tag1,tag3}', metadata => '{"by": "me"}'),
  dcb.event('EventType4', '{"n": 4}', '{tag1,tag2}'),
  dcb.event('EventType4', '{"n": 5}')]);

-- Reading events
SELECT is(pg_temp.positions('spec', dcb.query(types => '{EventType2}')), '{2,3}', 'Reading: MUST filter events by event type');
SELECT is(pg_temp.positions('spec', dcb.query(tags => '{tag2}')), '{2,4}', 'Reading: MUST filter events by tag');
SELECT is(pg_temp.positions('spec', dcb.query(types => '{EventType2}', tags => '{tag1}')), '{3}', 'Reading: MUST filter events by event type and tag');
SELECT is(pg_temp.positions('spec', dcb.query(tags => '{tag1}'), after => 1), '{3,4}', 'Reading: SHOULD read from a given starting sequence position');
SELECT is(pg_temp.positions('spec', backwards => true), '{5,4,3,2,1}', 'Reading: MAY provide further options: ordering');
SELECT is(pg_temp.positions('spec', max_count => 2), '{1,2}', 'Reading: MAY provide further options: a limit on the number of events');

-- Writing events
SELECT is(dcb.append('spec', ARRAY[dcb.event('Both'), dcb.event('Both')]), 7::bigint, 'Writing: MUST persist one or more events atomically: all of them');
SELECT is(
  ROW((pg_temp.failure_of($$SELECT dcb.append('spec', ARRAY[dcb.event('Half'), dcb.event('')])$$)).state, dcb.head('spec'), dcb.exists('spec', dcb.query(types => '{Half}'))),
  ROW('DCB03'::text, 7::bigint, false), 'Writing: MUST persist one or more events atomically: or none of them');
SELECT pg_temp.refuses($$SELECT dcb.append('spec', ARRAY[dcb.event('X')], dcb.query(tags => '{tag3}'))$$,
  'DCB01', '^append condition failed$', 'Event 3 of type "EventType2" with tags \{tag1,tag3\} matches', '.',
  'Writing: MUST fail if the store contains at least one event matching the append condition');

-- Query
SELECT pg_temp.refuses($$SELECT '{"items": []}'::dcb.query$$, 'DCB02', '.', '.', '.', 'Query: MUST contain at least one query item …');
SELECT is(pg_temp.positions('spec', dcb.all()), '{1,2,3,4,5,6,7}', 'Query: … or represent a query that matches all events');
SELECT is(pg_temp.positions('spec', dcb.query(types => '{EventType1}') OPERATOR(dcb.||) dcb.query(tags => '{tag3}')), '{1,3}', 'Query: items are combined with OR');

-- Query item
SELECT is(pg_temp.positions('spec', dcb.query(types => '{EventType1,EventType4}')), '{1,4,5}', 'Query item: the type MUST match one of the types of the item');
SELECT is(pg_temp.positions('spec', dcb.query(tags => '{tag2,tag1}')), '{4}', 'Query item: the tags MUST contain all of the tags of the item');
SELECT is(pg_temp.positions('spec',
  '{"items": [{"types": ["EventType1", "EventType2"]}, {"tags": ["tag1", "tag2"]}, {"types": ["EventType2", "EventType3"], "tags": ["tag1", "tag3"]}]}'),
  '{1,2,3,4}', 'Query item: the specification''s own example, each event once however many items match');

-- Sequenced event
SELECT is((SELECT position FROM dcb.read('spec', dcb.query(tags => '{tag3}'))), 3::bigint, 'Sequenced event: MUST contain the sequence position');
SELECT results_eq($$SELECT type, data, tags, metadata FROM dcb.read('spec', dcb.query(tags => '{tag3}'))$$,
  $$VALUES ('EventType2', '{"n": 3}'::jsonb, '{tag1,tag3}'::text[], '{"by": "me"}'::jsonb)$$, 'Sequenced event: MUST contain the event');
SELECT ok((SELECT bool_and(recorded_at BETWEEN now() AND clock_timestamp()) FROM dcb.read('spec')), 'Sequenced event: MAY contain further fields: recorded_at');

-- Sequence position
SELECT results_eq($$SELECT count(DISTINCT position), count(*) FROM dcb.read('spec')$$, 'VALUES (7::bigint, 7::bigint)', 'Sequence position: MUST be unique in the store');
SELECT is(ARRAY(SELECT dcb.append('spec', ARRAY[dcb.event('More')]) FROM generate_series(1, 3)), '{8,9,10}'::bigint[],
  'Sequence position: MAY be monotonically increasing (it is) and MAY contain gaps (it has none)');

-- Events, event, tags
SELECT pg_temp.refuses($$SELECT dcb.append('spec', '{}'::dcb.new_event[])$$, 'DCB04', '.', '', '.', 'Events: MUST not be empty');
SELECT is(ARRAY(SELECT data->>'n' FROM dcb.read('spec', upto => 5)), '{1,2,3,4,5}', 'Events: MUST be iterable: stored in the order given');
SELECT pg_temp.refuses($$SELECT dcb.append('spec', ARRAY[dcb.event(NULL)])$$, 'DCB03', '.', '.', '.', 'Event: MUST contain an event type');
SELECT ok((SELECT bool_and(data IS NOT NULL) FROM dcb.read('spec')), 'Event: MUST contain event data');
SELECT is((SELECT tags FROM dcb.read('spec', after => 4, max_count => 1)), '{}', 'Event: MUST contain tags, in rare cases an empty list');
SELECT dcb.append('spec', ARRAY[dcb.event('Tagged', tags => '{b,a,b,plain,product:123,a}')]);
SELECT is((SELECT tags FROM dcb.read('spec', dcb.query(types => '{Tagged}'))), '{a,b,plain,product:123}',
  'Tags: SHOULD not contain a value twice; a tag MAY be a key and a value, which is irrelevant to the store');

-- Append condition
SELECT pg_temp.refuses($$SELECT dcb.append('spec', ARRAY[dcb.event('X')], after => 3)$$, '22023', '.', '.', '.', 'Append condition: MUST contain a query');
SELECT is(dcb.append('spec', ARRAY[dcb.event('X')], dcb.query(tags => '{tag3}'), after => 3), 12::bigint,
  'Append condition: MAY contain a position; events up to it MUST be ignored');
SELECT is(dcb.append('spec', ARRAY[dcb.event('X')], dcb.query(tags => '{tag3}'), after => 12), 13::bigint,
  'Append condition: the position can be higher than that of the last event matching the query');

SELECT finish();
ROLLBACK;
