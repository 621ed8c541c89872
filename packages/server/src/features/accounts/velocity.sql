-- What the functions of velocity.ts send, called as in velocity.fixture.ts.
-- Derived: do not edit.

-- refuseAboveVelocity
with leaving as (
  select nth + 1 - $1 as nth, sent_minor + $2::bigint - $3::bigint as sent_minor
  from transfer
  where from_id = $4
  order by transfer.nth desc
  limit 1
)
select coalesce((
  select ceil($5 - extract(epoch from clock_timestamp() - at) * 1000)::float8
  from transfer
  where from_id = $6 and nth = (
    select nth
    from leaving
  )
), 0) as "transfersMs", coalesce((
  select ceil($7 - extract(epoch from clock_timestamp() - at) * 1000)::float8
  from transfer
  where from_id = $8 and sent_minor >= (
    select sent_minor
    from leaving
  ) and (
    select sent_minor > 0
    from leaving
  )
  order by sent_minor
  limit 1
), 0) as "amountMs";
