-- Grants on the store's schema and tables decide, as for any table; nothing is PUBLIC's.
BEGIN;
\ir helpers.psql
SELECT no_plan();

CREATE ROLE owner_role;
CREATE ROLE reader;
CREATE ROLE appender;
CREATE ROLE both_rights;
CREATE ROLE nobody_role;
CREATE ROLE outside;   -- has rights on the tables but none on the schema
GRANT CREATE ON DATABASE test TO owner_role;

-- Default privileges that would open every new table must not open a store's.
ALTER DEFAULT PRIVILEGES FOR ROLE owner_role GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE owner_role GRANT ALL ON SCHEMAS TO PUBLIC;
SELECT pg_temp.allows($$SELECT dcb.create_store('shop')$$, 'owner creates a store', 'owner_role');
SELECT is_empty($$SELECT c.relname, a.privilege_type FROM pg_class c, LATERAL aclexplode(COALESCE(c.relacl, acldefault('r', c.relowner))) a
                  WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind IN ('r', 'S', 'v', 'p') AND a.grantee = 0$$, 'PUBLIC has nothing on the tables');
SELECT is_empty($$SELECT a.privilege_type FROM pg_namespace n, LATERAL aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) a WHERE n.nspname = 'shop' AND a.grantee = 0$$, 'nor on the schema');
SELECT is((SELECT array_agg(DISTINCT pg_get_userbyid(relowner)) FROM pg_class WHERE relnamespace = 'shop'::regnamespace), '{owner_role}'::name[], 'the store is the creator''s');

GRANT USAGE ON SCHEMA shop TO reader, appender, both_rights, nobody_role;
GRANT SELECT ON shop.event TO reader, both_rights, outside;
GRANT INSERT ON shop.event TO appender, both_rights, outside;
SELECT dcb.append('shop', ARRAY[dcb.event('A')]);

CREATE TEMP TABLE action (name text, call text) ON COMMIT DROP;
INSERT INTO action VALUES
  ('append', $$SELECT dcb.append('shop', ARRAY[dcb.event('A', tags => '{new}')])$$),
  ('append JSON', $$SELECT dcb.append('shop', '[{"type":"A"}]'::jsonb)$$),
  ('append with an id', $$SELECT dcb.append('shop', ARRAY[dcb.event('A')], append_id => gen_random_uuid())$$),
  ('append if', $$SELECT dcb.append('shop', ARRAY[dcb.event('A')], dcb.query(tags => '{unknown}'))$$),
  ('append JSON if', $$SELECT dcb.append('shop', '[{"type":"A"}]'::jsonb, dcb.query(tags => '{unknown}'))$$),
  ('read', $$SELECT * FROM dcb.read('shop')$$), ('head', $$SELECT dcb.head('shop')$$), ('exists', $$SELECT dcb.exists('shop')$$), ('count', $$SELECT dcb.count('shop')$$),
  ('last', $$SELECT dcb.last('shop')$$), ('position_at', $$SELECT dcb.position_at('shop', now())$$);
CREATE TEMP TABLE may ON COMMIT DROP AS
  SELECT r.role, a.name, a.call,
         CASE r.role WHEN 'owner_role' THEN true WHEN 'both_rights' THEN true WHEN 'reader' THEN a.name NOT LIKE 'append%' WHEN 'appender' THEN a.name LIKE 'append%' AND a.name NOT LIKE '%if' ELSE false END AS allowed
  FROM action a, unnest('{owner_role,reader,appender,both_rights,nobody_role,outside}'::text[]) AS r (role);
SELECT CASE WHEN allowed THEN pg_temp.allows(call, role || ' may ' || name, role)
            ELSE pg_temp.refuses(call, '42501', 'permission denied for store "shop"', CASE WHEN role = 'outside' THEN 'needs USAGE on schema shop' ELSE 'needs (SELECT|INSERT)' END, 'need SELECT', role || ' may not ' || name, role) END
FROM may ORDER BY role, name;

-- An unknown store tells nobody more than a store without rights would.
SELECT is((pg_temp.failure_of($$SELECT dcb.head('nowhere')$$, 'nobody_role')).state, 'DCB05', 'an unknown store is unknown for everybody');

-- Column grants are not table grants.
GRANT SELECT (position, type) ON shop.event TO nobody_role;
SELECT is((pg_temp.failure_of($$SELECT * FROM dcb.read('shop')$$, 'nobody_role')).state, '42501', 'a grant on some columns is not enough to read');

-- Only the owner drops.
SELECT pg_temp.refuses($$SELECT dcb.drop_store('shop', force => true)$$, '42501', '.', '', '', 'both rights together do not drop a store', 'both_rights');
SELECT pg_temp.refuses($$SELECT dcb.create_store('shop2')$$, '42501', '.', '', '', 'a role that may not create schemas creates no store', 'both_rights');

-- The view dcb.stores shows every store and hides what may not be read.
SELECT is(pg_temp.failure_of('SELECT * FROM dcb.stores', 'nobody_role'), NULL, 'anyone may look at dcb.stores');
CREATE FUNCTION pg_temp.stores_as(role name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  seen text;
BEGIN
  PERFORM set_config('role', role, true);
  SELECT string_agg(s::text, ' ') INTO seen FROM (SELECT store, owner, head IS NULL AS hidden FROM dcb.stores) AS s;
  PERFORM set_config('role', 'none', true);
  RETURN seen;
END $$;
SELECT is(pg_temp.stores_as('reader'), '(shop,owner_role,f)', 'dcb.stores: the head for a reader');
SELECT is(pg_temp.stores_as('appender'), '(shop,owner_role,t)', 'dcb.stores: no head for who may not read');

-- A SECURITY DEFINER function lends its owner's rights, for that call only.
CREATE FUNCTION public.place_order() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT dcb.append('shop', ARRAY[dcb.event('Ordered')], dcb.query(types => '{Ordered}'), dcb.head('shop')) $$;
ALTER FUNCTION public.place_order() OWNER TO owner_role;
SELECT pg_temp.allows('SELECT public.place_order()', 'a SECURITY DEFINER function appends for a role without rights', 'nobody_role');
SELECT is((pg_temp.failure_of($$SELECT dcb.append('shop', ARRAY[dcb.event('A')])$$, 'nobody_role')).state, '42501', 'the role itself still may not');

-- Revoked is revoked, also for plans and stores this session has used.
REVOKE SELECT ON shop.event FROM reader;
SELECT is((pg_temp.failure_of($$SELECT dcb.head('shop')$$, 'reader')).state, '42501', 'a revoked right is gone at once');
REVOKE INSERT ON shop.event FROM both_rights;
SELECT is((pg_temp.failure_of($$SELECT dcb.append('shop', ARRAY[dcb.event('A')])$$, 'both_rights')).state, '42501', 'for appends too');

-- Row security would make a condition see less than there is.
ALTER TABLE shop.event ENABLE ROW LEVEL SECURITY;
CREATE POLICY none ON shop.event USING (false);
SELECT isnt((pg_temp.failure_of($$SELECT * FROM dcb.read('shop')$$, 'both_rights')).state, NULL, 'row security on the event table: a read is refused, not filtered');
GRANT INSERT ON shop.event TO both_rights;
SELECT isnt((pg_temp.failure_of($$SELECT dcb.append('shop', ARRAY[dcb.event('A')], dcb.query(types => '{A}'))$$, 'both_rights')).state, NULL, '… and so is an append with a condition');

SELECT * FROM finish();
ROLLBACK;
