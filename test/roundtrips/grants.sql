-- What grants say: those that were never touched as the defaults, in a fixed order. MAINTAIN is new in 17.
CREATE FUNCTION pg_temp.grants(acl aclitem[], kind "char", owner oid) RETURNS text STABLE LANGUAGE sql
	RETURN (SELECT string_agg(concat_ws(' ', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END, privilege_type, is_grantable), ', '
	               ORDER BY pg_get_userbyid(grantee), privilege_type)
	        FROM aclexplode(coalesce(acl, acldefault(kind, owner))) WHERE privilege_type <> 'MAINTAIN');
