-- The extension's schema: a role that owned it could put functions of its own beside those of pg_dcb.
BEGIN;
\ir helpers.psql
SELECT no_plan();

CREATE ROLE mallory;
CREATE ROLE installer SUPERUSER;
DROP EXTENSION pg_dcb CASCADE;
DROP SCHEMA IF EXISTS dcb;
CREATE SCHEMA dcb AUTHORIZATION mallory;
SET LOCAL ROLE mallory;
CREATE FUNCTION dcb.format(text, name) RETURNS text LANGUAGE sql RETURN 'planted';
CREATE FUNCTION dcb.differs(name, name) RETURNS boolean LANGUAGE sql RETURN false;
CREATE OPERATOR dcb.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = dcb.differs);
RESET ROLE;
SELECT pg_temp.refuses('CREATE EXTENSION pg_dcb', '42501', '^schema "dcb" belongs to "mallory"$', 'could put functions beside', 'ALTER SCHEMA dcb OWNER',
                       'not into a schema of a role without rights, whatever is planted there');
ALTER SCHEMA dcb OWNER TO CURRENT_USER;
SELECT pg_temp.allows('CREATE EXTENSION pg_dcb', 'into one of one''s own');

DROP EXTENSION pg_dcb;
ALTER SCHEMA dcb OWNER TO installer;
SELECT pg_temp.allows('CREATE EXTENSION pg_dcb', 'into one of another superuser, as a restored dump does');
SELECT pg_temp.allows($$SELECT dcb.create_store('shop')$$, '… where it works');

SELECT * FROM finish();
ROLLBACK;
