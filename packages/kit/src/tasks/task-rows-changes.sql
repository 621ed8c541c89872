-- What the functions of task-rows-changes.ts send, called as in task-rows-changes.fixture.ts.
-- Derived: do not edit.

-- wishEnd
insert into tautline.task_cancel (task_id)
select $1::uuid
where not exists (
  select
  from tautline.task_cancel
  where task_id = $2::uuid
)
on conflict do nothing;

-- forgetWish
delete from "tautline"."task_cancel"
where "task_id" = $1;

-- setCancelled
update "tautline"."task"
set "state" = $1, "job_id" = $2, "finished_at" = now()
where "id" = $3
returning "name", "owner";

-- setQueuedAnew
update "tautline"."task"
set "state" = $1, "failures" = $2, "job_id" = $3, "output" = $4, "error" = $5, "progress_current" = $6, "progress_total" = $7, "progress_message" = $8, "finished_at" = $9
where "id" = $10;

-- setQueuedAgain
update "tautline"."task"
set "state" = $1, "job_id" = $2
where "id" = $3;
