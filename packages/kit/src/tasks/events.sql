-- What the functions of events.ts send, called as in events.fixture.ts.
-- Derived: do not edit.

-- appendEvent
with task as (
  update tautline.task
  set last_seq = last_seq + 1
  where id = $1
  returning id, attempt, last_seq
), event as (
  insert into tautline.task_event (task_id, seq, attempt, type, data)
  select id, last_seq, coalesce($2::integer, attempt), $3, $4
  from task
)
select last_seq as seq
from task;
