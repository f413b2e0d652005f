-- The append condition in one session: what it sees, where it starts, what it says when it fails.
BEGIN;
\ir helpers.psql
SELECT plan(23);

SELECT dcb.create_store('c');
SELECT is(dcb.append('c', ARRAY[dcb.event('UserCreated', tags => '{user:u1}')], dcb.all()), 1::bigint, 'match all holds in an empty store');
SELECT dcb.append('c', ARRAY[dcb.event('ItemAdded', tags => '{cart:c1,item:i7}'), dcb.event('ItemAdded', tags => '{cart:c2,item:i7}'), dcb.event('CartCheckedOut', tags => '{cart:c1}')]);

-- The message is the contract of clients that show it.
SELECT is(pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query('{ItemAdded}', '{cart:c1}'), after => 1)$$)::text,
  (SELECT ROW('DCB01', 'append condition failed', 'Event 2 of type "ItemAdded" with tags {cart:c1,item:i7} matches the condition and was appended after position 1.',
              (pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query('{ItemAdded}', '{cart:c1}'), after => 1)$$)).hint)::pg_temp.failure::text), 'message and DETAIL, word for word');
SELECT pg_temp.refuses($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.all(), after => 1)$$, 'DCB01', '^append condition failed$', '^Event 2 of type', '.', 'the first conflicting event is named, and there is a hint');
SELECT pg_temp.refuses($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(tags => '{cart:c1}'), after => 3)$$, 'DCB01', '.', '^Event 4 of type "CartCheckedOut" with tags \{cart:c1\} matches the condition and was appended after position 3\.$', '.',
  'the first conflicting event after the position');
SELECT pg_temp.refuses($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(types => '{CartCheckedOut}') OPERATOR(dcb.||) dcb.query('{ItemAdded}', '{cart:c2}'))$$, 'DCB01', '.', '^Event 3 ', '.', 'the first conflicting event over all items');
SELECT is(dcb.head('c'), 4::bigint, 'nothing of the failed appends is stored');

-- after
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(types => '{UserCreated}'), NULL)$$)).state, 'DCB01', 'after NULL is the whole log');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(types => '{UserCreated}'), 0)$$)).state, 'DCB01', 'after 0 is the whole log');
SELECT is(dcb.append('c', ARRAY[dcb.event('P')], dcb.query(types => '{UserCreated}'), 1), 5::bigint, 'after is exclusive');
SELECT pg_temp.refuses($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.all(), after => 6)$$, 'DCB09', 'position 6', 'position 5', '.', 'after beyond the head: this log is not the one that was read');
SELECT pg_temp.refuses($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(types => '{Nothing}'), after => 6)$$, 'DCB09', 'position 6', 'position 5', '.', 'after beyond the head, though nothing matches');
SELECT pg_temp.refuses($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query('{Nothing}', after => 6), after => 2)$$, 'DCB09', 'position 6', 'position 5', '.', 'an item''s after beyond the head');

-- An item's own after wins over the call's, both ways.
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query('{UserCreated}', after => 0), after => 5)$$)).state, 'DCB01', 'item after 0 means never at all, whatever the call says');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query('{UserCreated}', after => 1), after => 0)$$)).state, NULL, 'an item''s later after is used too');
SELECT pg_temp.refuses($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query('{UserCreated}', after => 0) OPERATOR(dcb.||) dcb.query(types => '{ItemAdded}'), after => 5)$$, 'DCB01', '.', '^Event 1 .* after position 0\.$', '.',
  'items with different starts: the one that matches says its own');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query('{UserCreated}', after => 1) OPERATOR(dcb.||) dcb.query(types => '{ItemAdded}'), after => 5)$$)).state, NULL, '… and neither matches after its own start');

-- The condition is about what is stored, not about the events of the same append.
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('Self'), dcb.event('Self')], dcb.query(types => '{Self}'))$$)).state, NULL, 'an append does not conflict with itself');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(types => '{Self}'))$$)).state, 'DCB01', '… but the next one of the same transaction does with it');

-- Forms of one boundary.
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(except_types => '{UserCreated}'), after => 4)$$)).state, 'DCB01', 'excluded types: another type conflicts');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(tags => '{cart:c1}', except_types => '{ItemAdded,CartCheckedOut}'))$$)).state, NULL, 'excluded types: those events do not');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(tags => '{item:i7,cart:c1}'))$$)).state, 'DCB01', 'two tags on one event conflict');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query(tags => '{cart:c1,user:u1}'))$$)).state, NULL, 'two tags on different events do not');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('c', ARRAY[dcb.event('X')], dcb.query('{ItemAdded}', '{user:u1}'))$$)).state, NULL, 'the type on one event and the tag on another do not');

SELECT finish();
ROLLBACK;
