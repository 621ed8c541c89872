-- What the functions of boss-jobs.ts send, called as in boss-jobs.fixture.ts.
-- Derived: do not edit.

-- touchJobs
with mine as (
  select claim.place, job.name, job.id
  from "tautline_boss"."job" job
  join unnest($1::text[], $2::uuid[], $3::integer[]) with ordinality as claim (name, id, retry_count, place) on claim.name = job.name and claim.id = job.id and claim.retry_count = job.retry_count
  where job.state = 'active'
), free as (
  select job.name, job.id
  from "tautline_boss"."job" job
  join mine on mine.name = job.name and mine.id = job.id
  for update of job skip locked
), touched as (
  update "tautline_boss"."job" job
  set heartbeat_on = now()
  from free
  where job.name = free.name and job.id = free.id
)
select place::int
from mine;

-- findDue
select asked.queue
from unnest($1::text[]) as asked (queue)
where (
  select true
  from "tautline_boss"."job"
  where name = asked.queue and state < 'active' and not blocked and start_after <= now()
  order by priority desc, created_on
  limit 1
);

-- deleteWaiting
delete from "tautline_boss"."job"
where (name, id) in (
  select name, id
  from "tautline_boss"."job"
  where name = $1 and id = $2 and state < 'active'
  for update skip locked
);

-- releaseExpired
with found as (
  select name, id
  from "tautline_boss"."job"
  where state = 'active' and heartbeat_on < now() - heartbeat_seconds * interval '1 s'
  order by heartbeat_on
  limit $1
  for update skip locked
)
update "tautline_boss"."job" job
set state = 'retry', heartbeat_on = null
from found
where job.name = found.name and job.id = found.id
returning job.name as queue;

-- releaseHeld
with found as (
  select job.name, job.id
  from "tautline_boss"."job" job
  join unnest($1::text[], $2::uuid[], $3::integer[]) with ordinality as claim (name, id, retry_count, place) on claim.name = job.name and claim.id = job.id and claim.retry_count = job.retry_count
  where job.state = 'active'
  for update of job
)
update "tautline_boss"."job" job
set state = 'retry', heartbeat_on = null
from found
where job.name = found.name and job.id = found.id
returning job.name as queue;
