-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- listNotifications: the first page
select "id", "seq", "kind", "task_id" as "taskId", "name", "state", "error", "read_at" as "readAt", "created_at" as "createdAt"
from "tautline"."notification"
where "owner" = $1 and "seq" <= $2
order by "seq" desc
limit $3;

-- listNotifications: the next page of those that were not read
select "id", "seq", "kind", "task_id" as "taskId", "name", "state", "error", "read_at" as "readAt", "created_at" as "createdAt"
from "tautline"."notification"
where "owner" = $1 and "seq" <= $2 and "read_at" is null
order by "seq" desc
limit $3;

-- countUnread
select count(*)::int as "count"
from "tautline"."notification"
where "owner" = $1 and "read_at" is null and "seq" <= $2;

-- listAfter
select "id", "seq", "kind", "task_id" as "taskId", "name", "state", "error", "read_at" as "readAt", "created_at" as "createdAt"
from "tautline"."notification"
where "owner" = $1 and "seq" > $2
order by "seq"
limit $3;

-- markRead: some
update "tautline"."notification"
set "read_at" = now()
where "id" in (
  select "notification"."id"
  from "tautline"."notification" as "notification"
  where "owner" = $1 and "read_at" is null and id = any($2::uuid[]) and "seq" <= $3
  order by "seq"
  for update
);

-- markRead: all up to one
update "tautline"."notification"
set "read_at" = now()
where "id" in (
  select "notification"."id"
  from "tautline"."notification" as "notification"
  where "owner" = $1 and "read_at" is null and "seq" <= $2
  order by "seq"
  for update
);
