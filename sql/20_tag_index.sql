-- The index access method of event tables: several B-tree entries per event, one per tag and one for the type.

CREATE FUNCTION dcb.tags_handler(internal) RETURNS index_am_handler
	LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'dcb_tags_handler';
CREATE ACCESS METHOD dcb_tags TYPE INDEX HANDLER dcb.tags_handler;
COMMENT ON ACCESS METHOD dcb_tags IS 'tags and types of events in position order, for pg_dcb';

CREATE FUNCTION dcb.index_key("position" bigint, type text) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_index_key';

CREATE OPERATOR CLASS dcb.tags_ops DEFAULT FOR TYPE text[] USING dcb_tags AS
	FUNCTION 1 (text[], text[]) btint8cmp(bigint, bigint),
	FUNCTION 2 (text[], text[]) btint8sortsupport(internal),
	STORAGE bigint;
CREATE OPERATOR CLASS dcb.key_ops DEFAULT FOR TYPE bigint USING dcb_tags AS
	FUNCTION 1 (bigint, bigint) btint8cmp(bigint, bigint),
	FUNCTION 2 (bigint, bigint) btint8sortsupport(internal);
