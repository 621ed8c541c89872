-- What the functions of new-rows.ts send, called as in new-rows.fixture.ts.
-- Derived: do not edit.

-- insertNotifications
insert into tautline.notification (owner, kind, task_id, name, state, error)
select owner, 'task', task_id, name, state, error
from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[]) as ended (owner, task_id, name, state, error);

-- findHead
select "asked"."position", coalesce(counter.last_seq, 0) as "lastSeq", exists (
  select "notification"."id"
  from "tautline"."notification" as "notification"
  where "notification"."owner" = "asked"."owner" and "notification"."seq" is null
) as "hasNew"
from unnest($1::text[]) with ordinality as asked (owner, position)
left join "tautline"."notification_counter" as "counter" on "counter"."owner" = "asked"."owner";

-- findNewOwners
select distinct "owner"
from "tautline"."notification"
where "seq" is null
limit $1;

-- holdCounters
insert into tautline.notification_counter as counter (owner, last_seq)
select owner, 0
from unnest($1::text[]) as asked (owner)
order by owner
on conflict (owner)
do update set last_seq = counter.last_seq;

-- giveNumbers
with placed as (
  select id, owner, row_number() over (partition by owner order by created_at, id) as place
  from tautline.notification
  where owner = any($1::text[]) and seq is null
), numbered as (
  update tautline.notification as notification
  set seq = counter.last_seq + placed.place
  from placed
  join tautline.notification_counter as counter on counter.owner = placed.owner
  where notification.id = placed.id and placed.place <= $2
  returning notification.owner, notification.seq
), counted as (
  select owner, max(seq) as last_seq
  from numbered
  group by owner
), outdated as (
  delete from tautline.notification as notification using counted
  where notification.owner = counted.owner and notification.seq <= counted.last_seq - $3::integer
)
update tautline.notification_counter as counter
set last_seq = counted.last_seq
from counted
where counter.owner = counted.owner;
