-- What the functions of attempt-rows.ts send, called as in attempt-rows.fixture.ts.
-- Derived: do not edit.

-- findWhereabouts
select owner, input, failures, exists (
  select
  from tautline.task_cancel
  where task_id = task.id
) as "isWished", state, attempt, job_id as "jobId"
from tautline.task
where id = $1;

-- holdAttempt
select id
from tautline.task
where id = $1 and attempt = $2 and state = 'running'
for no key update;

-- addEvents
with task as (
  update tautline.task
  set last_seq = last_seq + $1::integer
  where id = $2 and attempt = $3 and state = 'running'
  returning id, attempt, last_seq
), event as (
  insert into tautline.task_event (task_id, seq, attempt, type, data)
  select id, last_seq - $4::integer + place, attempt, type, data
  from task, unnest($5::text[], $6::text[]) with ordinality as new_event (type, data, place)
)
select id
from task;

-- writeProgress
with task as (
  update tautline.task
  set last_seq = last_seq + 1, progress_current = $1, progress_total = $2, progress_message = $3
  where id = $4 and attempt = $5 and state = 'running'
  returning id, attempt, last_seq
), event as (
  insert into tautline.task_event (task_id, seq, attempt, type, data)
  select id, last_seq - $6::integer + place, attempt, type, data
  from task, unnest($7::text[], $8::text[]) with ordinality as new_event (type, data, place)
)
select id
from task;

-- findWishes
select task_id as id
from tautline.task_cancel
where task_id = any($1::uuid[]);

-- requeueTask
with task as (
  update tautline.task
  set last_seq = last_seq + 1, state = 'queued', failures = $1, job_id = $2
  where id = $3 and attempt = $4 and state = 'running'
  returning id, attempt, last_seq
), event as (
  insert into tautline.task_event (task_id, seq, attempt, type, data)
  select id, last_seq - $5::integer + place, attempt, type, data
  from task, unnest($6::text[], $7::text[]) with ordinality as new_event (type, data, place)
)
select id
from task;
