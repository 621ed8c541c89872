-- What the functions of task-rows.ts send, called as in task-rows.fixture.ts.
-- Derived: do not edit.

-- holdOwner
select pg_advisory_xact_lock(hashtextextended('tautline.tasks ' || $1, 0));

-- countUnfinished
select count(*)::int as count
from (
  select
  from tautline.task
  where owner = $1 and finished_at is null
  limit $2
) as unfinished;

-- insertTask
with unfinished as (
  select count(*)::int as count
  from (
    select
    from tautline.task
    where owner = $1 and finished_at is null
    limit $2
  ) as unfinished
), added as (
  insert into tautline.task (id, name, owner, input, job_id, priority, dedupe_key, last_seq)
  select $3::uuid, $4::text, $5::text, $6::text, $7::uuid, $8::integer, $9::text, 1
  from unfinished
  where count < $10
  on conflict (name, coalesce(owner, ''), dedupe_key)
  where finished_at is null and dedupe_key is not null do nothing
  returning id
), event as (
  insert into tautline.task_event (task_id, seq, attempt, type, data)
  select id, 1, 0, 'queued', $11
  from added
)
select exists (
  select
  from added
) as "isAdded", count as unfinished
from unfinished;

-- findDuplicated
select id
from tautline.task
where name = $1 and coalesce(owner, '') = coalesce($2, '') and dedupe_key = $3 and finished_at is null;

-- holdFreeTask
select "id", "name", "state", "attempt", "job_id" as "jobId", "priority", "dedupe_key" as "dedupeKey"
from "tautline"."task"
where "id" = $1 and "finished_at" is null
for no key update skip locked;

-- holdOwnTask
select "id", "name", "state", "attempt", "job_id" as "jobId", "priority", "dedupe_key" as "dedupeKey"
from "tautline"."task"
where "id" = $1 and "owner" = $2
for no key update;

-- holdFreeQueued
select "id", "name", "state", "attempt", "job_id" as "jobId", "priority", "dedupe_key" as "dedupeKey"
from "tautline"."task"
where "id" = $1 and "owner" = $2 and "state" = $3
for no key update skip locked;

-- findState
select "state"
from "tautline"."task"
where "id" = $1 and "owner" = $2;

-- hasFirstEvent
select "seq"
from "tautline"."task_event"
where "task_id" = $1 and "seq" = $2;
