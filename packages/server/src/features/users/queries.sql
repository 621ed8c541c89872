-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- findUser
select "id", "email", "name", "created_at" as "createdAt", "asked"."position"
from unnest($1::uuid[], $2::boolean[], $3::text[]) with ordinality as asked (account, everybody, only_id, position)
inner join "tautline"."user" on "tautline"."user"."id" = "asked"."account"
where everybody or "tautline"."user"."id"::text = only_id;

-- listUsers: the first page
select "id", "email", "name", "created_at" as "createdAt", created_at::text as "position"
from "tautline"."user"
order by "created_at" desc, "id" desc
limit $1;

-- listUsers: another page
select "id", "email", "name", "created_at" as "createdAt", created_at::text as "position"
from "tautline"."user"
where (created_at, id) < ($1::timestamptz, $2::uuid)
order by "created_at" desc, "id" desc
limit $3;

-- updateUser: by themselves
update "tautline"."user"
set "name" = $1
where ("tautline"."user"."id" = $2 and "tautline"."user"."id"::text = $3)
returning "id", "email", "name", "created_at" as "createdAt";

-- updateUser: by an admin
update "tautline"."user"
set "name" = $1
where "tautline"."user"."id" = $2
returning "id", "email", "name", "created_at" as "createdAt";

-- deleteUser
delete from "tautline"."user"
where "tautline"."user"."id" = $1
returning "id";
insert into "deleted_user" ("id")
values ($1);
update "account"
set "name" = $1, "frozen" = $2, "closed_at" = now()
where "id" in (
  select "account"."id"
  from "account"
  where "owner_id" = $3 and "closed_at" is null
  order by "account"."id"
  for update
);
delete from "item"
where "owner_id" = $1;
with held as (
  select owner
  from tautline.file_usage
  where owner like '[null,%' and reverse(owner) like $1
  order by owner
  for update
), gone as (
  delete from tautline.file
  where id in (
    select id
    from tautline.file
    where owner like '[null,%' and reverse(owner) like $2
    limit $3
  ) and (
    select count(*)
    from held
  ) >= 0
  returning owner, size, storage_key
), given as (
  insert into tautline.file_unclaimed (storage_key, remove_after)
  select storage_key, now()
  from gone
), counted as (
  update tautline.file_usage usage
  set files = usage.files - less.files, bytes = usage.bytes - less.bytes
  from (
    select owner, count(*)::int as files, sum(size)::bigint as bytes
    from gone
    group by owner
  ) less
  where usage.owner = less.owner
)
select count(*)::int as deleted
from gone;
delete from "tautline"."file_usage"
where owner like '[null,%' and reverse(owner) like $1 and "files" = $2;
with gone as (
  select id
  from tautline.task
  where owner like '[null,%' and reverse(owner) like $1
  order by finished_at is not null, id
  limit $2
  for no key update
), wish as (
  delete from tautline.task_cancel using gone
  where task_id = gone.id
)
update tautline.task
set owner = null, state = 'cancelled', finished_at = '-infinity', job_id = null, last_seq = last_seq + 1, input = '', output = null, error = null, progress_message = null, dedupe_key = null
from gone
where task.id = gone.id;
delete from tautline.notification
where id in (
  select id
  from tautline.notification
  where owner like '[null,%' and reverse(owner) like $1
  limit $2
  for update
);
delete from "tautline"."notification_counter"
where owner like '[null,%' and reverse(owner) like $1;

-- findUserWithRecentItems
select "id", "email", "name", "created_at" as "createdAt", (
  select coalesce(json_agg(agg), '[]')
  from (
    select "item"."id", "sku", "item"."name", "quantity", "item"."created_at" as "createdAt", price_minor::text as "priceMinor"
    from "item"
    where "owner_id" = "tautline"."user"."id"::text and "tenant_id" = $1
    order by "item"."created_at" desc, "item"."id" desc
    limit $2
  ) as agg
) as "recentItems"
from "tautline"."user"
where ("tautline"."user"."id" = $3 and "tautline"."user"."id"::text = $4);
