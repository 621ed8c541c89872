-- What the functions of owner-rows.ts send, called as in owner-rows.fixture.ts.
-- Derived: do not edit.

-- deleteSomeTasks: held: wait
with gone as (
  select id
  from tautline.task
  where owner = $1
  order by finished_at is not null, id
  limit $2
  for update
), wish as (
  delete from tautline.task_cancel using gone
  where task_id = gone.id
)
delete from tautline.task using gone
where task.id = gone.id;

-- deleteSomeTasks: held: leave
with gone as (
  select id
  from tautline.task
  where owner = $1
  order by finished_at is not null, id
  limit $2
  for update skip locked
), wish as (
  delete from tautline.task_cancel using gone
  where task_id = gone.id
)
delete from tautline.task using gone
where task.id = gone.id;

-- deleteSomeTasks: in every tenant
with gone as (
  select id
  from tautline.task
  where owner like '[null,%' and reverse(owner) like $1
  order by finished_at is not null, id
  limit $2
  for update
), wish as (
  delete from tautline.task_cancel using gone
  where task_id = gone.id
)
delete from tautline.task using gone
where task.id = gone.id;
