-- The handlers of the projections. They name a type of the extension, so DROP EXTENSION … CASCADE takes them, and they are made again as here.

SET ROLE rt_shop;
CREATE FUNCTION model.count_item(event dcb.stored_event) RETURNS void LANGUAGE sql AS $$
	INSERT INTO model.item SELECT tag, 1, event.position FROM unnest(event.tags) AS tag WHERE tag LIKE 'item:%'
	ON CONFLICT (item) DO UPDATE SET uses = item.uses + 1, last = excluded.last
$$;
CREATE FUNCTION model.refuse_odd(event dcb.stored_event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF event.position % 2 = 1 THEN
		RAISE EXCEPTION 'odd: %', event.position;
	END IF;
END $$;
RESET ROLE;
SET ROLE rt_bank;
CREATE FUNCTION ledger.book(events dcb.stored_event[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ledger.balance SELECT tags[1], sum((data->>'amount')::int) FROM unnest(events) GROUP BY 1
	ON CONFLICT (account) DO UPDATE SET amount = balance.amount + excluded.amount
$$;
RESET ROLE;
