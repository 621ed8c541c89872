-- What the functions of steps-ledger.ts send, called as in steps-ledger.fixture.ts.
-- Derived: do not edit.

-- claimStep: to report what is unknown
with task as (
  select id, attempt
  from tautline.task
  where id = $1 and attempt = $2 and state = 'running'
  for no key update
), claimed as (
  insert into tautline.task_step as step (task_id, key, state, attempt)
  select id, $3, 'sending', attempt
  from task
  on conflict (task_id, key)
  do update set state = 'sending', attempt = excluded.attempt
  where $4 and (step.state = 'unknown' or step.state = 'sending' and step.attempt < excluded.attempt)
  returning state, attempt, output, error
)
select state, attempt, output, error
from claimed
union all
select step.state, step.attempt, step.output, step.error
from task
join tautline.task_step as step on step.task_id = task.id and step.key = $5
where not exists (
  select
  from claimed
);

-- claimStep: to repeat it
with task as (
  select id, attempt
  from tautline.task
  where id = $1 and attempt = $2 and state = 'running'
  for no key update
), claimed as (
  insert into tautline.task_step as step (task_id, key, state, attempt)
  select id, $3, 'sending', attempt
  from task
  on conflict (task_id, key)
  do update set state = 'sending', attempt = excluded.attempt
  where $4 and (step.state = 'unknown' or step.state = 'sending' and step.attempt < excluded.attempt)
  returning state, attempt, output, error
)
select state, attempt, output, error
from claimed
union all
select step.state, step.attempt, step.output, step.error
from task
join tautline.task_step as step on step.task_id = task.id and step.key = $5
where not exists (
  select
  from claimed
);

-- endStep
with task as (
  select id, attempt
  from tautline.task
  where id = $1 and attempt = $2 and state = 'running'
  for no key update
)
update tautline.task_step as step
set state = $3, attempt = task.attempt, output = $4, error = $5
from task
where step.task_id = task.id and step.key = $6
returning step.key;
