-- The query: items joined by OR (see docs). Text form is JSON, binary form is compact; both are checked on input.

CREATE TYPE dcb.query;

CREATE FUNCTION dcb.query_in(cstring) RETURNS dcb.query
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_in';
CREATE FUNCTION dcb.query_out(dcb.query) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_out';
CREATE FUNCTION dcb.query_recv(internal) RETURNS dcb.query
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_recv';
CREATE FUNCTION dcb.query_send(dcb.query) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_send';

CREATE TYPE dcb.query (
	INPUT = dcb.query_in, OUTPUT = dcb.query_out, RECEIVE = dcb.query_recv, SEND = dcb.query_send,
	INTERNALLENGTH = variable, STORAGE = extended
);
COMMENT ON TYPE dcb.query IS 'event query: {"items": [{"types": [...], "except": [...], "tags": [...], "after": n}]}';

CREATE CAST (jsonb AS dcb.query) WITH INOUT;
CREATE CAST (dcb.query AS jsonb) WITH INOUT;

CREATE FUNCTION dcb.query(types text[] DEFAULT '{}', tags text[] DEFAULT '{}', except_types text[] DEFAULT '{}',
                          after bigint DEFAULT NULL) RETURNS dcb.query
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_make';
COMMENT ON FUNCTION dcb.query(text[], text[], text[], bigint) IS 'a query of one item; use named arguments';

CREATE FUNCTION dcb.all() RETURNS dcb.query
	LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN dcb.query(types => '{}');
COMMENT ON FUNCTION dcb.all() IS 'the query that matches every event';

CREATE FUNCTION dcb.query_union(dcb.query, dcb.query) RETURNS dcb.query
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_union';
CREATE OPERATOR dcb.|| (LEFTARG = dcb.query, RIGHTARG = dcb.query, FUNCTION = dcb.query_union);

CREATE FUNCTION dcb.any_of(VARIADIC queries dcb.query[]) RETURNS dcb.query
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_any_of';
COMMENT ON FUNCTION dcb.any_of(dcb.query[]) IS 'the union of queries, as ||, which needs dcb in the search_path';

CREATE FUNCTION dcb.query_eq(dcb.query, dcb.query) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_eq';
CREATE FUNCTION dcb.query_ne(dcb.query, dcb.query) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_ne';
CREATE FUNCTION dcb.query_hash(dcb.query) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_hash';
CREATE FUNCTION dcb.query_hash_extended(dcb.query, bigint) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_query_hash_extended';

CREATE OPERATOR dcb.= (LEFTARG = dcb.query, RIGHTARG = dcb.query, FUNCTION = dcb.query_eq,
	COMMUTATOR = OPERATOR(dcb.=), NEGATOR = OPERATOR(dcb.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES);
CREATE OPERATOR dcb.<> (LEFTARG = dcb.query, RIGHTARG = dcb.query, FUNCTION = dcb.query_ne,
	COMMUTATOR = OPERATOR(dcb.<>), NEGATOR = OPERATOR(dcb.=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR CLASS dcb.query_ops DEFAULT FOR TYPE dcb.query USING hash AS
	OPERATOR 1 dcb.=, FUNCTION 1 dcb.query_hash(dcb.query), FUNCTION 2 dcb.query_hash_extended(dcb.query, bigint);

CREATE FUNCTION dcb.matches(query dcb.query, type text, tags text[] DEFAULT '{}') RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'dcb_matches';
COMMENT ON FUNCTION dcb.matches(dcb.query, text, text[]) IS 'would an event of this type with these tags match the query?';
