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

-- findDuplicated
select id
from tautline.task
where name = $1 and coalesce(owner, '') = coalesce($2, '') and dedupe_key = $3 and finished_at is null;

-- holdFreeTask
select "id", "name", "state", "attempt", "job_id" as "jobId", "priority", "dedupe_key" as "dedupeKey"
from "tautline"."task"
where "id" = $1 and "finished_at" is null
for no key update skip locked;

-- holdOwnTask: of a user
select "id", "name", "state", "attempt", "job_id" as "jobId", "priority", "dedupe_key" as "dedupeKey"
from "tautline"."task"
where "id" = $1 and owner = $2
for no key update;

-- holdOwnTask: of the backend itself
select "id", "name", "state", "attempt", "job_id" as "jobId", "priority", "dedupe_key" as "dedupeKey"
from "tautline"."task"
where "id" = $1 and (owner is null and finished_at is distinct from '-infinity')
for no key update;

-- holdFreeQueued
select "id", "name", "state", "attempt", "job_id" as "jobId", "priority", "dedupe_key" as "dedupeKey"
from "tautline"."task"
where "id" = $1 and owner = $2 and "state" = $3
for no key update skip locked;

-- findState
select "state"
from "tautline"."task"
where "id" = $1 and owner = $2;

-- hasFirstEvent
select "seq"
from "tautline"."task_event"
where "task_id" = $1 and "seq" = $2;
