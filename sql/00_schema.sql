-- Who owns a schema may put functions beside those in it, which calls with other types of arguments would then reach. He may have
-- done so already: here, with a superuser's rights, everything is named with its schema.

DO $$
DECLARE
	owner pg_catalog.pg_roles;
BEGIN
	SELECT r.* INTO owner FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
	WHERE n.nspname OPERATOR(pg_catalog.=) 'dcb';
	IF NOT owner.rolsuper AND owner.rolname OPERATOR(pg_catalog.<>) current_user THEN
		RAISE insufficient_privilege USING
			MESSAGE = pg_catalog.format('schema "dcb" belongs to "%s"', owner.rolname),
			DETAIL = 'Its owner could put functions beside those of pg_dcb.',
			HINT = 'Drop or rename it, or make it yours: ALTER SCHEMA dcb OWNER TO CURRENT_USER.';
	END IF;
END
$$;
