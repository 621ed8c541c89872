-- What the functions of expired-rows.ts send, called as in expired-rows.fixture.ts.
-- Derived: do not edit.

-- deleteExpired: counts of failures
delete from "tautline"."login_attempt"
where "subject" in (
  select "subject"
  from "tautline"."login_attempt"
  where "forget_at" <= $1
  order by "forget_at"
  limit $2
  for update skip locked
);

-- deleteExpired: requests to reset
delete from "tautline"."password_reset"
where "address" in (
  select "address"
  from "tautline"."password_reset"
  where "expires_at" <= $1
  order by "expires_at"
  limit $2
  for update skip locked
);
