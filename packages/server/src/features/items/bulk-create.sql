-- What the functions of bulk-create.ts send, called as in bulk-create.fixture.ts.
-- Derived: do not edit.

-- createManyItems: skip
insert into item (owner_id, tenant_id, sku, name, quantity, price_minor)
select $1, $2, sku, name, quantity, price_minor
from unnest($3::text[], $4::text[], $5::integer[], $6::bigint[]) as input (sku, name, quantity, price_minor)
on conflict (owner_id, tenant_id, sku) do nothing
returning sku, id, xmax = 0 as created;

-- createManyItems: update
insert into item (owner_id, tenant_id, sku, name, quantity, price_minor)
select $1, $2, sku, name, quantity, price_minor
from unnest($3::text[], $4::text[], $5::integer[], $6::bigint[]) as input (sku, name, quantity, price_minor)
on conflict (owner_id, tenant_id, sku)
do update set name = excluded.name, quantity = excluded.quantity, price_minor = excluded.price_minor, version = item.version + 1, updated_at = now()
returning sku, id, xmax = 0 as created;
