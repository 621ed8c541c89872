-- What the functions of lockout.ts send, called as in lockout.fixture.ts.
-- Derived: do not edit.

-- refuseBlocked
select "subject", "blocked_until" as "blockedUntil"
from "tautline"."login_attempt"
where "subject" in ($1) and "blocked_until" > $2
order by "blocked_until" desc;

-- countFailure
insert into tautline.login_attempt as seen (subject, failures, blocked_until, forget_at)
values ($1, 1, 'epoch', $2::timestamptz + ($3::double precision * interval '1 ms'))
on conflict (subject)
do update set failures = (case when seen.forget_at <= $4::timestamptz then 1 else seen.failures + 1 end), blocked_until = (case when (case when seen.forget_at <= $5::timestamptz then 1 else seen.failures + 1 end) < $6::integer then 'epoch' else $7::timestamptz + least($8, $9 * power(2, least((case when seen.forget_at <= $10::timestamptz then 1 else seen.failures + 1 end) - $11::integer, 20))) * interval '1 ms' end), forget_at = greatest($12::timestamptz, (case when (case when seen.forget_at <= $13::timestamptz then 1 else seen.failures + 1 end) < $14::integer then 'epoch' else $15::timestamptz + least($16, $17 * power(2, least((case when seen.forget_at <= $18::timestamptz then 1 else seen.failures + 1 end) - $19::integer, 20))) * interval '1 ms' end)) + ($20::double precision * interval '1 ms')
where seen.blocked_until <= $21::timestamptz
returning seen.blocked_until;
delete from "tautline"."login_attempt"
where "subject" in (
  select "subject"
  from "tautline"."login_attempt"
  where "forget_at" <= $1
  order by "forget_at"
  limit $2
  for update skip locked
);

-- forgetFailures
select "blocked_until"
from "tautline"."login_attempt"
where "subject" = $1
for update;
delete from "tautline"."login_attempt"
where "subject" = $1;

-- unblock
delete from "tautline"."login_attempt"
where "subject" = $1;
