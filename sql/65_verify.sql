-- Verification.

CREATE FUNCTION dcb.verify(store text) RETURNS TABLE (problem text, "position" bigint, detail text)
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'dcb_verify';
COMMENT ON FUNCTION dcb.verify(text) IS 'what is wrong with a store: positions, times, tags, indexes; no rows when all is well';
