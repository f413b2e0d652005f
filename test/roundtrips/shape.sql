-- Everything about the users' schemas but the rows: owners, grants, comments, columns, indexes, constraints, triggers, functions. The schema :only, or all.
-- Constraints of NOT NULL are new in 18.

\if :{?only} \else \set only '' \endif
\ir grants.sql
CREATE TEMP VIEW schemas AS SELECT * FROM pg_namespace
WHERE nspname NOT IN ('dcb', 'information_schema', 'public') AND nspname !~ '^pg_' AND nspname = coalesce(nullif(:'only', ''), nspname);

SELECT line COLLATE "C" FROM (
	SELECT concat_ws(' | ', 'schema', nspname, pg_get_userbyid(nspowner), pg_temp.grants(nspacl, 'n', nspowner), obj_description(oid)) AS line FROM schemas
	UNION ALL
	SELECT concat_ws(' | ', 'relation', c.oid::regclass, relkind, pg_get_userbyid(relowner), pg_temp.grants(relacl, 'r', relowner), reloptions, relpersistence,
	                 obj_description(c.oid), pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready)
	FROM schemas AS n JOIN pg_class AS c ON c.relnamespace = n.oid LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
	UNION ALL
	SELECT concat_ws(' | ', 'column', attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation,
	                 pg_get_expr(adbin, adrelid), pg_temp.grants(attacl, 'c', 0))
	FROM schemas AS n JOIN pg_class AS c ON c.relnamespace = n.oid JOIN pg_attribute AS a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
	LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	UNION ALL
	SELECT concat_ws(' | ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(c.oid), convalidated)
	FROM schemas AS n JOIN pg_constraint AS c ON connamespace = n.oid AND contype <> 'n'
	UNION ALL
	SELECT concat_ws(' | ', 'trigger', tgrelid::regclass, tgenabled, pg_get_triggerdef(t.oid))
	FROM schemas AS n JOIN pg_class AS c ON c.relnamespace = n.oid JOIN pg_trigger AS t ON tgrelid = c.oid AND NOT tgisinternal
	UNION ALL
	SELECT concat_ws(' | ', 'function', p.oid::regprocedure, pg_get_userbyid(proowner), pg_temp.grants(proacl, 'f', proowner), pg_get_functiondef(p.oid))
	FROM schemas AS n JOIN pg_proc AS p ON pronamespace = n.oid) AS lines
ORDER BY 1;
