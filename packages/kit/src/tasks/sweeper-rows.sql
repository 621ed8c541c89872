-- What the functions of sweeper-rows.ts send, called as in sweeper-rows.fixture.ts.
-- Derived: do not edit.

-- deleteVainWishes
delete from tautline.task_cancel as wish
where not exists (
  select
  from tautline.task
  where id = wish.task_id and finished_at is null
);

-- findLeftWishes
select wish.task_id as id, (task.id is null or task.finished_at is not null) as "isVain"
from tautline.task_cancel as wish
left join tautline.task on task.id = wish.task_id
left join "tautline_boss"."job" job on job.name = $1 || task.name and job.id = task.job_id
where task.state is distinct from 'running' or (job.state = 'active' and job.heartbeat_on >= now() - job.heartbeat_seconds * interval '1 s') is not true
order by wish.created_at
limit $2;

-- isWorkedOn
select exists (
  select
  from tautline.task
  join "tautline_boss"."job" job on job.name = $1 || task.name and job.id = task.job_id
  where task.id = $2 and (job.state = 'active' and job.heartbeat_on >= now() - job.heartbeat_seconds * interval '1 s')
) as is;

-- findForgotten
select task.id
from tautline.task
where finished_at is null and name = any($1::text[]) and not exists (
  select
  from "tautline_boss"."job" job
  where job.name = $2 || task.name and job.id = task.job_id and job.state <= 'active'
)
limit $3;

-- hasJob
select exists (
  select
  from tautline.task
  join "tautline_boss"."job" job on job.name = $1 || task.name and job.id = task.job_id
  where task.id = $2 and job.state <= 'active'
) as has;
