-- What the functions of retention-rows.ts send, called as in retention-rows.fixture.ts.
-- Derived: do not edit.

-- holdOutdated
select id
from tautline.task
where finished_at < now() - $1::float8 * interval '1 ms'
order by finished_at
limit $2
for update skip locked;

-- deleteEvents
delete from tautline.task_event
where (task_id, seq) in (
  select task_id, seq
  from tautline.task_event
  where task_id = any($1::uuid[])
  order by task_id, seq
  limit $2
);

-- deleteSteps
delete from tautline.task_step
where (task_id, key) in (
  select task_id, key
  from tautline.task_step
  where task_id = any($1::uuid[])
  limit $2
);

-- deleteTasks
delete from tautline.task
where id = any($1::uuid[]);
