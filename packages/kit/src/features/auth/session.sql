-- What the functions of session.ts send, called as in session.fixture.ts.
-- Derived: do not edit.

-- openSession
insert into "tautline"."session" ("user_id", "created_at", "last_used_at", "expires_at")
values ($1, $2, $3, $4)
returning "id";
delete from tautline.refresh_token
where hash in (
  select hash
  from tautline.refresh_token
  where expires_at <= $1
  order by expires_at
  limit $2
  for update skip locked
);
delete from tautline.session
where id in (
  select id
  from tautline.session as old
  where expires_at <= $1 and not exists (
    select
    from tautline.refresh_token
    where session_id = old.id
  )
  order by expires_at
  limit $2
  for update skip locked
);
insert into "tautline"."refresh_token" ("hash", "session_id", "expires_at", "used_at")
values ($1, $2, $3, $4);

-- exchangeToken: a live one
select "id", "user_id", "revoked_at"
from "tautline"."session"
where "id" = (
  select "session_id"
  from "tautline"."refresh_token"
  where "hash" = $1
)
for update;
select "used_at"
from "tautline"."refresh_token"
where "hash" = $1 and "expires_at" > $2;
update "tautline"."refresh_token"
set "used_at" = $1
where "session_id" = $2 and "used_at" is null;
update "tautline"."session"
set "last_used_at" = $1, "expires_at" = $2
where "id" = $3;
delete from tautline.refresh_token
where hash in (
  select hash
  from tautline.refresh_token
  where expires_at <= $1
  order by expires_at
  limit $2
  for update skip locked
);
delete from tautline.session
where id in (
  select id
  from tautline.session as old
  where expires_at <= $1 and not exists (
    select
    from tautline.refresh_token
    where session_id = old.id
  )
  order by expires_at
  limit $2
  for update skip locked
);
insert into "tautline"."refresh_token" ("hash", "session_id", "expires_at", "used_at")
values ($1, $2, $3, $4);

-- exchangeToken: one that was used before
select "id", "user_id", "revoked_at"
from "tautline"."session"
where "id" = (
  select "session_id"
  from "tautline"."refresh_token"
  where "hash" = $1
)
for update;
select "used_at"
from "tautline"."refresh_token"
where "hash" = $1 and "expires_at" > $2;
update "tautline"."session"
set "revoked_at" = $1
where "id" = $2 and "revoked_at" is null;

-- closeSession
select "id", "user_id", "revoked_at"
from "tautline"."session"
where "id" = (
  select "session_id"
  from "tautline"."refresh_token"
  where "hash" = $1
)
for update;
update "tautline"."session"
set "revoked_at" = $1
where "id" = $2 and "revoked_at" is null;

-- closeSessionsOf: all of them
update "tautline"."session"
set "revoked_at" = $1
where "user_id" = $2 and "revoked_at" is null;

-- closeSessionsOf: all others
update "tautline"."session"
set "revoked_at" = $1
where "user_id" = $2 and "revoked_at" is null and "id" != $3;

-- isSessionLive
select "id"
from "tautline"."session"
where "id" = $1 and "user_id" = $2 and "revoked_at" is null and "expires_at" > $3;
