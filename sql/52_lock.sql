-- A queue before a hot boundary.

CREATE FUNCTION dcb.lock_tags(store text, tags text[], timeout interval DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'dcb_lock_tags';
COMMENT ON FUNCTION dcb.lock_tags(text, text[], interval) IS
	'waits in line for these tags and keeps them until the transaction ends; appends do not ask for them';
