-- Grants on a store's tables decide; the functions check them. What PUBLIC may call has no power of its own.

GRANT USAGE ON SCHEMA dcb TO PUBLIC;
GRANT SELECT ON dcb.stores TO PUBLIC;
