-- A line for each table of the users' schemas: how many rows, and a checksum of them; and the same of each log as dcb.read has it where the extension is there.

SELECT format('SELECT %L, count(*), md5(string_agg(row, '''' ORDER BY row)) FROM (SELECT md5(t::text) AS row FROM %s AS t) AS s', c.oid::regclass, c.oid::regclass)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('dcb', 'information_schema') AND n.nspname !~ '^pg_' ORDER BY c.oid::regclass::text COLLATE "C" \gexec
SELECT format('SELECT %L, count(*), md5(string_agg(md5(e::text), '''' ORDER BY e.position)) FROM dcb.read(%L) AS e', 'dcb.read ' || store, store)
FROM dcb.stores ORDER BY store COLLATE "C" \gexec
