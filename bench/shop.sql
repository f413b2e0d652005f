-- The events that every system under test is filled with; shop.hpp says what they stand for.

CREATE SCHEMA bench;

-- The events number `first` to `last` of a log that is filled with `total`. A prime times the number spreads a cart's events over the whole log.
CREATE FUNCTION bench.events(first bigint, last bigint, total bigint)
	RETURNS TABLE (number bigint, type text, cart text, customer text, shop text, payload bytea)
	LANGUAGE sql STABLE AS $$
	SELECT n, (ARRAY['ItemAdded', 'ItemRemoved', 'ItemUpdated', 'CartCheckedOut'])[1 + (n * 2654435761 >> 16) % 4],
	       'cart:' || c, 'customer:' || c / 100, 'shop:' || c / 10000, decode(repeat(md5(n::text), 16), 'hex')
	FROM generate_series(first, last) n, LATERAL (SELECT n * 2654435761 % greatest(total / 10, 1)) AS cart (c)
$$;

CREATE PROCEDURE bench.fill_store(store text, total bigint)
	LANGUAGE plpgsql AS $$
BEGIN
	FOR start IN 1..total BY 20000 LOOP
		PERFORM dcb.append(store, array_agg(dcb.event(type, tags => ARRAY[cart, customer, shop], payload => payload) ORDER BY number))
		FROM bench.events(start, least(start + 19999, total), total);
		COMMIT;
	END LOOP;
END
$$;
