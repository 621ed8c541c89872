-- What the functions of rows.ts send, called as in rows.fixture.ts.
-- Derived: do not edit.

-- tryLock
select pg_try_advisory_xact_lock($1::integer, $2::integer) as locked;

-- findRow
select "fingerprint", "outcome"
from "tautline"."idempotency"
where "principal" = $1 and "procedure" = $2 and "key" = $3;

-- insertRow
insert into "tautline"."idempotency" ("principal", "procedure", "key", "fingerprint", "outcome", "created_at")
values ($1, $2, $3, $4, $5, $6);

-- deleteRows
delete from tautline.idempotency
where (principal, procedure, key) in (
  select principal, procedure, key
  from tautline.idempotency
  where created_at < $1
  order by created_at
  limit $2
  for update skip locked
);
