-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- insertAccount
insert into "account" ("currency", "name", "owner_id", "tenant_id")
values ($1, $2, $3, $4)
returning "id", "name", "currency", "balance_minor" as "balanceMinor", "frozen", "created_at" as "createdAt";

-- findAccount
select "id", "name", "currency", "balance_minor" as "balanceMinor", "frozen", "created_at" as "createdAt"
from "account"
where "id" = $1 and ("owner_id" = $2 and "tenant_id" = $3 and "kind" = $4);

-- listAccounts: the first page
select "id", "name", "currency", "balance_minor" as "balanceMinor", "frozen", "created_at" as "createdAt", created_at::text as "position"
from "account"
where ("owner_id" = $1 and "tenant_id" = $2 and "kind" = $3)
order by "created_at" desc, "id" desc
limit $4;

-- listAccounts: another page
select "id", "name", "currency", "balance_minor" as "balanceMinor", "frozen", "created_at" as "createdAt", created_at::text as "position"
from "account"
where ("owner_id" = $1 and "tenant_id" = $2 and "kind" = $3) and (created_at, id) < ($4::timestamptz, $5::uuid)
order by "created_at" desc, "id" desc
limit $6;

-- listEntries: the first page
select "id", "transfer_id", "account_id", "amount_minor", "balance_after_minor"
from "ledger_entry"
where "account_id" = $1
order by "id" desc
limit $2;
select "transfer"."id" as "transferId", "entry"."amount_minor" as "amountMinor", "balance_after_minor" as "balanceAfterMinor", "memo", "at", case when to_id = account_id then from_id else to_id end as "counterpartyId", entry.id::text as "position"
from (
  select "id", "transfer_id", "account_id", "amount_minor", "balance_after_minor"
  from "ledger_entry"
  where "account_id" = $1
  order by "id" desc
  limit $2
) as "entry"
inner join "transfer" on "transfer"."id" = "entry"."transfer_id"
order by "entry"."id" desc;

-- listEntries: another page
select "id", "transfer_id", "account_id", "amount_minor", "balance_after_minor"
from "ledger_entry"
where "account_id" = $1 and "id" < $2::bigint
order by "id" desc
limit $3;
select "transfer"."id" as "transferId", "entry"."amount_minor" as "amountMinor", "balance_after_minor" as "balanceAfterMinor", "memo", "at", case when to_id = account_id then from_id else to_id end as "counterpartyId", entry.id::text as "position"
from (
  select "id", "transfer_id", "account_id", "amount_minor", "balance_after_minor"
  from "ledger_entry"
  where "account_id" = $1 and "id" < $2::bigint
  order by "id" desc
  limit $3
) as "entry"
inner join "transfer" on "transfer"."id" = "entry"."transfer_id"
order by "entry"."id" desc;

-- setFrozen
update "account"
set "frozen" = $1
where "id" = $2 and "kind" = $3 and "closed_at" is null
returning "id", "frozen";

-- findCurrency
select "currency"
from "account"
where "id" = $1 and "kind" = $2;
