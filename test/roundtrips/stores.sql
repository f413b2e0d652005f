-- Four stores of three owners, with grants, an index of the user's own and the tables that projections fill, all of them empty.

SET client_min_messages = warning;
SELECT format('CREATE ROLE %I', name) FROM unnest('{rt_shop,rt_bank,rt_reader,rt_appender,rt_auditor}'::text[]) AS name WHERE to_regrole(name) IS NULL \gexec
SELECT format('GRANT CREATE ON DATABASE %I TO rt_shop, rt_bank', current_database()) \gexec
CREATE EXTENSION IF NOT EXISTS pg_dcb;

SET ROLE rt_shop;
SELECT dcb.create_store('shop');
CREATE SCHEMA model;
CREATE TABLE model.item (item text PRIMARY KEY, uses bigint NOT NULL, last bigint NOT NULL);
CREATE TABLE model.mark (position bigint PRIMARY KEY, mark text NOT NULL);
CREATE INDEX by_time ON shop.event (recorded_at);
COMMENT ON SCHEMA shop IS 'carts, "coupons" and what else';
GRANT USAGE ON SCHEMA shop TO rt_reader, rt_auditor;
GRANT USAGE ON SCHEMA shop TO rt_appender WITH GRANT OPTION;
GRANT SELECT ON shop.event TO rt_reader;
GRANT SELECT, INSERT ON shop.event TO rt_appender;
GRANT SELECT, INSERT, UPDATE ON shop.snapshot TO rt_appender;
GRANT SELECT, UPDATE ON shop.subscription, shop.checkpoint TO rt_appender;
GRANT SELECT (position, type, recorded_at) ON shop.event TO rt_auditor;
RESET ROLE;

SET ROLE rt_bank;
SELECT dcb.create_store('bank');
CREATE SCHEMA ledger;
CREATE TABLE ledger.balance (account text PRIMARY KEY, amount bigint NOT NULL);
RESET ROLE;
\ir model.sql

SELECT dcb.create_store('Straße 7"; x'), dcb.create_store('empty');
