-- Waiting, without a snapshot or a lock: to be called outside of transaction blocks. Commits wake them if pg_dcb is in shared_preload_libraries;
-- otherwise, and on a standby, they look every 10 to 500 ms.

CREATE PROCEDURE dcb.wait_for_events(store text, name text, timeout interval DEFAULT '30 s', partition int DEFAULT 0, INOUT found boolean DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_wait_for_events';
COMMENT ON PROCEDURE dcb.wait_for_events(text, text, interval, int, boolean) IS
	'waits until a partition of a subscription has events to poll, or the time is up';

CREATE PROCEDURE dcb.wait_for_query(store text, query dcb.query, after bigint, timeout interval DEFAULT '30 s', INOUT found boolean DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_wait_for_query';
COMMENT ON PROCEDURE dcb.wait_for_query(text, dcb.query, bigint, interval, boolean) IS
	'waits until an event after a position matches, or the time is up';

CREATE PROCEDURE dcb.wait_for(store text, "position" bigint, timeout interval DEFAULT '30 s', name text DEFAULT NULL, INOUT reached boolean DEFAULT NULL)
	LANGUAGE c AS 'MODULE_PATHNAME', 'dcb_wait_for';
COMMENT ON PROCEDURE dcb.wait_for(text, bigint, interval, text, boolean) IS
	'waits until the store, on a standby its copy, has a position, and a subscription has dealt with it if one is named, or the time is up';

CREATE FUNCTION dcb.waiters() RETURNS SETOF int
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_waiters';
COMMENT ON FUNCTION dcb.waiters() IS 'the process ids of sessions of this database that will be woken by commits';
