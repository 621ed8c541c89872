-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- findFile: of a user
select "id", "name", "content_type" as "contentType", "size", "sha256", "created_at" as "createdAt", "storage_key" as "storageKey"
from "tautline"."file"
where "id" = $1 and "owner" = $2;

-- findFile: of the backend
select "id", "name", "content_type" as "contentType", "size", "sha256", "created_at" as "createdAt", "storage_key" as "storageKey"
from "tautline"."file"
where "id" = $1 and "owner" is null;

-- findFileByKey
select "id", "name", "content_type" as "contentType", "size", "sha256", "created_at" as "createdAt", "storage_key" as "storageKey"
from "tautline"."file"
where "owner" = $1 and "upload_key" = $2;

-- findFileOfBytes
select "id", "name", "content_type" as "contentType", "size", "sha256", "created_at" as "createdAt", "storage_key" as "storageKey"
from "tautline"."file"
where "storage_key" = $1;

-- listFiles: the first page
select "id", "name", "content_type" as "contentType", "size", "sha256", "created_at" as "createdAt", created_at::text as "position"
from "tautline"."file"
where "owner" = $1
order by "created_at" desc, "id" desc
limit $2;

-- listFiles: the next page
select "id", "name", "content_type" as "contentType", "size", "sha256", "created_at" as "createdAt", created_at::text as "position"
from "tautline"."file"
where "owner" = $1 and (created_at, id) < ($2::timestamptz, $3::uuid)
order by "created_at" desc, "id" desc
limit $4;

-- insertFile
insert into "tautline"."file" ("owner", "name", "content_type", "size", "sha256", "storage_key", "upload_key")
values ($1, $2, $3, $4, $5, $6, $7)
returning "id", "name", "content_type" as "contentType", "size", "sha256", "created_at" as "createdAt", "storage_key" as "storageKey";

-- findUsage
select "files", "bytes"
from "tautline"."file_usage"
where "owner" = $1;

-- countFile
insert into tautline.file_usage as usage (owner, files, bytes)
values ($1, 1, $2)
on conflict (owner)
do update set files = usage.files + 1, bytes = usage.bytes + excluded.bytes
where usage.files < $3 and usage.bytes + excluded.bytes <= $4
returning owner;

-- deleteFile
with held as (
  select owner
  from tautline.file_usage
  where owner = $1
  order by owner
  for update
), gone as (
  delete from tautline.file
  where id = $2 and owner is not distinct from $3 and (
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

-- deleteSomeFiles: of an owner
with held as (
  select owner
  from tautline.file_usage
  where owner = $1
  order by owner
  for update
), gone as (
  delete from tautline.file
  where id in (
    select id
    from tautline.file
    where owner = $2
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

-- deleteSomeFiles: in every tenant
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

-- deleteUsage: of an owner
delete from "tautline"."file_usage"
where owner = $1 and "files" = $2;

-- deleteUsage: in every tenant
delete from "tautline"."file_usage"
where owner like '[null,%' and reverse(owner) like $1 and "files" = $2;

-- insertUnclaimed
insert into "tautline"."file_unclaimed" ("storage_key", "remove_after")
values ($1, now() + interval '1 hour');

-- extendUnclaimed
update "tautline"."file_unclaimed"
set "remove_after" = now() + interval '1 hour'
where "storage_key" = $1 and "doomed" = $2;

-- claim
delete from "tautline"."file_unclaimed"
where "storage_key" = $1 and "doomed" = $2
returning "storage_key";

-- doom
update "tautline"."file_unclaimed"
set "doomed" = $1, "remove_after" = now() + interval '1 minute'
where "storage_key" = $2
returning "storage_key";

-- doomOverdue
update "tautline"."file_unclaimed"
set "doomed" = $1, "remove_after" = now() + interval '1 minute'
where "storage_key" in (
  select "storage_key"
  from "tautline"."file_unclaimed"
  where "remove_after" <= now()
  order by "remove_after"
  limit $2
  for update skip locked
)
returning "storage_key";

-- deleteUnclaimed
delete from "tautline"."file_unclaimed"
where "storage_key" = any($1::text[]) and "doomed" = $2;
