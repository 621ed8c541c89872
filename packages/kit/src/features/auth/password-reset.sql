-- What the functions of password-reset.ts send, called as in password-reset.fixture.ts.
-- Derived: do not edit.

-- openReset
insert into tautline.password_reset as open (address, token_hash, user_id, expires_at)
values ($1, $2, (
  select id
  from tautline.user
  where email = $3
), $4)
on conflict (address)
do update set token_hash = excluded.token_hash, user_id = excluded.user_id, expires_at = excluded.expires_at
returning open.user_id;
delete from "tautline"."password_reset"
where "address" in (
  select "address"
  from "tautline"."password_reset"
  where "expires_at" <= $1
  order by "expires_at"
  limit $2
  for update skip locked
);

-- findReset
select "user"."id" as "userId", "user"."email", "reset"."address"
from "tautline"."password_reset" as "reset"
inner join "tautline"."user" as "user" on "user"."id" = "reset"."user_id"
where "token_hash" = $1 and "expires_at" > $2;

-- takeReset
delete from "tautline"."password_reset"
where "token_hash" = $1
returning "address";

-- closeResetsOf
delete from "tautline"."password_reset"
where "user_id" = $1;
