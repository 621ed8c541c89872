-- What the functions of attempt-ends.ts send, called as in attempt-ends.fixture.ts.
-- Derived: do not edit.

-- beginAttempts: one that others hold is left out
with asked as (
  select task_id, job_id, attempt, place
  from unnest($1::uuid[], $2::uuid[], $3::integer[]) with ordinality as asked (task_id, job_id, attempt, place)
), held as (
  select task.id, asked.attempt, asked.place
  from tautline.task
  join asked on asked.task_id = task.id
  where task.job_id = asked.job_id and task.state in ('queued', 'running') and task.attempt < asked.attempt
  order by task.id
  for no key update of task skip locked
), begun as (
  update tautline.task
  set state = 'running', attempt = held.attempt, started_at = now(), last_seq = last_seq + 1
  from held
  where task.id = held.id
  returning task.id, owner, input, failures, task.attempt, last_seq, held.place
), event as (
  insert into tautline.task_event (task_id, seq, attempt, type, data)
  select id, last_seq, attempt, 'started', $4
  from begun
)
select place::int, owner, input, failures, exists (
  select
  from tautline.task_cancel
  where task_id = begun.id
) as "isWished"
from begun;

-- beginAttempts: one that others hold is waited for
with asked as (
  select task_id, job_id, attempt, place
  from unnest($1::uuid[], $2::uuid[], $3::integer[]) with ordinality as asked (task_id, job_id, attempt, place)
), held as (
  select task.id, asked.attempt, asked.place
  from tautline.task
  join asked on asked.task_id = task.id
  where task.job_id = asked.job_id and task.state in ('queued', 'running') and task.attempt < asked.attempt
  order by task.id
  for no key update of task
), begun as (
  update tautline.task
  set state = 'running', attempt = held.attempt, started_at = now(), last_seq = last_seq + 1
  from held
  where task.id = held.id
  returning task.id, owner, input, failures, task.attempt, last_seq, held.place
), event as (
  insert into tautline.task_event (task_id, seq, attempt, type, data)
  select id, last_seq, attempt, 'started', $4
  from begun
)
select place::int, owner, input, failures, exists (
  select
  from tautline.task_cancel
  where task_id = begun.id
) as "isWished"
from begun;

-- endTasks
with asked as (
  select task_id, attempt, queue, job_id, retry_count, state, output, error, failures, data, place
  from unnest($1::uuid[], $2::integer[], $3::text[], $4::uuid[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::integer[], $10::text[]) with ordinality as asked (task_id, attempt, queue, job_id, retry_count, state, output, error, failures, data, place)
), held as (
  select asked.place
  from tautline.task
  join asked on asked.task_id = task.id
  where task.attempt = asked.attempt and task.state = 'running'
  order by task.id
  for no key update of task skip locked
), job as (
  delete from "tautline_boss"."job" job using asked
  join held on held.place = asked.place
  where job.name = asked.queue and job.id = asked.job_id and job.retry_count = asked.retry_count and job.state = 'active'
  returning asked.place
), ended as (
  update tautline.task
  set state = asked.state, output = asked.output, error = asked.error, failures = asked.failures, job_id = null, finished_at = now(), last_seq = last_seq + 1
  from asked
  join job on job.place = asked.place
  where task.id = asked.task_id
  returning task.id, task.attempt, last_seq, asked.state, asked.data, asked.place
), event as (
  insert into tautline.task_event (task_id, seq, attempt, type, data)
  select id, last_seq, attempt, state, data
  from ended
), wish as (
  delete from tautline.task_cancel using ended
  where task_id = ended.id
)
select place::int
from ended;
