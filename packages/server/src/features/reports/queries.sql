-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- selectStock
select "price_minor", "quantity"
from "item"
where "owner_id" = $1 and "tenant_id" = $2 and "created_at" >= $3 and "created_at" < $4;
