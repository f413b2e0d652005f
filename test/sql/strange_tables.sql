-- Whoever may create tables can make some that look like a store's. What is not exactly one is refused, and never read as if it were.
BEGIN;
\ir helpers.psql
SELECT no_plan();

CREATE SCHEMA strange;

-- One test: a table `event`, its indexes, and how a read and an append fail on them.
CREATE FUNCTION pg_temp.refused(definition text, detail text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS strange.event, strange.append_id;
  CREATE TABLE strange.append_id (append_id uuid PRIMARY KEY, digest bytea, position bigint);
  EXECUTE definition;
  INSERT INTO strange.event (position, type, tags, data, id, recorded_at) VALUES (1, 'A', '{x}', '{}', gen_random_uuid(), now());
  RETURN QUERY SELECT pg_temp.refuses(call, '55000', '"strange" is not a complete store', detail, 'attach_store', call || ' after ' || definition)
    FROM (VALUES ($q$SELECT * FROM dcb.read('strange', dcb.query(types => '{A}'))$q$), ($q$SELECT dcb.append('strange', ARRAY[dcb.event('A')])$q$)) AS v (call);
END $$;
SELECT pg_temp.refused('CREATE TABLE strange.event (position bigint, type text, tags text[], data jsonb, payload bytea, metadata jsonb, id uuid ' || key || ', recorded_at timestamptz' || more || '); CREATE INDEX ON strange.event USING dcb_tags (tags, dcb.index_key(position, type))' || predicate,
                       detail)
FROM (VALUES ('PRIMARY KEY', '', '', 'no primary key on the position'), ('', ', PRIMARY KEY (type, position)', '', 'no primary key on the position'), ('', ', PRIMARY KEY (position, id)', '', 'no primary key on the position'),
             ('', '', '', 'no primary key on the position'), ('', ', PRIMARY KEY (position)', ' WHERE position > 1', 'no valid index of the access method dcb_tags')) AS v (key, more, predicate, detail);

-- The access method makes no other index than the one it is for.
CREATE TABLE strange.other (position bigint, type text, tags text[]);
SELECT pg_temp.refuses(format('CREATE INDEX ON strange.other USING dcb_tags (%s)', columns), '0A000', 'two columns, text\[\] and bigint', NULL, 'dcb.index_key', 'an index on ' || columns)
FROM (VALUES ('tags'), ('position'), ('position, tags'), ('tags, position, tags'), ('tags, tags'), ('position, position')) AS v (columns);

-- Append ids.
SELECT dcb.create_store('ids');
CREATE FUNCTION pg_temp.with_ids(definition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE ids.append_id;
  EXECUTE definition;
  PERFORM dcb.append('ids', ARRAY[dcb.event('A')], append_id => '00000000-0000-0000-0000-000000000001');
  RETURN 'appended';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;
SELECT is(pg_temp.with_ids(definition), '55000', definition)
FROM (VALUES ('SELECT'), ('CREATE TABLE ids.append_id (append_id uuid, digest bytea, position bigint)'), ('CREATE TABLE ids.append_id (append_id uuid, digest bytea PRIMARY KEY, position bigint)'),
             ('CREATE TABLE ids.append_id (append_id bigint PRIMARY KEY, digest bytea, position bigint)'), ('CREATE TABLE ids.append_id (append_id uuid PRIMARY KEY, digest bytea)'), ('CREATE VIEW ids.append_id AS SELECT gen_random_uuid() AS append_id')) AS v (definition);
SELECT is(pg_temp.with_ids('CREATE TABLE ids.append_id (append_id uuid PRIMARY KEY, digest bytea, position bigint)'), 'appended', 'the right one is used');

SELECT * FROM finish();
ROLLBACK;
