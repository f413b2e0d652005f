-- Who owns a schema may put functions beside those in it, which calls with other types of arguments would then reach.

DO $$
DECLARE
	owner pg_catalog.pg_roles;
BEGIN
	SELECT r.* INTO owner FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner WHERE n.nspname = 'dcb';
	IF NOT owner.rolsuper AND owner.rolname <> current_user THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('schema "dcb" belongs to "%s"', owner.rolname),
			DETAIL = 'Its owner could put functions beside those of pg_dcb.',
			HINT = 'Drop or rename it, or make it yours: ALTER SCHEMA dcb OWNER TO CURRENT_USER.';
	END IF;
END
$$;
