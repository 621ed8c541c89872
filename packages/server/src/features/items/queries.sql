-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- insertItem
insert into "item" ("sku", "name", "quantity", "price_minor", "owner_id", "tenant_id")
values ($1, $2, $3, $4, $5, $6)
returning "id", "sku", "name", "quantity", "price_minor" as "priceMinor", "version", "created_at" as "createdAt", "updated_at" as "updatedAt";

-- findItem
select "id", "sku", "name", "quantity", "price_minor" as "priceMinor", "version", "created_at" as "createdAt", "updated_at" as "updatedAt", "asked"."position"
from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as asked (item, owner, tenant, position)
inner join "item" on "item"."id" = "asked"."item" and "item"."owner_id" = "asked"."owner" and "item"."tenant_id" = "asked"."tenant";

-- listItems: the first page
select "id", "sku", "name", "quantity", "price_minor" as "priceMinor", "version", "created_at" as "createdAt", "updated_at" as "updatedAt", created_at::text as "position"
from "item"
where ("owner_id" = $1 and "tenant_id" = $2)
order by "created_at" desc, "id" desc
limit $3;

-- listItems: another page
select "id", "sku", "name", "quantity", "price_minor" as "priceMinor", "version", "created_at" as "createdAt", "updated_at" as "updatedAt", created_at::text as "position"
from "item"
where ("owner_id" = $1 and "tenant_id" = $2) and (created_at, id) < ($3::timestamptz, $4::uuid)
order by "created_at" desc, "id" desc
limit $5;

-- selectItemsAfter: from the first on
select "id", "sku", "name", "quantity", "price_minor" as "priceMinor", "version", to_char("created_at" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt", to_char("updated_at" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "updatedAt"
from "item"
where ("owner_id" = $1 and "tenant_id" = $2)
order by "created_at", "id";

-- selectItemsAfter: from a place on
select "id", "sku", "name", "quantity", "price_minor" as "priceMinor", "version", to_char("created_at" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt", to_char("updated_at" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "updatedAt"
from "item"
where ("owner_id" = $1 and "tenant_id" = $2) and (created_at, id) > ($3::timestamptz, $4::uuid)
order by "created_at", "id";

-- updateItem
update "item"
set "quantity" = $1, "version" = version + 1, "updated_at" = now()
where "id" = $2 and ("owner_id" = $3 and "tenant_id" = $4) and "version" = $5
returning "id", "sku", "name", "quantity", "price_minor" as "priceMinor", "version", "created_at" as "createdAt", "updated_at" as "updatedAt";

-- lockItems
select "id"
from "item"
where "id" = any($1::uuid[]) and ("owner_id" = $2 and "tenant_id" = $3)
order by "id"
for update;

-- deleteItem
delete from "item"
where "id" = $1 and ("owner_id" = $2 and "tenant_id" = $3)
returning "id";
