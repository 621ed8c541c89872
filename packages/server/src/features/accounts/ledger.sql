-- What the functions of ledger.ts send, called as in ledger.fixture.ts.
-- Derived: do not edit.

-- lockPair
select "id", "owner_id" as "ownerId", "tenant_id" as "tenantId", "kind", "currency", "balance_minor" as "balanceMinor", "frozen"
from "account"
where "id" in ($1, $2)
order by "id"
for update;

-- book
with last as (
  select nth, sent_minor
  from transfer
  where from_id = $1
  order by nth desc
  limit 1
), moved as (
  update account
  set balance_minor = balance_minor + case "id" when $2 then $3::bigint else $4::bigint end
  where id in ($5, $6)
  returning id, balance_minor
), booked as (
  insert into transfer (from_id, to_id, amount_minor, memo, nth, sent_minor)
  select $7::uuid, $8::uuid, $9::bigint, $10::text, coalesce(max(nth), 0) + 1, coalesce(max(sent_minor), 0) + $11::bigint
  from last
  returning id, at
), written as (
  insert into ledger_entry (transfer_id, account_id, amount_minor, balance_after_minor)
  select booked.id, moved.id, case "moved"."id" when $12 then $13::bigint else $14::bigint end, moved.balance_minor
  from booked, moved
)
select booked.id as "transferId", moved.balance_minor as "fromBalanceMinor", booked.at
from booked, moved
where moved.id = $15;

-- systemAccountId: of a known currency
select "id"
from "account"
where "kind" = $1 and "currency" = $2;

-- systemAccountId: of a new currency
select "id"
from "account"
where "kind" = $1 and "currency" = $2;
insert into "account" ("kind", "currency", "owner_id", "tenant_id", "name")
values ($1, $2, $3, $4, $5)
on conflict do nothing;
select "id"
from "account"
where "kind" = $1 and "currency" = $2;
