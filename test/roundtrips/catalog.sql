-- Everything that belongs to the extension, as the catalogs have it; without object ids, so that it can be compared between databases.

\ir grants.sql
CREATE TEMP VIEW member AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name
FROM pg_extension AS e JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
WHERE e.extname = 'pg_dcb';

SELECT line COLLATE "C" FROM (
	SELECT concat_ws(' | ', 'member', name, obj_description(objid, classid::regclass::name)) AS line FROM member
	UNION ALL
	SELECT concat_ws(' | ', 'extension', extname, pg_get_userbyid(extowner), extnamespace::regnamespace, extrelocatable,
	                 ARRAY(SELECT c::regclass::text FROM unnest(extconfig) AS c ORDER BY 1), obj_description(oid))
	FROM pg_extension WHERE extname = 'pg_dcb'
	UNION ALL
	SELECT concat_ws(' | ', 'schema', nspname, pg_get_userbyid(nspowner), pg_temp.grants(nspacl, 'n', nspowner)) FROM member JOIN pg_namespace ON oid = objid AND classid = 'pg_namespace'::regclass
	UNION ALL
	SELECT concat_ws(' | ', 'function', name, pg_get_userbyid(proowner), pg_temp.grants(proacl, 'f', proowner), prosupport, pg_get_functiondef(oid))
	FROM member JOIN pg_proc ON oid = objid AND classid = 'pg_proc'::regclass
	UNION ALL
	SELECT concat_ws(' | ', 'type', name, pg_get_userbyid(typowner), pg_temp.grants(typacl, 'T', typowner), typtype, typlen, typbyval, typcategory, typispreferred,
	                 typdelim, typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript, typalign, typstorage, typnotnull,
	                 typelem::regtype, typbasetype::regtype, typcollation::regcollation)
	FROM member JOIN pg_type ON oid = objid AND classid = 'pg_type'::regclass
	UNION ALL
	SELECT concat_ws(' | ', 'relation', name, pg_get_userbyid(relowner), pg_temp.grants(relacl, 'r', relowner), relkind, reloptions, CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) END)
	FROM member JOIN pg_class ON oid = objid AND classid = 'pg_class'::regclass
	UNION ALL
	-- Columns of tables and views, and of composite types.
	SELECT concat_ws(' | ', 'column', name, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation, attacl, col_description(attrelid, attnum))
	FROM member LEFT JOIN pg_type AS t ON t.oid = objid AND classid = 'pg_type'::regclass
	JOIN pg_attribute ON attrelid = CASE classid WHEN 'pg_class'::regclass THEN objid ELSE t.typrelid END AND attnum > 0 AND NOT attisdropped
	UNION ALL
	SELECT concat_ws(' | ', 'operator', name, pg_get_userbyid(oprowner), oprkind, oprcanmerge, oprcanhash, oprresult::regtype, oprcom::regoperator, oprnegate::regoperator,
	                 oprcode, oprrest, oprjoin)
	FROM member JOIN pg_operator ON oid = objid AND classid = 'pg_operator'::regclass
	UNION ALL
	SELECT concat_ws(' | ', 'operator class', name, opcintype::regtype, opcdefault, opckeytype::regtype, pg_describe_object('pg_opfamily'::regclass, opcfamily, 0))
	FROM member JOIN pg_opclass ON oid = objid AND classid = 'pg_opclass'::regclass
	UNION ALL
	SELECT concat_ws(' | ', 'in family', name, amopstrategy, amoppurpose, amopopr::regoperator)
	FROM member JOIN pg_amop ON amopfamily = objid AND classid = 'pg_opfamily'::regclass
	UNION ALL
	SELECT concat_ws(' | ', 'in family', name, amprocnum, amproclefttype::regtype, amprocrighttype::regtype, amproc::regprocedure)
	FROM member JOIN pg_amproc ON amprocfamily = objid AND classid = 'pg_opfamily'::regclass
	UNION ALL
	SELECT concat_ws(' | ', 'cast', name, castfunc::regprocedure, castcontext, castmethod) FROM member JOIN pg_cast ON oid = objid AND classid = 'pg_cast'::regclass
	UNION ALL
	SELECT concat_ws(' | ', 'access method', amname, amtype, amhandler) FROM member JOIN pg_am ON oid = objid AND classid = 'pg_am'::regclass
	UNION ALL
	-- What pg_dump takes for the extension's own grants.
	SELECT concat_ws(' | ', 'initial grants', m.name, i.objsubid, i.privtype, pg_temp.grants(i.initprivs, 'f', 10))
	FROM member AS m JOIN pg_init_privs AS i ON (i.classoid, i.objoid) = (m.classid, m.objid)) AS lines
ORDER BY 1;
