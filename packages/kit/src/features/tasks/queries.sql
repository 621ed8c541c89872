-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- findTask
select "task"."id", "task"."name", "task"."state", "task"."attempt", "task"."error", "task"."progress_current", "task"."progress_total", "task"."progress_message", "task"."created_at" as "createdAt", "task"."started_at" as "startedAt", "task"."finished_at" as "finishedAt", "task"."last_seq" as "lastSeq", "task"."output", "asked"."position"
from unnest($1::uuid[], $2::text[]) with ordinality as asked (id, owner, position)
inner join "tautline"."task" as "task" on "task"."id" = "asked"."id" and "task"."owner" = "asked"."owner";

-- listTasks: the first page
select "task"."id", "task"."name", "task"."state", "task"."attempt", "task"."error", "task"."progress_current", "task"."progress_total", "task"."progress_message", "task"."created_at" as "createdAt", "task"."started_at" as "startedAt", "task"."finished_at" as "finishedAt", "task"."last_seq" as "lastSeq", task.created_at::text as "position"
from "tautline"."task" as "task"
where "task"."owner" = $1
order by "task"."created_at" desc, "task"."id" desc
limit $2;

-- listTasks: another page
select "task"."id", "task"."name", "task"."state", "task"."attempt", "task"."error", "task"."progress_current", "task"."progress_total", "task"."progress_message", "task"."created_at" as "createdAt", "task"."started_at" as "startedAt", "task"."finished_at" as "finishedAt", "task"."last_seq" as "lastSeq", task.created_at::text as "position"
from "tautline"."task" as "task"
where "task"."owner" = $1 and (task.created_at, task.id) < ($2::timestamptz, $3::uuid)
order by "task"."created_at" desc, "task"."id" desc
limit $4;

-- listTasks: of a state and a name
select "task"."id", "task"."name", "task"."state", "task"."attempt", "task"."error", "task"."progress_current", "task"."progress_total", "task"."progress_message", "task"."created_at" as "createdAt", "task"."started_at" as "startedAt", "task"."finished_at" as "finishedAt", "task"."last_seq" as "lastSeq", task.created_at::text as "position"
from "tautline"."task" as "task"
where "task"."owner" = $1 and "task"."state" = $2 and "task"."finished_at" is null and "task"."name" = $3
order by "task"."created_at" desc, "task"."id" desc
limit $4;

-- listEvents
select "event"."seq", "event"."type", "event"."attempt", "event"."data", "event"."created_at" as "at"
from "tautline"."task_event" as "event"
inner join "tautline"."task" as "task" on "task"."id" = "event"."task_id"
where "event"."task_id" = $1 and "task"."owner" = $2 and "event"."seq" > $3
order by "event"."seq"
limit $4;
