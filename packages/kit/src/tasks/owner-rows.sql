-- What the functions of owner-rows.ts send, called as in owner-rows.fixture.ts.
-- Derived: do not edit.

-- giveUpTasks: held: wait
with gone as (
  select id
  from tautline.task
  where owner = $1
  order by finished_at is not null, id
  limit $2
  for no key update
), wish as (
  delete from tautline.task_cancel using gone
  where task_id = gone.id
)
update tautline.task
set owner = null, state = 'cancelled', finished_at = '-infinity', job_id = null, last_seq = last_seq + 1, input = '', output = null, error = null, progress_message = null, dedupe_key = null
from gone
where task.id = gone.id;

-- giveUpTasks: held: leave
with gone as (
  select id
  from tautline.task
  where owner = $1
  order by finished_at is not null, id
  limit $2
  for no key update skip locked
), wish as (
  delete from tautline.task_cancel using gone
  where task_id = gone.id
)
update tautline.task
set owner = null, state = 'cancelled', finished_at = '-infinity', job_id = null, last_seq = last_seq + 1, input = '', output = null, error = null, progress_message = null, dedupe_key = null
from gone
where task.id = gone.id;

-- giveUpTasks: in every tenant
with gone as (
  select id
  from tautline.task
  where owner like '[null,%' and reverse(owner) like $1
  order by finished_at is not null, id
  limit $2
  for no key update
), wish as (
  delete from tautline.task_cancel using gone
  where task_id = gone.id
)
update tautline.task
set owner = null, state = 'cancelled', finished_at = '-infinity', job_id = null, last_seq = last_seq + 1, input = '', output = null, error = null, progress_message = null, dedupe_key = null
from gone
where task.id = gone.id;
